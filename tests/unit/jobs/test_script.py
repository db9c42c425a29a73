from __future__ import annotations

import pytest

from bqsim.catalog.refs import JobRef, TableRef
from bqsim.errors import invalid_query
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.machine import State
from bqsim.jobs.script import add_up, fill_child
from bqsim.jobs.statistics import QueryStatistics
from bqsim.sql.plan import Route, StatementResult
from bqsim.sql.script import ChildStatement, Frame


def child_of(statement: ChildStatement) -> Job:
    job = Job(JobRef("p", "US", "c"), JobType.QUERY, {}, "me", statement.started_us)
    fill_child(job, statement)
    return job


def test_a_child_has_the_times_and_place_of_its_statement() -> None:
    frames = (Frame(2, 3, "SELECT 1,\n  2", "p.d.proc"), Frame(9, 1, "CALL p.d.proc()"))
    child = child_of(ChildStatement("x", frames, "STATEMENT", 5_000, 9_000, StatementResult("SELECT")))
    assert child.state is State.RUNNING
    assert child.start_ms == 5
    assert child.script_statistics == {
        "evaluationKind": "STATEMENT",
        "stackFrames": [
            {
                "startLine": 2,
                "startColumn": 3,
                "endLine": 3,
                "endColumn": 4,
                "text": "SELECT 1,\n  2",
                "procedureId": "p.d.proc",
            },
            {"startLine": 9, "startColumn": 1, "endLine": 9, "endColumn": 16, "text": "CALL p.d.proc()"},
        ],
    }


def test_a_failed_statement_is_a_failed_child() -> None:
    error = invalid_query("bad")
    child = child_of(ChildStatement("x", (Frame(1, 1, "x"),), "EXPRESSION", 1, 2, None, error))
    assert child.error is error
    assert child.statistics is None


@pytest.mark.parametrize(
    ("routes", "total"),
    [
        ([Route.METADATA, Route.ENGINE], Route.ENGINE),
        ([Route.ENGINE, Route.REFERENCE, Route.ENGINE], Route.REFERENCE),
        ([Route.ENGINE, Route.METADATA], Route.ENGINE),
    ],
)
def test_a_script_adds_up_its_children(routes: list[Route], total: Route) -> None:
    script = QueryStatistics("SCRIPT")
    ref = TableRef("p", "d", "t")
    for route in routes:
        reason = "no ST_AREA" if route is Route.REFERENCE else ""
        child = QueryStatistics("SELECT", route, reason, bytes_processed=5, bytes_billed=10, tables=(ref,))
        add_up(script, child)
    assert (script.bytes_processed, script.bytes_billed) == (5 * len(routes), 10 * len(routes))
    assert script.tables == (ref,)
    assert script.route is total
    assert script.route_reason == ("no ST_AREA" if total is Route.REFERENCE else "")
