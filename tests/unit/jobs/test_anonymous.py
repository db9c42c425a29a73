from __future__ import annotations

import asyncio

import pytest

from bqsim.catalog.refs import TableRef

from .conftest import Play, Stack

pytestmark = pytest.mark.fidelity("job:anonymous results", "exact")


def test_results_get_storage_when_sql_names_them(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok("SELECT 1 AS a, [1, 2] AS b, STRUCT('x' AS c) AS r")
        assert job.destination is not None
        assert s.catalog.find_dataset(job.destination.dataset_ref) is None
        name = job.destination.sql_name
        assert await s.rows(f"SELECT a, b[OFFSET(1)], r.c FROM `{name}`") == [(1, 2, "x")]
        stored = s.catalog.table(job.destination)
        assert stored.storage is not None
        assert stored.num_rows == 1
        await s.ok(f"CREATE TABLE d.t AS SELECT a FROM `{name}`")
        assert s.table("t").num_rows == 1

    play(body)


def test_several_readers_share_one_storage(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok("SELECT 7 AS a")
        assert job.destination is not None
        sql = f"SELECT a + {{}} FROM `{job.destination.sql_name}`"
        found = await asyncio.gather(*(s.rows(sql.format(n)) for n in range(6)))
        assert found == [[(7 + n,)] for n in range(6)]

    play(body)


def test_they_go_with_the_result(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok("SELECT 7 AS a")
        assert job.destination is not None
        sql = f"SELECT a FROM `{job.destination.sql_name}`"
        await s.ok(sql)
        s.clock.advance(25 * 3600)
        gone = await s.query(sql)
        assert gone.error is not None
        assert gone.error.reason.name == "notFound"

    play(body)


@pytest.mark.parametrize("name", ["_nope.anon1", "_nope.x"])
def test_unknown_hidden_tables_are_not_found(play: Play, name: str) -> None:
    async def body(s: Stack) -> None:
        dataset, table = name.split(".")
        assert s.catalog.find_table(TableRef("p", dataset, table)) is None
        job = await s.query(f"SELECT * FROM {name}")
        assert job.error is not None
        assert job.error.reason.name == "notFound"

    play(body)
