"""What is recorded of a job does not depend on how far it was when it was asked about, nor do checks."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bqsim.contract.check import check
from bqsim.contract.targets import Target
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.proxy import RecordingProxy
from bqsim.record.recorder import Recorder
from bqsim.simulator import Simulator, start

from .altering import altered

QUERY = {"query": "SELECT 1 AS n", "useLegacySql": False, "useQueryCache": False}
# How often a job is seen in a state before it goes on, by what the call that starts it tells.
MOMENTS = {
    "PENDING": {"pending": 2, "running": 1},
    "RUNNING": {"pending": 0, "running": 2},
    # It is over when it is asked about.
    "over": {"pending": 0, "running": 0},
    # Its start is answered when it is over.
    "DONE": {"pending": 0, "running": 0},
}
FAILURES = ["", "resourcesExceeded", "quotaExceeded", "notFound", "internalError", "backendError"]
# Statuses by which a call fails, too: what follows the job by results alone does not tell which it was.
OF_CALLS = FAILURES[-2:]


_COUNT = itertools.count()


class Following:
    """A client without a library."""

    def __init__(self, url: str, project: str) -> None:
        self.target = Target("client", url, project=project)

    def call(self, verb: str, path: str, **given: Any) -> Any:
        """The body of the answer; None of a failed call."""
        answer = self.target.call(verb, f"/bigquery/v2/projects/{self.target.project}/{path}", **given)
        return answer.body if answer.ok else None

    def insert(self, **configuration: Any) -> Any:
        reference = {"projectId": self.target.project, "jobId": f"job_{next(_COUNT)}"}
        return self.call(
            "POST",
            "jobs",
            body={"jobReference": reference, "configuration": configuration or {"query": QUERY}},
        )

    def get(self, job: str) -> None:
        while self.call("GET", f"jobs/{job}")["status"]["state"] != "DONE":
            pass

    def results(self, job: str) -> None:
        while True:
            body = self.call("GET", f"queries/{job}", query={"timeoutMs": 0})
            if body is None or body["jobComplete"]:
                return

    def query(self) -> None:
        body = self.call("POST", "queries", body={**QUERY, "timeoutMs": 0})
        if body is not None and not body["jobComplete"]:
            self.results(body["jobReference"]["jobId"])


def by_get(client: Following) -> None:
    client.get(_id(client.insert()))


def only_started(client: Following) -> None:
    client.insert()


def by_results(client: Following) -> None:
    client.results(_id(client.insert()))


def by_results_and_get(client: Following) -> None:
    job = _id(client.insert())
    client.results(job)
    client.get(job)


def by_get_and_results(client: Following) -> None:
    job = _id(client.insert())
    client.get(job)
    client.results(job)


def as_far_as_needed(client: Following) -> None:
    """The call that starts a job that has failed tells all of it."""
    job = client.insert()
    if "errorResult" not in job["status"]:
        client.get(_id(job))


def by_query(client: Following) -> None:
    client.query()


def by_get_of_a_copy(client: Following) -> None:
    tables = [{"projectId": client.target.project, "datasetId": "none", "tableId": name} for name in "ab"]
    client.get(_id(client.insert(copy={"sourceTable": tables[0], "destinationTable": tables[1]})))


def _id(job: Any) -> str:
    return str(job["jobReference"]["jobId"])


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with start(seed=1) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def other() -> Iterator[Simulator]:
    with start(seed=2) as simulator:
        yield simulator


def plan(simulator: Simulator, moment: str, failure: str) -> None:
    simulator.reset()
    simulator.jobs.plan({"polls": MOMENTS[moment]})
    if failure:
        simulator.faults.add({"job_state": {"outcome": "fail", "reason": failure, "message": "it failed"}})


@contextlib.contextmanager
def told_at(simulator: Simulator, moment: str) -> Iterator[str]:
    """The address of the simulator; for ``DONE`` of a server whose jobs.insert tells the end."""
    if moment != "DONE":
        yield simulator.url
        return
    direct = Following(simulator.url, simulator.project)

    def alter(call: str, status: int, body: Any) -> tuple[int, Any]:
        if not call.startswith("POST") or status != 200 or "status" not in body:
            return status, body
        direct.get(_id(body))
        return status, direct.call("GET", f"jobs/{_id(body)}")

    with altered(simulator.url, alter) as url:
        yield url


def recorded(upstream: Simulator, folder: Path, moment: str, failure: str, way: Any) -> Cassette:
    plan(upstream, moment, failure)
    recorder = Recorder(folder / f"{moment}.cassette")
    with told_at(upstream, moment) as url, RecordingProxy(recorder, upstream=url) as proxy:
        way(Following(proxy.url, upstream.project))
    return recorder.finish()


WAYS = [
    by_get,
    by_results_and_get,
    by_get_and_results,
    as_far_as_needed,
    by_get_of_a_copy,
    only_started,
    by_results,
    by_query,
]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("way", WAYS)
def test_the_moment_makes_no_difference(
    upstream: Simulator,
    other: Simulator,
    tmp_path: Path,
    way: Callable[[Following], None],
    failure: str,
) -> None:
    if (way in (by_results, by_query) and failure in OF_CALLS) or (way is only_started and failure):
        pytest.skip("whether the job failed is not told")
    found = {moment: recorded(upstream, tmp_path, moment, failure, way) for moment in MOMENTS}
    told = {moment: list(cassette.operations()) for moment, cassette in found.items()}
    for moment, cassette in found.items():
        plan(other, moment, failure)
        result = check(cassette, [Target("other", other.url, project=other.project)])
        assert result.ok, result.text()
    if way in (only_started, by_results) and not failure:
        # The call that starts it tells more when it is over then.
        del told["DONE"]
    first, *others = ((one.request, one.result) for (one,) in told.values())
    assert others == [first] * len(others)
