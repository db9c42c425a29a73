"""Loads whose files the engine reads itself have the outcome of those whose files are read here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqsim.catalog.refs import TableRef
from bqsim.jobs import Upload, load
from bqsim.sql.statements import direct_rows, writes
from bqsim.sql.statements.loading import Loading
from bqsim.sql.statements.sizes import added_bytes
from bqsim.sql.statements.writes import Writer
from tests.unit.jobs.conftest import CALLER, Play, Stack, observer, play, settings

__all__ = ["observer", "play", "settings"]

COLUMNS = {
    "id": pa.array([1, 2, None]),
    "name": pa.array(["a", "é", None]),
    "day": pa.array([dt.date(2024, 1, 1), dt.date(2024, 2, 1), None]),
    "at": pa.array([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2), None], pa.timestamp("us", "UTC")),
    "amount": pa.array([Decimal("1.50"), None, Decimal("-0.01")], pa.decimal128(9, 2)),
    "tags": pa.array([["a", "bc"], [], None]),
    "info": pa.array([{"x": 1, "y": "z"}, None, {"x": None, "y": None}]),
}
DEFINITION = {
    "id": "INT64",
    "name": "STRING(1)",
    "day": "DATE",
    "at": "TIMESTAMP",
    "amount": "NUMERIC(3, 1)",
    "tags": "ARRAY<STRING>",
    "info": "STRUCT<x INT64, y STRING>",
    "more": "INT64 DEFAULT 7",
}


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Lets the engine read small files too, unless switched off; whether it could, for each load."""
    read: list[bool] = []

    def append(writer: Writer, loading: Loading, *given: Any) -> int:
        read.append(False)
        count = direct_rows.append_files(writer, loading, *given)
        read[-1] = True
        return count

    monkeypatch.setattr(load, "append_files", append)
    monkeypatch.setattr(direct_rows, "LEAST_BYTES", 0)
    yield read


def parquet(path: Path, columns: dict[str, Any] = COLUMNS) -> bytes:
    pq.write_table(pa.table(columns), path)
    return path.read_bytes()


async def outcome(s: Stack, path: Path, data: bytes, table: str, **given: Any) -> dict[str, Any]:
    """What a load job and the table are afterwards."""
    path.write_bytes(data)
    target = {"projectId": "p", "datasetId": "d", "tableId": table}
    configuration = {"load": {"destinationTable": target, **given}}
    job = await s.service.insert("p", {"configuration": configuration}, CALLER, Upload(path=path))
    assert await job.wait(30)
    found: dict[str, Any] = {
        name: getattr(job.statistics, name)
        for name in ("input_files", "input_bytes", "output_rows", "output_bytes", "bad_records")
    }
    found["errors"] = [job.error and (job.error.reason.name, job.error.message), list(job.warnings)]
    assert job.error or job.statistics.progress == 1.0
    name = table.partition("$")[0]
    stored = s.catalog.find_table(TableRef("p", "d", name))
    if stored is not None:
        found["fields"] = stored.fields
        found["rows"] = sorted(map(str, await s.rows(f"SELECT * FROM d.{name}")))
    return found


async def both(
    s: Stack,
    direct: list[bool],
    path: Path,
    data: bytes,
    setup: str = "",
    table: str = "t",
    times: int = 1,
    **given: Any,
) -> bool:
    """Load in either way into tables that are alike; whether the engine read the file itself."""
    outcomes = []
    for least in (0, 1 << 40):
        direct_rows.LEAST_BYTES = least
        await s.ok("DROP TABLE IF EXISTS d.t")
        if setup:
            await s.ok(setup)
        outcomes.append([await outcome(s, path, data, table, **given) for _ in range(times)])
    assert outcomes[0] == outcomes[1]
    assert len(direct) == times
    found = all(direct)
    direct.clear()
    return found


PARQUET = {"sourceFormat": "PARQUET", "parquetOptions": {"enableListInference": True}}
CREATED = "CREATE TABLE d.t ({})"
LISTED = ", ".join(f"`{name}` {type_}" for name, type_ in DEFINITION.items())


