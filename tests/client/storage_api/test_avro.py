"""Rows as Avro: the same record batches as those of Arrow."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient import errors as e
from tests.client.running import run

from .reads import READ_ROWS, numbers, seen

EVERYTHING = """
CREATE TABLE d.t AS SELECT
  1 AS i, -1.5 AS f, TRUE AS b, 'x' AS s, b'y' AS y, DATE '2020-01-02' AS d, TIME '01:02:03.000004' AS t,
  DATETIME '2020-01-02 03:04:05.000006' AS dt, TIMESTAMP '2020-01-02 03:04:05.000006+00' AS ts,
  NUMERIC '-1.5' AS n, BIGNUMERIC '2.25' AS bn, JSON '{"a":1}' AS j, ST_GEOGPOINT(1, 2) AS g,
  RANGE(DATE '2020-01-01', NULL) AS r, STRUCT(1 AS a, [1, 2] AS l) AS st, [STRUCT('q' AS z)] AS arr,
  RANGE(DATE '2020-01-01', DATE '2020-01-03') AS r2, [JSON '1'] AS js,
  [DATETIME '0001-01-01 00:00:00', DATETIME '9999-12-31 23:59:59.999999'] AS dts, CAST(NULL AS INT64) AS none
"""


@pytest.mark.parametrize("compression", [None, "lz4"])
def test_every_type_is_what_arrow_gives(bqsim: Any, compression: str | None) -> None:
    client = bqsim.client()
    client.create_dataset("d")
    client.query_and_wait(EVERYTHING)
    client.query_and_wait("CREATE TABLE d.u (x INT64 NOT NULL, n NUMERIC(10, 2), bn BIGNUMERIC(40, 3))")
    client.query_and_wait("INSERT INTO d.u VALUES (1, 1.25, 2.125), (2, NULL, NULL)")

    async def work(client: BigQueryClient) -> None:
        for table in ("d.t", "d.u"):
            found = []
            for name in ("ARROW", "AVRO"):
                session = await client.storage_read.create_session(
                    table, format=name, compression=compression
                )
                found.append([rows.batch async for rows in session.stream(0)])
                assert session.schema.names == found[-1][0].schema.names
                assert session.schema.equals(found[-1][0].schema, check_metadata=True)
            [arrow], [avro] = found
            assert [(f.name, f.type, f.metadata) for f in avro.schema] == [
                (f.name, f.type, f.metadata) for f in arrow.schema
            ]
            assert avro.to_pylist() == arrow.to_pylist()

    run(bqsim, work)


def test_streams_of_avro_go_on_where_they_broke(bqsim: Any) -> None:
    numbers(bqsim, 5000)
    bqsim.faults.add(
        {"break_stream": {"after_rows": 1234, "status": "UNAVAILABLE"}}, method=READ_ROWS, times=3
    )

    async def work(client: BigQueryClient) -> list[int]:
        session = await client.storage_read.create_session("d.numbers", format="AVRO", max_streams=1)
        return seen([rows.batch async for rows in session.stream(0)])

    assert run(bqsim, work) == list(range(5000))


def test_without_fastavro_it_is_said_what_to_install(bqsim: Any, monkeypatch: Any) -> None:
    numbers(bqsim, 10)
    monkeypatch.setitem(sys.modules, "fastavro", None)

    async def work(client: BigQueryClient) -> None:
        session = await client.storage_read.create_session("d.numbers", format="AVRO")
        with pytest.raises(e.UsageError, match=r"bqclient\[avro\]"):
            session.stream(0)

    run(bqsim, work)
