"""Statements that are wrong in ways that mutated texts found."""

from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

_OPTION = "which cannot be coerced to expected type ARRAY<STRUCT<STRING, STRING>>"
_RELATION = "Table-valued function APPENDS argument 1 must be a relation (i.e. table subquery)"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM APPENDS(TABLExd.t, NULL, NULL)", f"{_RELATION} at [1:23]"),
        ("SELECT * FROM APPENDS( d.t, NULL, NULL)", f"{_RELATION} at [1:24]"),
        (
            "CREATE TABLE d.u (n INT64) OPTIONS(labels=[('a' < 'b')])",
            f"Option labels value has type ARRAY<BOOL> {_OPTION}",
        ),
        (
            "CREATE TABLE d.u (n INT64) OPTIONS(labels=[('a', 'b', 'c')])",
            f"Option labels value has type ARRAY<STRUCT> {_OPTION}",
        ),
        ("SELECT n FROM d.a", "View p.d.a refers to itself"),
        ("SELECT n FROM d.a LIMIT 5 * 1", "View p.d.a refers to itself"),
    ],
)
def test_refused(warehouse: Warehouse, sql: str, message: str) -> None:
    warehouse.run("CREATE TABLE d.t (n INT64)")
    warehouse.run("CREATE VIEW d.a AS SELECT n FROM d.t")
    warehouse.run("CREATE VIEW d.b AS SELECT n FROM d.a")
    warehouse.run("CREATE OR REPLACE VIEW d.a AS SELECT n FROM d.b")
    assert warehouse.error(sql) == message


def test_failures_have_the_type_of_their_function(warehouse: Warehouse) -> None:
    """A call that fails for every row is NULL under SAFE., of its own type."""
    warehouse.run("CREATE TABLE d.t AS SELECT n, 'a' AS s FROM UNNEST([1, 2]) AS n")
    call = r"SAFE.REGEXP_REPLACE(s, r'a*', '\\1')"
    rows = warehouse.rows(
        f"SELECT LEAD({call}, 1, 'none') OVER (ORDER BY n), IFNULL({call}, 'x') FROM d.t ORDER BY n"
    )
    assert rows == [[None, "x"], ["none", "x"]]
    rows = warehouse.rows(
        "SELECT LEAD(SAFE.REGEXP_CONTAINS(s, '('), 1, TRUE) OVER (ORDER BY n) FROM d.t ORDER BY n"
    )
    assert rows == [[None], [True]]