@pytest.mark.parametrize(
    ("setup", "table", "given"),
    [
        ("", "t", {}),
        ("", "t", {"parquetOptions": {}}),
        (CREATED.format(LISTED), "t", {}),
        (CREATED.format(LISTED), "t", {"writeDisposition": "WRITE_TRUNCATE"}),
        (CREATED.format(LISTED) + " CLUSTER BY name", "t", {"writeDisposition": "WRITE_TRUNCATE_DATA"}),
        (CREATED.format(LISTED) + " PARTITION BY DATE_TRUNC(day, MONTH)", "t", {}),
        (CREATED.format(LISTED) + " PARTITION BY _PARTITIONDATE", "t$20240105", {}),
        ("CREATE TABLE d.t (id INT64)", "t", {"schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"]}),
        ("", "t", {"timePartitioning": {"type": "DAY", "field": "day"}}),
    ],
)
def test_ordinary_loads(
    play: Play, direct: list[bool], tmp_path: Path, setup: str, table: str, given: dict[str, Any]
) -> None:
    data = parquet(tmp_path / "made")

    async def body(s: Stack) -> None:
        loads = {**PARQUET, **given}
        assert await both(s, direct, tmp_path / "f", data, setup, table, times=2, **loads)

    play(body)


@pytest.mark.parametrize(
    ("setup", "table", "columns"),
    [
        ("CREATE TABLE d.t (id INT64 NOT NULL)", "t", {"id": pa.array([1, None])}),
        ("CREATE TABLE d.t (id INT64, s STRING(1))", "t", {"s": pa.array(["a", "bc"])}),
        ("CREATE TABLE d.t (n NUMERIC(3, 1))", "t", {"n": pa.array([Decimal("123.4")])}),
        ("CREATE TABLE d.t (l ARRAY<INT64>)", "t", {"l": pa.array([[1, None]])}),
        ("", "t", {"day": pa.array([2**31 - 1], pa.date32())}),
        ("CREATE TABLE d.t (day DATE) PARTITION BY day", "t$20240101", {"day": COLUMNS["day"]}),
        ("CREATE TABLE d.t (id STRING)", "t", {"id": pa.array([1])}),
        ("", "t", {"at": pa.array([1], pa.timestamp("ns"))}),
    ],
)
def test_loads_that_need_a_closer_look(
    play: Play, direct: list[bool], tmp_path: Path, setup: str, table: str, columns: dict[str, Any]
) -> None:
    data = parquet(tmp_path / "made", columns)

    async def body(s: Stack) -> None:
        assert await both(s, direct, tmp_path / "f", data, setup, table, **PARQUET) is ("$" in table)

    play(body)


def test_bytes_are_known_without_a_look_at_the_stored_rows(
    play: Play, direct: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def counted(*given: Any) -> dict[str, int]:
        looked.extend(given[2])
        return added_bytes(*given)

    monkeypatch.setattr(writes, "added_bytes", counted)
    data = parquet(tmp_path / "made")

    async def body(s: Stack) -> None:
        for more in (1, 2):
            found = await outcome(s, tmp_path / "f", data, "t", **PARQUET)
            # Integers, dates, times 8, texts 2 and their bytes, decimals 16; of lists what is in them.
            assert found["output_bytes"] == 2 * 8 + 7 + 2 * 8 + 2 * 8 + 2 * 16 + 7 + 8 + 3
            table = s.catalog.find_table(TableRef("p", "d", "t"))
            assert table is not None
            assert sum(writes.known_bytes(s.catalog, table).values()) == more * found["output_bytes"]
        assert (direct, looked) == ([True, True], [])

    play(body)


def test_files_that_are_none(play: Play, direct: list[bool], tmp_path: Path) -> None:
    data = bytearray(parquet(tmp_path / "made", {"s": pa.array([f"text {i}" for i in range(1000)])}))
    data[8:200] = bytes(192)

    async def body(s: Stack) -> None:
        given = {**PARQUET, "schema": {"fields": [{"name": "s", "type": "STRING"}]}}
        assert not await both(s, direct, tmp_path / "f", bytes(data), **given)
        assert not await both(s, direct, tmp_path / "f", b"PAR1 none", **given)

    play(body)


def test_small_files_are_read_here(play: Play, direct: list[bool], tmp_path: Path) -> None:
    async def body(s: Stack) -> None:
        direct_rows.LEAST_BYTES = 1 << 20
        found = await outcome(s, tmp_path / "f", parquet(tmp_path / "made"), "t", **PARQUET)
        assert found["output_rows"] == 3
        assert direct == []

    play(body)
