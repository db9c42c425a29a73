"""Bytes of columns from what queries processed."""

from __future__ import annotations

import pytest

from bqsim.calibrate.columns import column_bytes, columns_of
from bqsim.history import JobRecord

SIZES = {"id": 8000, "name": 24000, "day": 8000, "note": 90000}


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT id, name FROM d.t", {"id", "name"}),
        ("SELECT * FROM d.t", {"*"}),
        ("SELECT t.* FROM d.t AS t", {"*"}),
        ("SELECT COUNT(*) FROM d.t WHERE t.day = '2026-01-01'", {"day"}),
        ("SELECT UPPER(name) AS n FROM `p.d.t` GROUP BY n ORDER BY n", {"name"}),
        ("SELECT name AS name FROM d.t ORDER BY name", {"name"}),
        ("SELECT a.x FROM d.t AS b", {"a"}),
        ("SELECT id FROM d.t JOIN d.u USING (id)", None),
        ("DELETE FROM d.t WHERE id = 1", None),
        ("SELECT FROM WHERE", None),
    ],
)
def test_columns_of(sql: str, columns: set[str] | None) -> None:
    assert columns_of(sql) == (None if columns is None else frozenset(columns))


def _job(columns: str, share: float = 1.0) -> JobRecord:
    named = [name.strip() for name in columns.split(",")]
    size = sum(SIZES.values()) if columns == "*" else sum(SIZES[name] for name in named)
    sql = f"SELECT {columns} FROM d.t"
    return JobRecord(sql, sql=sql, tables=("p.d.t",), bytes_processed=int(size * share))


def test_sizes_are_solved() -> None:
    queries = ["id", "id, name", "name, note", "note", "*"]
    (found,) = column_bytes([_job(one) for one in queries] + [_job("name, note", 0.1)])
    assert found.columns == {"id": 8000, "name": 24000, "note": 90000, "*": 130000}
    assert (found.queries, found.jobs, found.error) == (5, 6, pytest.approx(0.0, abs=1e-9))


def test_columns_that_come_together_are_one() -> None:
    (found,) = column_bytes([_job("id, name"), _job("id, name, note"), _job("id, name, day")])
    assert found.columns == {"day": 8000, "id+name": 32000, "note": 90000}


def test_too_few_sets_tell_nothing() -> None:
    assert column_bytes([_job("id"), _job("name")]) == []
