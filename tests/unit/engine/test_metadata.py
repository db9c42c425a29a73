"""Metadata records: the last one of a key counts, also after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.engine.duckdb import DuckDBEngine
from bqsim.types import INT64, field_of
from bqsim.types.values import table_from_rows

FIELDS = [field_of("a", INT64)]


def test_metadata_outlives_the_process(tmp_path: Path) -> None:
    engine = DuckDBEngine(tmp_path)
    session = engine.session()
    with session.transaction():
        session.put_metadata("table", "a", "1")
        session.put_metadata("table", "b", "x")
        session.put_metadata("dataset", "a", "y")
    with session.transaction():
        session.put_metadata("table", "a", "2")
        session.put_metadata("table", "b", None)
    with pytest.raises(ZeroDivisionError), session.transaction():
        session.put_metadata("table", "a", "3")
        raise ZeroDivisionError
    session.create_table("t1", [("c1", FIELDS[0])])
    session.append("t1", ["c1"], FIELDS, table_from_rows(FIELDS, [[5]]), 9)
    session.close()
    engine.close()
    engine = DuckDBEngine(tmp_path)
    assert sorted(engine.metadata()) == [("dataset", "a", "y"), ("table", "a", "2")]
    session = engine.session()
    assert session.scalar("SELECT c1 FROM t1 WHERE _begin = 9") == 5
    with session.transaction():
        session.put_metadata("table", "a", "4")
    assert ("table", "a", "4") in engine.metadata()
    session.close()
    engine.close()


def test_the_metadata_log_is_compacted_at_the_start(tmp_path: Path) -> None:
    engine = DuckDBEngine(tmp_path)
    session = engine.session()
    with session.transaction():
        for i in range(1500):
            session.put_metadata("table", f"t{i % 3}", str(i))
        session.put_metadata("table", "t0", None)
    session.close()
    engine.close()
    engine = DuckDBEngine(tmp_path)
    session = engine.session()
    assert session.scalar("SELECT count(*) FROM _metadata") == 2
    assert sorted(engine.metadata()) == [("table", "t1", "1498"), ("table", "t2", "1499")]
    session.close()
    engine.close()


def test_the_metadata_log_is_compacted_while_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bqsim.engine.metadata.COMPACT_EVERY", 100)
    engine = DuckDBEngine(tmp_path)
    session = engine.session()
    for i in range(150):
        with session.transaction():
            session.put_metadata("table", f"t{i % 2}", str(i))
    assert 2 <= int(str(session.scalar("SELECT count(*) FROM _metadata"))) < 100
    assert sorted(engine.metadata()) == [("table", "t0", "148"), ("table", "t1", "149")]
    session.close()
    engine.close()
