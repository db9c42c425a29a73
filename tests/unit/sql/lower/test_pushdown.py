"""What of a filter reaches those who make the rows of a view; the answers never depend on it."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.sql.lower.pushdown import ANY, Condition
from bqsim.sql.plan import TypedValue
from bqsim.types import STRING
from tests.unit.sql.warehouse import Warehouse

NOW_US = 1_800_000_000_000_000
HOUR_US = 3_600_000_000
TABLES = "d.INFORMATION_SCHEMA.TABLES"


def noted(w: Warehouse, sql: str, **more: Any) -> list[dict[str, Condition]]:
    """The conditions of each view that a query reads, by column."""
    ctx = w.context(now_us=NOW_US, **more)
    analyzed = w.googlesql.analyze(sql, ctx)
    plan = w.executor.planner.plan_query(analyzed, ctx)
    return [
        {rows.view.fields[at].name: c for at, c in rows.conditions.items()}
        for _, rows in plan.inputs.values()
    ]


def one_of(*values: Any) -> Condition:
    return Condition(values=frozenset(values))


@pytest.mark.parametrize(
    ("where", "conditions"),
    [
        ("table_name = 'a'", {"table_name": one_of("a")}),
        (
            "'a' = table_name AND table_type = 'VIEW'",
            {"table_name": one_of("a"), "table_type": one_of("VIEW")},
        ),
        ("table_name IN ('a', 'b')", {"table_name": one_of("a", "b")}),
        ("table_name = 'a' AND table_name IN ('a', 'b')", {"table_name": one_of("a")}),
        ("table_name >= 'a' AND table_name < 'b'", {"table_name": Condition(low="a", high="b")}),
        ("'a' < table_name", {"table_name": Condition(low="a")}),
        ("table_name BETWEEN 'a' AND 'b'", {"table_name": Condition(low="a", high="b")}),
        ("table_name = 'a' OR table_type = 'VIEW'", {}),
        ("table_name != 'a'", {}),
        ("table_name = table_schema", {}),
        ("UPPER(table_name) = 'A'", {}),
        ("table_name = CAST(NULL AS STRING)", {}),
        ("table_name LIKE 'a%'", {}),
        ("creation_time > CURRENT_TIMESTAMP()", {"creation_time": Condition(low=NOW_US)}),
        (
            "creation_time >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 2 HOUR)",
            {"creation_time": Condition(low=NOW_US - 2 * HOUR_US)},
        ),
        ("creation_time < TIMESTAMP '1970-01-01 00:00:01+00'", {"creation_time": Condition(high=1_000_000)}),
    ],
)
def test_conditions(warehouse: Warehouse, where: str, conditions: dict[str, Condition]) -> None:
    assert noted(warehouse, f"SELECT ddl FROM {TABLES} WHERE {where}") == [conditions]


@pytest.mark.parametrize(
    ("sql", "conditions"),
    [
        (
            f"SELECT * FROM (SELECT table_name AS x FROM {TABLES}) WHERE x = 'a'",
            [{"table_name": one_of("a")}],
        ),
        (f"SELECT * FROM (SELECT table_name AS x FROM {TABLES} LIMIT 1) WHERE x = 'a'", [{}]),
        (
            "SELECT * FROM (SELECT table_name AS x, ROW_NUMBER() OVER (ORDER BY table_name) AS n"
            f" FROM {TABLES}) WHERE x = 'a'",
            [{}],
        ),
        (
            f"SELECT a.ddl FROM {TABLES} a JOIN {TABLES} b USING (creation_time)"
            " WHERE a.table_name = 'a' AND b.table_name = 'b'",
            [{"table_name": one_of("a")}, {"table_name": one_of("b")}],
        ),
        (
            f"SELECT a.ddl FROM {TABLES} a LEFT JOIN {TABLES} b USING (creation_time)"
            " WHERE b.table_name = 'b'",
            [{}, {}],
        ),
    ],
)
def test_what_conditions_pass_through(
    warehouse: Warehouse, sql: str, conditions: list[dict[str, Condition]]
) -> None:
    assert noted(warehouse, sql) == conditions


def test_parameters_are_known(warehouse: Warehouse) -> None:
    sql = f"SELECT ddl FROM {TABLES} WHERE table_name = @n"
    found = noted(warehouse, sql, parameters={"n": TypedValue(STRING, "a")})
    assert found == [{"table_name": one_of("a")}]


def test_only_columns_that_are_read_are_made(warehouse: Warehouse) -> None:
    ctx = warehouse.context(now_us=NOW_US)
    analyzed = warehouse.googlesql.analyze(f"SELECT table_type FROM {TABLES} WHERE table_name = 'a'", ctx)
    ((_, rows),) = warehouse.executor.planner.plan_query(analyzed, ctx).inputs.values()
    assert sorted(rows.view.fields[at].name for at in rows.wanted) == ["table_name", "table_type"]


def test_null_satisfies_no_condition() -> None:
    assert ANY.admits(1)
    assert not ANY.admits(None)
    assert Condition(low=1, high=3).admits(3)
    assert not Condition(low=1, high=3).admits(4)
    assert not one_of("a").joined(one_of("b")).admits("a")
