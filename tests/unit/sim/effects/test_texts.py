"""Every reason and status has a text."""

from __future__ import annotations

import pytest

from bqsim.errors import REASONS
from bqsim.sim.effects.texts import (
    JOB_TEXTS,
    REQUEST_TEXTS,
    STATUS_TEXTS,
    job_text,
    request_text,
    status_text,
)
from bqsim.sim.scenario.words import GRPC_STATUSES

TABLE = "projects/p/datasets/d/tables/t"


def test_the_tables_are_complete() -> None:
    assert set(REQUEST_TEXTS) == set(JOB_TEXTS) == set(REASONS)
    assert set(STATUS_TEXTS) == set(GRPC_STATUSES)


@pytest.mark.parametrize("resource", ["", "projects/p", "projects/p/datasets/d", TABLE, "projects/p/jobs/j"])
@pytest.mark.parametrize("reason", REASONS)
def test_every_text_is_filled(reason: str, resource: str) -> None:
    for text in (request_text(reason, resource=resource), job_text(reason, resource=resource)):
        assert text.strip()
        assert "{" not in text
        assert "}" not in text


@pytest.mark.parametrize(
    ("reason", "resource", "slots", "text"),
    [
        ("notFound", TABLE, {}, "Not found: Table p:d.t"),
        ("notFound", "projects/p/datasets/d", {}, "Not found: Dataset p:d"),
        ("notFound", "", {"project": "other"}, "Not found: Project other"),
        ("notFound", "", {"job": "p:US.j"}, "Not found: Job p:US.j"),
        ("notFound", TABLE, {"what": "Model p:d.m"}, "Not found: Model p:d.m"),
        ("duplicate", TABLE, {"name": "q:d.t"}, "Already Exists: Table q:d.t"),
        ("resourceInUse", "projects/p/datasets/d", {}, "Dataset p:d is still in use"),
        (
            "bytesBilledLimitExceeded",
            "",
            {"limit": 1, "needed": 2},
            "Query exceeded limit for bytes billed: 1. 2 or higher required.",
        ),
        (
            "badRequest",
            TABLE,
            {},
            "UPDATE or DELETE statement over table p.d.t would affect rows in the streaming buffer, which is "
            "not supported",
        ),
        ("notFound", "projects/{p}", {}, "Not found: Project {p}"),
    ],
)
def test_slots(reason: str, resource: str, slots: dict[str, object], text: str) -> None:
    assert request_text(reason, resource=resource, **slots) == text


def test_a_job_says_where_it_looked() -> None:
    assert job_text("notFound", resource=TABLE, location="EU") == (
        "Not found: Table p:d.t was not found in location EU"
    )


def test_requests_and_jobs_are_told_different_things() -> None:
    differ = {reason for reason in REASONS if REQUEST_TEXTS[reason] != JOB_TEXTS[reason]}
    assert differ == {
        "accessDenied",
        "authError",
        "internalError",
        "invalid",
        "notFound",
        "quotaExceeded",
        "rateLimitExceeded",
    }


def test_status_text() -> None:
    assert status_text("UNAVAILABLE") == "The service is currently unavailable."
