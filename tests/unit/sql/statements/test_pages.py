from __future__ import annotations

import pytest

from bqsim.engine.duckdb import DuckDBEngine
from bqsim.sql.statements.pages import LEAST_ROWS, MOST_ROWS, PAGE_BYTES, page_rows, pages
from bqsim.types import Field, TypeKind


@pytest.mark.parametrize(
    ("rows", "size", "expected"),
    [
        (0, 0, MOST_ROWS),
        (10, 80, MOST_ROWS),
        (100, 100 * PAGE_BYTES, LEAST_ROWS),
        (5000, 5 * PAGE_BYTES, 1000),
    ],
)
def test_wide_rows_make_short_pages(rows: int, size: int, expected: int) -> None:
    assert page_rows(rows, size) == expected


def test_pages_are_in_stored_order_and_not_empty() -> None:
    engine = DuckDBEngine()
    try:
        session = engine.session()
        session.execute("CREATE TABLE t1 AS SELECT range AS c1, range % 2 = 0 AS live FROM range(100)")
        fields = [Field("n", TypeKind.INT64)]
        found = [p.column(0).to_pylist() for p in pages(session, "t1", ["c1"], fields, "c1 >= 40", 30)]
        assert found == [[*range(40, 60)], [*range(60, 90)], [*range(90, 100)]]
        assert list(pages(session, "t1", ["c1"], fields, "FALSE", 30)) == []
        with session.transaction():
            session.execute("CREATE TEMP TABLE t2 AS SELECT range AS c1 FROM range(50)")
            found = [p.num_rows for p in pages(session, "t2", ["c1"], fields, "TRUE", 30)]
            assert found == [30, 20]
        session.execute("DELETE FROM t2")
        assert list(pages(session, "t2", ["c1"], fields, "TRUE", 30)) == []
    finally:
        engine.close()
