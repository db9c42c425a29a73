"""Sessions that end in the middle of a read: another one goes on at the very rows, or an error says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient import errors as e
from bqclient.storage_api.read import StorageRead
from bqclient.storage_api.read_stream import StreamRows
from bqclient.storage_api.refresh import _goes_on
from bqclient.storage_api.window import Lane
from tests.client.running import ClockTime, run

from .reads import READ_ROWS, first, numbers, seen

ROWS = 100_000
ALL = list(range(ROWS))


@pytest.fixture
def sim(bqsim_own: Any) -> Any:
    bqsim_own.clock.freeze()
    numbers(bqsim_own, ROWS)
    return bqsim_own


async def read_over_the_end(
    sim: Any,
    client: BigQueryClient,
    between: Callable[[], Any] = lambda: None,
    hours: float = 7,
    **options: Any,
) -> tuple[list[int], Any]:
    """The numbers of a read whose session ends after the first batch."""
    given = {"streams": 3, "window_bytes": 1_500_000, "split_bytes": 0, **options}
    reading = client.storage_read.read_all("d.numbers", **given)
    batch, rest = await first(reading)
    between()
    sim.clock.advance(hours * 3600)
    # Streams that are open go on; those that break or begin later meet the end of the session.
    sim.faults.add({"break_stream": {"after_rows": 5000, "status": "UNAVAILABLE"}}, method=READ_ROWS, times=3)
    return seen([batch, *[b async for b in rest]]), reading


@pytest.mark.parametrize("ordered", [True, False])
def test_a_read_goes_on_in_another_session(sim: Any, ordered: bool) -> None:
    async def work(client: BigQueryClient) -> None:
        found, reading = await read_over_the_end(sim, client, ordered=ordered)
        assert (found if ordered else sorted(found)) == ALL
        assert reading.refreshes == 1
        assert reading.schema_changes == ()

    run(sim, work, runtime=ClockTime(sim))


def test_it_ends_more_than_once(sim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        reading = client.storage_read.read_all(
            "d.numbers", streams=2, ordered=True, window_bytes=1, split_bytes=0
        )
        found = []
        async for batch in reading:
            found.append(batch)
            if len(found) % 10 == 0:
                sim.clock.advance(7 * 3600)
        assert seen(found) == ALL
        assert reading.refreshes >= 2

    run(sim, work, runtime=ClockTime(sim))


@pytest.mark.parametrize("ordered", [True, False])
def test_the_rows_are_those_of_the_first_session(sim: Any, ordered: bool) -> None:
    client_of_others = sim.client()

    def change() -> None:
        sim.clock.advance(60)
        for sql in (
            "DELETE FROM d.numbers WHERE MOD(n, 3) = 0",
            "INSERT INTO d.numbers (n) VALUES (-1)",
            "ALTER TABLE d.numbers ADD COLUMN more STRING",
            "UPDATE d.numbers SET s = 'y' WHERE TRUE",
        ):
            client_of_others.query_and_wait(sql)

    async def work(client: BigQueryClient) -> None:
        found, reading = await read_over_the_end(sim, client, change, ordered=ordered)
        assert (found if ordered else sorted(found)) == ALL
        assert reading.refreshes == 1
        assert reading.schema.names == ["n", "s", "f"]

    sim.clock.advance(60)
    run(sim, work, runtime=ClockTime(sim))


def test_restrictions_columns_and_splits_are_kept(sim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        found, reading = await read_over_the_end(
            sim,
            client,
            ordered=True,
            window_bytes=300_000,
            streams=5,
            selected_fields=["n"],
            row_restriction="n >= 50000",
        )
        assert found == ALL[50_000:]
        assert reading.refreshes == 1
        assert reading.schema.names == ["n"]

    run(sim, work, runtime=ClockTime(sim))


def test_it_is_over_where_the_snapshot_is_gone(sim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        with pytest.raises(e.SessionExpiredError, match=r"cannot be gone on with.*[Ii]nvalid snapshot time"):
            await read_over_the_end(sim, client, hours=8 * 24)

    run(sim, work, runtime=ClockTime(sim))


def elsewhere(sim: Any, monkeypatch: Any, sql: str) -> None:
    """All sessions after the first read ``d.other``, which is made by ``sql``."""
    sim.client().query_and_wait(f"CREATE TABLE d.other {sql}")
    plain = StorageRead.create
    made: list[Any] = []

    async def create(self: StorageRead, options: Any, **rest: Any) -> Any:
        if made:
            options = options.but(table=options.table.of("d.other", sim.project))
        made.append(options)
        return await plain(self, options, **rest)

    monkeypatch.setattr(StorageRead, "create", create)


_NUMBERED = "AS SELECT n, REPEAT('x', 100) AS s, n / 8 AS f FROM d.numbers"


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        (f"{_NUMBERED} ORDER BY n DESC", "rows stand in another order"),
        (f"{_NUMBERED} WHERE n > 0", "it has 99999 rows where there were 100000"),
        ("AS SELECT n, REPEAT('x', 101) AS s, n / 8 AS f FROM d.numbers", "bytes where there were"),
    ],
    ids=["order", "rows", "bytes"],
)
def test_sessions_of_other_rows_are_not_taken(sim: Any, monkeypatch: Any, sql: str, why: str) -> None:
    elsewhere(sim, monkeypatch, sql)

    async def work(client: BigQueryClient) -> None:
        with pytest.raises(e.SessionExpiredError, match=why):
            await read_over_the_end(sim, client)

    run(sim, work, runtime=ClockTime(sim))


def test_a_schema_that_was_relaxed_changes_nothing(sim: Any, monkeypatch: Any, caplog: Any) -> None:
    others = sim.client()
    others.query_and_wait("DROP TABLE d.numbers")
    others.query_and_wait("CREATE TABLE d.numbers (n INT64 NOT NULL, s STRING)")
    others.query_and_wait(
        f"INSERT INTO d.numbers SELECT n, REPEAT('x', 200) FROM UNNEST(GENERATE_ARRAY(0, {ROWS - 1})) AS n"
    )
    elsewhere(sim, monkeypatch, "AS SELECT n, s, n AS more FROM d.numbers")
    sim.clock.advance(1)

    async def work(client: BigQueryClient) -> None:
        reading = client.storage_read.read_all("d.numbers", streams=2, window_bytes=1)
        batch, rest = await first(reading)
        sim.clock.advance(7 * 3600)
        batches = [batch, *[b async for b in rest]]
        assert sorted(seen(batches)) == ALL
        assert [str(change) for change in reading.schema_changes] == ["n relaxed (REQUIRED -> NULLABLE)"]
        assert {b.schema for b in batches} == {reading.schema}
        assert reading.schema is not None
        assert not reading.schema.field("n").nullable

    run(sim, work, runtime=ClockTime(sim))
    assert [record.getMessage() for record in caplog.records if record.name == "bqclient.storage_read"] == [
        "The schema of a table changed while it was read: n relaxed (REQUIRED -> NULLABLE)"
    ]


def test_a_schema_that_no_longer_fits_is_an_error(sim: Any, monkeypatch: Any) -> None:
    elsewhere(sim, monkeypatch, "AS SELECT CAST(n AS STRING) AS n, REPEAT('x', 100) AS s, f FROM d.numbers")

    async def work(client: BigQueryClient) -> None:
        with pytest.raises(e.SchemaChangedError, match=r"n retyped \(INT64 -> STRING\)"):
            await read_over_the_end(sim, client)

    run(sim, work, runtime=ClockTime(sim))


def test_streams_by_themselves_say_that_the_session_is_over(sim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        session = await client.storage_read.create_session("d.numbers", max_streams=1)
        sim.clock.advance(7 * 3600)
        with pytest.raises(e.SessionExpiredError, match="expired") as raised:
            await session.stream(0).read()
        assert (raised.value.entity, raised.value.status) == (session.name, "FAILED_PRECONDITION")

    run(sim, work, runtime=ClockTime(sim))


@pytest.mark.parametrize(
    ("rows", "finished", "expected"),
    [
        (5, False, True),
        (5, True, False),
        (10, True, True),
        (10, False, True),
        (0, False, True),
        (0, True, False),
    ],
)
def test_streams_that_were_done_must_end_at_the_same_row(
    bqsim: Any, rows: int, finished: bool, expected: bool
) -> None:
    numbers(bqsim, 10, "few")

    async def work(client: BigQueryClient) -> None:
        session = await client.storage_read.create_session("d.few", max_streams=1)
        [whole] = [found async for found in session.stream(0)]
        last = StreamRows(0, whole.batch.slice(0, rows), 0) if rows else None
        lane = Lane(0, session.streams[0], rows, last, finished)
        assert await _goes_on(session, lane, lane.name, client.core.deadline()) is expected

    run(bqsim, work)
