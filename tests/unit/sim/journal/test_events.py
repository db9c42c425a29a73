"""Events: their JSON form, outcomes and explain ids."""

from __future__ import annotations

import json

import pytest

from bqsim.sim.journal import (
    CallEvent,
    ControlEvent,
    Decision,
    JobEvent,
    LedgerEntry,
    Outcome,
    explain_id,
    from_json,
    to_json,
)

EVENTS = [
    CallEvent(
        "c1",
        5,
        "rest",
        "bigquery.jobs.query",
        "projects/p",
        "ada@example.com",
        "f",
        3,
        2,
        "r",
        "j",
        labels={"team": "x"},
        facts={"sql": "SELECT 1", "rows": 3},
        outcome=Outcome("backendError", http=503, message="Try again"),
        duration_us=7,
        decisions=(Decision("brownout", "error", "slow.yaml:3", 0.25, latency_s=1.5), Decision(quota="q")),
    ),
    JobEvent(6, "j", "p", "US", "PENDING", "RUNNING", decisions=(Decision("stuck", "hold"),)),
    ControlEvent(7, "rule added", "python", details={"rule": "brownout", "times": 2}),
    LedgerEntry(8, "c1", "bigquery.tabledata.insertAll", "projects/p", "w", True, False, rows=4),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_json_and_back(event):
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


def test_json_has_no_defaults():
    assert to_json(CallEvent("c1", 5, "rest", "bigquery.jobs.get")) == {
        "kind": "call",
        "id": "c1",
        "time_us": 5,
        "transport": "rest",
        "method": "bigquery.jobs.get",
    }


def test_facts_of_any_kind_become_json():
    event = CallEvent("c1", 5, "rest", "m", facts={"ids": {1}, "at": (1, 2), "path": object})
    facts = to_json(event)["facts"]
    assert facts["ids"] == [1] and facts["at"] == [1, 2] and isinstance(facts["path"], str)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"kind": "cal"}, "call, job, control, ledger"),
        ({}, "call, job, control, ledger"),
        ({"kind": "call", "id": "c"}, "CallEvent"),
        ({"kind": "job", "time_us": 1, "job_id": "j", "colour": "red"}, "colour"),
    ],
)
def test_what_is_no_event_is_refused(members, text):
    with pytest.raises(ValueError, match=text):
        from_json(members)


@pytest.mark.parametrize(
    ("outcome", "kind", "text"),
    [
        (Outcome(), "ok", "ok"),
        (Outcome(http=200), "ok", "ok"),
        (Outcome(http=304), "ok", "ok"),
        (Outcome(status="OK"), "ok", "ok"),
        (Outcome("backendError", http=503), "error", "503 backendError"),
        (Outcome(http=502), "status", "502"),
        (Outcome(status="UNAVAILABLE"), "status", "UNAVAILABLE"),
        (Outcome(network="reset"), "network", "network fault reset"),
    ],
)
def test_kinds_of_outcomes(outcome, kind, text):
    assert (outcome.kind, outcome.text, outcome.ok) == (kind, text, kind == "ok")


def test_explain_ids_repeat_and_differ():
    given = (1, "bigquery.jobs.query", "projects/p", "f", 1)
    assert explain_id(*given) == explain_id(*given)
    others = [(2, *given[1:]), (*given[:4], 2), (1, "m", *given[2:]), (*given[:2], "projects/q", "f", 1)]
    assert len({explain_id(*other) for other in [given, *others]}) == 5
