"""The engine's answers must be those of GoogleSQL's own evaluator."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from bqsim.errors import BigQueryError
from bqsim.sql.plan import Route
from bqsim.sql.reference import ReferenceRoute
from tests.unit.sql.warehouse import Warehouse, values_of


def literal(value: Any) -> str:
    """A value as GoogleSQL text."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in value) + '"'
    if isinstance(value, bytes):
        return 'b"' + "".join(f"\\x{b:02x}" for b in value) + '"'
    if isinstance(value, Decimal):
        return f"NUMERIC '{value:f}'"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"CAST('{value}' AS FLOAT64)"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return str(value)


def relation(columns: str, rows: Iterable[Sequence[Any]]) -> str:
    """A FROM clause of rows with named, typed columns, in order."""
    structs = ", ".join(f"STRUCT<{columns}>({', '.join(map(literal, row))})" for row in rows)
    return f"FROM UNNEST([{structs}]) WITH OFFSET AS place ORDER BY place"


def same(left: Any, right: Any, tolerance: float = 0.0) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return left == right or abs(left - right) <= tolerance * abs(left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            same(a, b, tolerance) for a, b in zip(left, right, strict=True)
        )
    return type(left) is type(right) and bool(left == right)


def assert_agrees(
    warehouse: Warehouse, expression: str, columns: str, rows: Iterable[Sequence[Any]], tolerance: float = 0.0
) -> None:
    """Both routes give the same values of an expression over rows; where it fails, the same texts."""
    cases = [tuple(row) for row in rows]
    assert cases
    _assert_cases(warehouse, expression, columns, cases, tolerance)


def _assert_cases(
    warehouse: Warehouse, expression: str, columns: str, cases: list[tuple[Any, ...]], tolerance: float
) -> None:
    """Cases that fail are found by halves: most that fail are few."""
    sql = f"SELECT {expression} {relation(columns, cases)}"
    try:
        wanted = _reference(warehouse, sql)
    except BigQueryError as failure:
        if len(cases) == 1:
            assert warehouse.error(sql) == failure.message, f"{expression} of {cases[0]}"
            return
        half = len(cases) // 2
        _assert_cases(warehouse, expression, columns, cases[:half], tolerance)
        _assert_cases(warehouse, expression, columns, cases[half:], tolerance)
        return
    result = warehouse.run(sql)
    assert result.route is Route.ENGINE, result.route_reason
    found = [row[0] for row in values_of(result)]
    wrong = [
        (case, w, f) for case, w, f in zip(cases, wanted, found, strict=True) if not same(w, f, tolerance)
    ]
    assert not wrong, f"{expression}: (case, wanted, found) {wrong[:5]}"


def _reference(warehouse: Warehouse, sql: str) -> list[Any]:
    ctx = warehouse.context()
    analyzed = warehouse.googlesql.analyze(sql, ctx)
    table = ReferenceRoute(warehouse.googlesql).run(analyzed, ctx, {})
    return list(table.column(0).to_pylist())


def assert_engine(warehouse: Warehouse, expression: str, value: Any) -> None:
    """The engine computes an expression without columns, with this value."""
    result = warehouse.run(f"SELECT {expression}")
    assert result.route is Route.ENGINE, result.route_reason
    [[found]] = values_of(result)
    assert same(value, found), f"{expression}: {found!r}, not {value!r}"


def route_reason(warehouse: Warehouse, expression: str) -> str:
    """Why an expression is not computed by the engine; empty when it is."""
    return warehouse.run(f"SELECT {expression}").route_reason
