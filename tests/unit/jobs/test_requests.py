from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.refs import JobRef
from bqsim.errors import BigQueryError
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.requests import REQUEST_LIFE_US, Requests, configuration_of, timeout_s

pytestmark = pytest.mark.fidelity(
    "job:ids and request ids", "exact", tests="test_the_same* test_another* test_requests*"
)


def job(at_us: int = 0) -> Job:
    return Job(JobRef("p", "US", "j"), JobType.QUERY, {}, "me", at_us)


REQUEST: dict[str, Any] = {"query": "SELECT 1", "requestId": "r"}


def test_the_same_request_finds_its_job() -> None:
    requests, first = Requests(), job()
    requests.remember("p", "me", REQUEST, first)
    assert requests.find("p", "me", {**REQUEST, "timeoutMs": 5, "maxResults": 3}, 10) is first
    assert requests.find("p", "you", REQUEST, 10) is None
    assert requests.find("q", "me", REQUEST, 10) is None
    assert requests.find("p", "me", {**REQUEST, "requestId": "R"}, 10) is None


def test_another_query_with_the_same_id_is_another_request() -> None:
    requests = Requests()
    requests.remember("p", "me", REQUEST, job())
    assert requests.find("p", "me", {**REQUEST, "query": "SELECT 2"}, 10) is None


def test_requests_are_forgotten_after_15_minutes() -> None:
    requests, first = Requests(), job(1)
    requests.remember("p", "me", REQUEST, first)
    assert requests.find("p", "me", REQUEST, REQUEST_LIFE_US) is first
    assert requests.find("p", "me", REQUEST, REQUEST_LIFE_US + 1) is None


def test_dry_runs_and_requests_without_id_are_never_the_same() -> None:
    requests = Requests()
    for request in ({"query": "SELECT 1"}, {**REQUEST, "dryRun": True}):
        requests.remember("p", "me", request, job())
        assert requests.find("p", "me", request, 10) is None


@pytest.mark.parametrize("request_id", ["x" * 37, "é"])
def test_bad_ids(request_id: str) -> None:
    with pytest.raises(BigQueryError, match="36 ASCII characters"):
        Requests().find("p", "me", {"requestId": request_id}, 0)


def test_configuration_of_a_request() -> None:
    request = {
        "query": "SELECT 1",
        "useLegacySql": False,
        "labels": {"a": "b"},
        "dryRun": True,
        "maxResults": 5,
        "location": "EU",
        "createSession": None,
    }
    assert configuration_of(request) == {
        "query": {"query": "SELECT 1", "useLegacySql": False},
        "labels": {"a": "b"},
        "dryRun": True,
    }


@pytest.mark.parametrize(
    ("given", "seconds"), [({}, 10), ({"timeoutMs": "500"}, 0.5), ({"timeoutMs": 10**9}, 200)]
)
def test_timeouts(given: dict[str, Any], seconds: float) -> None:
    assert timeout_s(given) == seconds


def test_requests_since_a_time_are_forgotten() -> None:
    requests, first = Requests(), job(1)
    requests.remember("p", "me", REQUEST, first)
    requests.remember("p", "you", REQUEST, job(5))
    requests.forget_since(1)
    assert requests.find("p", "me", REQUEST, 10) is first
    assert requests.find("p", "you", REQUEST, 10) is None
