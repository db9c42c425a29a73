from __future__ import annotations

import pytest

from bqsim.engine.duckdb import DuckDBSession
from bqsim.errors import BigQueryError


def test_the_text_reaches_the_user(session: DuckDBSession) -> None:
    with pytest.raises(BigQueryError, match=r"^it's 3$"):
        session.scalar("SELECT CASE WHEN i = 3 THEN bq_error('it''s ' || i) ELSE i END FROM range(3, 5) t(i)")


def test_it_takes_the_type_of_its_neighbours(session: DuckDBSession) -> None:
    sql = "SELECT typeof(CASE WHEN i = 3 THEN bq_error('x') ELSE DATE '2020-01-01' END) FROM range(2) t(i)"
    assert session.scalar(sql) == "DATE"


def test_try_catches_it(session: DuckDBSession) -> None:
    assert (
        session.scalar("SELECT TRY(CASE WHEN i = 3 THEN bq_error('x') ELSE i END) FROM range(3, 5) t(i)")
        is None
    )
