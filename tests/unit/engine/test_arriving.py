"""Rows that the engine pulls batch after batch."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from bqsim.engine import arriving
from bqsim.engine.duckdb import DuckDBEngine
from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError, invalid
from bqsim.types import Field, TypeKind
from bqsim.types.arrow import arrow_type, table_of

FIELDS = (Field("n", TypeKind.INT64), Field("q", TypeKind.BIGNUMERIC))
SQL = "CREATE OR REPLACE TABLE taken AS SELECT * FROM arriving"


def batch(*numbers: int) -> pa.Table:
    wide = pa.array([Decimal(n) for n in numbers], arrow_type(FIELDS[1].type))
    return table_of([pa.array(numbers, pa.int64()), wide])


def test_batches_are_read_as_one_relation() -> None:
    session = DuckDBEngine(threads=2).session()
    batches = (batch(n, n + 1) for n in range(0, 2000, 2))
    with session.stream("arriving", batches, FIELDS):
        session.execute(SQL)
    found = session.query("SELECT c1, c2 FROM taken", FIELDS)
    assert found.column(0).to_pylist() == list(range(2000))
    assert found.column(1).to_pylist() == [Decimal(n) for n in range(2000)]


def test_no_batches_are_no_rows() -> None:
    session = DuckDBEngine(threads=1).session()
    with session.stream("arriving", [], FIELDS):
        session.execute(SQL)
    assert session.scalar("SELECT count(*) FROM taken") == 0


@pytest.mark.parametrize("make", [lambda: invalid("bad row 3"), Interrupted], ids=["invalid", "interrupted"])
def test_a_failure_of_a_batch_is_the_failure_of_the_statement(make: Callable[[], Exception]) -> None:
    # Made here: what is raised holds the session by its frames.
    failure = make()

    def batches() -> Iterator[pa.Table]:
        yield batch(1)
        raise failure

    session = DuckDBEngine(threads=1).session()
    stream = session.stream("arriving", batches(), FIELDS)
    with pytest.raises(type(failure)) as caught, session.transaction(), stream:
        session.execute(SQL)
    assert caught.value is failure
    assert session.scalar("SELECT 1") == 1


def test_a_failure_of_the_statement_stays_its_own() -> None:
    session = DuckDBEngine(threads=1).session()
    closed: list[bool] = []

    def batches() -> Iterator[pa.Table]:
        try:
            yield batch(0)
            yield batch(1)
        finally:
            closed.append(True)

    with pytest.raises(BigQueryError, match="nothing today"), session.stream("arriving", batches(), FIELDS):
        session.execute("CREATE TABLE taken AS SELECT error('bq:nothing today') FROM arriving")
    assert closed == [True]


def test_batches_are_made_where_the_stream_was() -> None:
    place = contextvars.ContextVar("place", default="elsewhere")
    seen: list[str] = []

    def batches() -> Iterator[pa.Table]:
        for n in range(5):
            seen.append(place.get())
            yield batch(n)

    place.set("here")
    session = DuckDBEngine(threads=2).session()
    with session.stream("arriving", batches(), FIELDS):
        session.execute(SQL)
    assert seen == ["here"] * 5


def test_the_cache_of_a_database_on_disk_is_trimmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "TRIM_BYTES", 16)
    engine = DuckDBEngine(data_dir=tmp_path, threads=1)
    session = engine.session()
    limit = session.scalar("SELECT current_setting('memory_limit')")
    with session.transaction(), session.stream("arriving", (batch(n) for n in range(50)), FIELDS):
        session.execute(SQL)
    assert session.scalar("SELECT sum(c1) FROM taken") == sum(range(50))
    assert session.scalar("SELECT current_setting('memory_limit')") == limit
    engine.close()
