from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.jobs.script import add_up, script_statistics
from bqsim.jobs.statistics import QueryStatistics
from bqsim.sql.plan import Route
from bqsim.sql.script import Frame


def test_a_child_tells_where_its_statement_stands() -> None:
    frames = (Frame(2, 3, "SELECT 1,\n  2", "p.d.proc"), Frame(9, 1, "CALL p.d.proc()"))
    assert script_statistics(frames, "STATEMENT") == {
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
