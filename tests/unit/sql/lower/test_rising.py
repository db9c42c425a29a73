from __future__ import annotations

import pytest

from bqsim.sql.googlesql.resolved import node_name, unwrap, walk
from bqsim.sql.lower.rising import names_column, rises
from tests.unit.sql.warehouse import Warehouse, new_warehouse


@pytest.fixture(scope="module")
def times() -> Warehouse:
    found = new_warehouse()
    found.run("CREATE TABLE d.t (ts TIMESTAMP, d DATE, n INT64)")
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ts", True),
        ("DATE(ts)", True),
        ("DATE(ts, 'Asia/Tokyo')", True),
        ("TIMESTAMP_TRUNC(ts, MONTH)", True),
        ("DATE_ADD(DATE(ts), INTERVAL 3 DAY)", True),
        ("CAST(ts AS DATE)", True),
        ("EXTRACT(YEAR FROM ts)", True),
        ("EXTRACT(MONTH FROM ts)", False),
        ("DATE_ADD(DATE(ts), INTERVAL EXTRACT(DAY FROM ts) DAY)", False),
        ("UNIX_SECONDS(ts)", True),
        ("CAST(ts AS STRING)", False),
        ("-UNIX_SECONDS(ts)", False),
        ("CURRENT_TIMESTAMP()", False),
    ],
)
def test_rises(times: Warehouse, expression: str, expected: bool) -> None:
    analyzed = times.executor.googlesql.analyze(
        f"SELECT n FROM d.t WHERE {expression} IS NULL", times.context()
    )
    (condition,) = [n.filter_expr for n in walk(analyzed.statement) if node_name(n) == "ResolvedFilterScan"]
    argument = unwrap(unwrap(condition).parent.argument_list[0])
    assert rises(argument) is expected
    assert names_column(argument) is ("ts" in expression)
