from __future__ import annotations

from typing import Any

import pytest

from bqsim.server.known import known
from bqsim.sim.control.described import facts_of
from bqsim.sim.scenario.tree import ScenarioError

GET = "bigquery.jobs.get"


def test_a_call() -> None:
    facts = facts_of(
        {
            "method": "bigquery.jobs.query",
            "project": "p",
            "caller": "a@b.c",
            "client": "mine",
            "headers": {"X-Test": 1},
            "labels": {"team": "x"},
            "sql": "INSERT t SELECT 1",
        }
    )
    assert (facts.event, facts.transport, facts.resource, facts.project) == (
        "call",
        "rest",
        "projects/p",
        "p",
    )
    assert (facts.scope, facts.caller, facts.clients, facts.headers) == (
        "p",
        "a@b.c",
        ("mine",),
        {"x-test": "1"},
    )
    assert (facts.job_type, facts.statement_type, facts.labels) == ("QUERY", "INSERT", {"team": "x"})


def test_a_job_a_stream_and_a_scope() -> None:
    job = facts_of({"method": "bigquery.jobs.insert", "job_type": "LOAD", "state": "RUNNING"}, scope="s")
    assert (job.event, job.state, job.job_type, job.scope) == ("job", "RUNNING", "LOAD", "s")
    append = "google.cloud.bigquery.storage.v1.BigQueryWrite.AppendRows"
    stream = facts_of(f"{{method: {append}, event: stream, offset_rows: 5, rows: 2}}", known())
    assert (stream.event, stream.transport, stream.offset_rows, stream.rows) == ("stream", "grpc", 5, 2)
    headers = facts_of({"method": "x", "headers": {"x-bqsim-scope": "mine"}}, scope="s")
    assert headers.scope == "mine"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "call: a call is described by a mapping"),
        ("method", "call: a call is described by a mapping"),
        ({}, "call: a call needs 'method'"),
        ({"method": "bigquery.job.get"}, "there is no API method 'bigquery.job.get'; did you mean"),
        ({"method": 1}, "call: method: expected text, not 1"),
        (
            {"method": GET, "attempt": True},
            "call: attempt: expected a whole number, not true",
        ),
        ({"method": GET, "labels": [1]}, "call: labels: expected a mapping, not a list"),
        (
            {"method": GET, "stat": "DONE"},
            "unknown key 'stat' of a call; did you mean 'state'?",
        ),
        ({"method": GET, "state": "DON"}, "unknown state 'DON'; did you mean 'DONE'?"),
    ],
)
def test_what_is_no_description(given: Any, message: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        facts_of(given, known())
    assert message in str(refused.value)
