from __future__ import annotations

from typing import Any

import pytest

from .conftest import Control

LIST, QUERY = "bigquery.datasets.list", "bigquery.jobs.query"


def test_the_journal_is_read_in_parts(control: Control) -> None:
    for _ in range(3):
        control.call("GET", "/datasets")
    first = control.do("GET", "journal?limit=2")
    rest = control.do("GET", f"journal?since={first['next']}")
    assert [len(first["events"]), len(rest["events"])] == [2, 1] and rest["next"] == rest["end"]
    control.query("SELECT 1")
    assert [e["method"] for e in control.do("GET", "journal?method=*.query")["events"]] == [QUERY]
    assert {e["kind"] for e in control.do("GET", "journal?kind=job,ledger")["events"]} == {"job", "ledger"}
    assert len(control.do("GET", "journal/hash")["hash"]) == 64
    control.do("DELETE", "journal")
    assert control.do("GET", "journal")["events"] == []


def test_explanations_of_calls_and_jobs(control: Control) -> None:
    control.do("POST", "faults", f"{{id: r, effect: {{error: blocked}}, match: {{method: {LIST}}}}}")
    call = control.call("GET", "/datasets").headers["x-bqsim-explain"]
    told = control.do("GET", f"journal/calls/{call}")
    assert told["call"]["outcome"]["reason"] == "blocked" and "rule 'r' (rest): error, call 1" in told["text"]
    assert control.do("GET", f"journal/calls/%23{call}") == told
    assert control.ask("GET", "journal/calls/none").status == 404
    job = control.query("SELECT 1").json["jobReference"]["jobId"]
    moves = control.do("GET", f"journal/jobs/{job}")
    assert [m["after"] for m in moves["moves"]] == ["PENDING", "RUNNING", "DONE"]
    assert control.ask("GET", "journal/jobs/none").status == 404


@pytest.mark.parametrize(
    ("body", "ok"),
    [
        ({"method": LIST}, True),
        ({"method": LIST, "times": 2}, True),
        ({"method": LIST, "times": 1}, False),
        ({"method": LIST, "times": [0, 3]}, True),
        ({"method": LIST, "where": {"ok": True}, "times": 2}, True),
        ({"method": LIST, "where": {"reason": ["blocked", "backendError"]}}, False),
        ({"method": "*", "where": {"resource": {"regex": "projects/p"}}}, True),
        ({"method": LIST, "order": [LIST, {"method": LIST, "where": {"ok": True}}]}, True),
        ({"method": LIST, "order": [LIST, LIST, LIST]}, False),
    ],
)
def test_verification(control: Control, body: dict[str, Any], ok: bool) -> None:
    control.call("GET", "/datasets")
    control.call("GET", "/datasets")
    answer = control.ask("POST", "verify", body)
    assert (answer.status, answer.json["ok"]) == ((200, True) if ok else (409, False))
    if not ok:
        assert answer.json["message"] == answer.message and "Expected" in answer.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "The body needs the field method."),
        ({"method": LIST, "times": "x"}, "The field times must be a whole number or a list."),
        ({"method": LIST, "times": [1, 2, 3]}, "The field times must be a number, or a list of the least"),
        ({"method": LIST, "where": {"resaon": "x"}}, "unknown condition 'resaon'; did you mean 'reason'?"),
        ({"method": LIST, "where": {"sql": {"regex": "("}}}, "( is no regular expression"),
        ({"method": LIST, "order": [1]}, "A step of an order is a method"),
    ],
)
def test_wrong_expectations(control: Control, body: dict[str, Any], message: str) -> None:
    answer = control.ask("POST", "verify", body)
    assert answer.status == 400 and message in answer.message


def test_back_off_and_ledger(control: Control) -> None:
    control.do(
        "POST",
        "faults",
        f"{{effect: {{error: {{reason: backendError, applied: true}}}}, match: {{method: {QUERY}}}}}",
    )
    for _ in range(2):
        assert control.query("SELECT 1").status == 503
    answer = control.ask("POST", "verify/backoff", {"method": QUERY})
    assert answer.status == 409 and "[first_wait]" in answer.message
    lenient = {
        "method": QUERY,
        "firstWait": 0,
        "cap": "32s",
        "growthAfter": 0,
        "jitter": False,
        "mustRetry": False,
    }
    assert control.ask("POST", "verify/backoff", lenient).status in (200, 409)
    twice = control.ask("POST", "verify/exactly-once", {"inDoubt": True})
    assert twice.status == 409 and "done more than once" in twice.message
    assert control.do("GET", "ledger")["counts"]["duplicate"] == 1


def test_calls_that_nothing_expected(control: Control) -> None:
    control.call("GET", "/datasets")
    assert control.ask("POST", "verify/unexpected").status == 409
    assert control.ask("POST", "verify/unexpected", {"ignore": ["bigquery.datasets.*"]}).status == 200
    control.do("POST", "verify", {"method": LIST})
    assert control.ask("POST", "verify/unexpected").status == 200
