"""Journeys: what programs do with a client, a function for each of its capabilities.

Each checks what it is told as it goes; what it leaves is checked when the incident is over. So each shows, in
any scenario, that no row is lost, doubled or made up.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bqclient.errors import BytesBilledLimitError, JobCancelledError, JobTimeoutError
from bqclient.models.job import Job
from tests.client.scenarios.world import ROWS, World

SCHEMA = [{"name": "n", "type": "INTEGER"}, {"name": "s", "type": "STRING"}]
BIG = list(range(ROWS))
# All methods but AppendRows.
CHECKED = ("bigquery.*", "*.BigQueryRead.*", "*.[!A]*WriteStream*", "*.FlushRows")


def rows(*numbers: int) -> list[dict[str, Any]]:
    """Rows with those numbers."""
    return [{"n": n, "s": f"row {n}"} for n in numbers]


def lines(count: int) -> bytes:
    """Rows as newline-delimited JSON."""
    return b"".join(b'{"n":%d,"s":"row %d"}\n' % (n, n) for n in range(count))


def arrow(first: int, end: int) -> pa.RecordBatch:
    """Rows as Arrow."""
    numbers = range(first, end)
    return pa.record_batch({"n": pa.array(numbers), "s": pa.array([f"row {n}" for n in numbers])})


# --- queries ---


async def queries(w: World) -> None:
    """Rows by pages, with parameters, as a stream, and from nothing."""
    sql = "SELECT n, s FROM d.big WHERE n < @top AND n NOT IN UNNEST(@without) ORDER BY n"
    execute, given = w.client.queries.execute, {"top": 1_500, "without": [3, 4]}
    found = await w.patient(lambda: execute(sql, given, page_size=300))
    wanted = [n for n in range(1_500) if n not in (3, 4)]
    assert [row["n"] for row in found.rows] == wanted
    assert found.total_rows == len(wanted)

    async def stream() -> list[int]:
        made = w.client.queries.execute_stream("SELECT n FROM d.big ORDER BY n", page_size=1_000)
        async with aclosing(made) as coming:
            return [row["n"] async for row in coming]

    assert await w.patient(stream) == BIG
    assert (await w.patient(lambda: execute("SELECT 1 + ?", [41]))).scalar() == 42


async def changes(w: World) -> None:
    """DML tells how many rows it changed, and changes them once."""
    execute = w.client.queries.execute
    for sql, count in (
        ("INSERT d.t (n, s) SELECT n, 'a' FROM UNNEST(GENERATE_ARRAY(1, 6)) AS n", 6),
        ("INSERT d.t (n, s) VALUES (7, 'b')", 1),
        ("UPDATE d.t SET n = n + 100 WHERE n <= 3", 3),
        ("DELETE d.t WHERE n = 7", 1),
        ("MERGE d.t USING (SELECT 4 AS k) ON n = k WHEN MATCHED THEN UPDATE SET n = n + 1000", 1),
    ):
        done = await w.patient(lambda sql=sql: execute(sql))  # type: ignore[misc]
        assert done.affected_rows == count


def changed(w: World) -> None:
    """What DML left."""
    assert w.numbers("t") == [5, 6, 101, 102, 103, 1004]


async def background(w: World) -> None:
    """Queries that are begun and awaited later, stopped, or given up after a time."""
    client = w.client
    handle = await w.patient(lambda: client.queries.execute_async("SELECT SUM(n) FROM d.big"))
    assert (await handle).scalar() == sum(BIG)
    assert (await handle.status()).succeeded
    other = await w.patient(lambda: client.queries.execute_async("SELECT COUNT(*) FROM d.big AS x"))
    await other.cancel()
    try:
        assert (await other).scalar() == ROWS
    except JobCancelledError as stopped:
        assert stopped.job == other.job
    assert (await client.jobs.get(other.job)).done


async def sessions(w: World) -> None:
    """A session keeps its temporary table from statement to statement."""
    session = w.client.queries.session()
    await w.patient(session.open)
    await w.patient(lambda: session.execute("CREATE TEMP TABLE mine AS SELECT 1 AS n"))
    await w.patient(lambda: session.execute("INSERT mine VALUES (2)"))
    found = await w.patient(lambda: session.execute("SELECT n FROM mine ORDER BY n"))
    assert [row["n"] for row in found.rows] == [1, 2]
    await session.close()


async def costs(w: World) -> None:
    """What a query would read and cost, what it cost, and that limits hold."""
    client, sql = w.client, "SELECT n FROM d.big"
    dry = await w.patient(lambda: client.queries.dry_run(sql))
    assert (dry.bytes_processed, dry.statement_type, dry.schema.names) == (8 * ROWS, "SELECT", ("n",))
    estimate = await w.patient(lambda: client.costs.estimate_query_cost(sql))
    assert estimate.bytes_processed == 8 * ROWS
    assert estimate.usd is not None and estimate.usd > 0
    done = await w.patient(lambda: client.queries.execute(sql, use_cache=False, job_id_prefix="cost"))
    assert done.job is not None
    assert (await client.costs.get_job_cost(done.job)).bytes_billed == estimate.bytes_billed

    async def dear() -> None:
        with pytest.raises(BytesBilledLimitError):
            await client.queries.execute(sql, max_cost_usd=estimate.usd / 2 if estimate.usd else 0)

    async def large() -> None:
        with pytest.raises(BytesBilledLimitError):
            await client.queries.execute(sql, maximum_bytes_billed=1, use_cache=False)

    await w.patient(dear)
    await w.patient(large)


async def reports(w: World) -> None:
    """All of a day's reports, whatever the day's quota is."""
    for n in range(14):
        sql = f"SELECT {n}, SUM(n), MAX(s) FROM d.big"
        found = await w.patient(lambda sql=sql: w.client.queries.execute(sql, use_cache=False))  # type: ignore[misc]
        assert tuple(found.rows[0]) == (n, sum(BIG), "x" * 50)


# --- jobs ---


def query(sql: str, **more: Any) -> dict[str, Any]:
    """A job's configuration."""
    return {"query": {"query": sql, "useLegacySql": False}, **more}


async def jobs(w: World) -> None:
    """Jobs are begun, watched, awaited, read and listed."""
    made = w.client.jobs
    job = await w.patient(lambda: made.insert(query("INSERT d.t (n) VALUES (1)"), job_id_prefix="first"))
    seen: list[Job] = [one async for one in made.watch(job)]
    assert seen[-1].succeeded and [one.done for one in seen[:-1]] == [False] * (len(seen) - 1)
    second = await w.patient(lambda: made.run(query("INSERT d.t (n) VALUES (2)"), job_id_prefix="second"))
    assert second.dml is not None and second.dml.inserted == 1
    script = "BEGIN INSERT d.t (n) VALUES (3); INSERT d.t (n) VALUES (4); END"
    done = await w.patient(lambda: made.run(query(script)))
    assert len(await made.children(done)) == 2
    listed = [one.id async for one in made.list(states=["done"])]
    assert {job.id, second.id, done.id} <= set(listed)
    assert (await made.get(job)).succeeded


def two_jobs(w: World) -> None:
    """Each job ran once."""
    assert w.numbers("t") == [1, 2, 3, 4]


async def nightly(w: World) -> None:
    """A watchdog stops a job that takes too long, and begins its work again."""
    work, made = query("INSERT d.t (n) VALUES (1)", labels={"job": "nightly"}), w.client.jobs
    job = await w.patient(lambda: made.insert(work))
    try:
        await made.wait_for_completion(job, timeout=900)
    except JobTimeoutError:
        stopped = await made.cancel(job, wait=True)
        assert stopped.done and stopped.error is not None and stopped.error.reason == "stopped"
        again = await w.patient(lambda: made.run(work))
        assert again.succeeded and again.id != job.id


def one_row(w: World) -> None:
    """The work was done once."""
    assert w.numbers("t") == [1]


# --- resources ---


async def resources(w: World) -> None:
    """Datasets, tables and routines are made, read, changed if nobody else did, listed and deleted."""
    datasets, tables, routines = w.client.datasets, w.client.tables, w.client.routines
    made = await datasets.create("other", description="first")
    assert made.etag

    async def describe_dataset() -> None:
        known = await datasets.get("other")
        await datasets.update("other", etag=known.etag, description="second")

    await w.patient(describe_dataset)
    table = await tables.create("other.a", SCHEMA, labels={"team": "x"})
    assert table.schema.names == ("n", "s")

    async def describe() -> None:
        known = await tables.get("other.a")
        done = await tables.update("other.a", etag=known.etag, description="about")
        assert (done.description, dict(done.labels)) == ("about", {"team": "x"})

    await w.patient(describe)
    definition = {
        "routineType": "SCALAR_FUNCTION",
        "language": "SQL",
        "definitionBody": "x + 1",
        "arguments": [{"name": "x", "dataType": {"typeKind": "INT64"}}],
    }
    assert (await routines.create("other.add", definition)).body == "x + 1"
    found = await routines.get("other.add")
    await routines.update("other.add", {**definition, "definitionBody": "x + 2"}, etag=found.etag)
    found = await routines.get("other.add")
    assert found.body == "x + 2"

    async def listed() -> None:
        assert [t.reference.table async for t in tables.list("other")] == ["a"]

    await w.patient(listed)
    assert [r.name async for r in routines.list("other")] == ["add"]
    assert await routines.delete("other.add")
    assert await tables.delete("other.a")
    assert not await tables.delete("other.b", missing_ok=True)
    assert await datasets.delete("other", delete_contents=True)


async def expiry(w: World) -> None:
    """A table that lives for an hour of the service's time, and the table as it is now by that."""
    sql = "SELECT CURRENT_TIMESTAMP()"
    now = (await w.patient(lambda: w.client.queries.execute(sql, use_cache=False))).scalar()
    made = await w.client.tables.create("d.hourly", SCHEMA, expires=now + timedelta(hours=1))
    # The service has it in milliseconds.
    assert made.expires is not None and abs(made.expires - now - timedelta(hours=1)) <= timedelta(
        milliseconds=1
    )
    as_of = "SELECT COUNT(*) FROM d.big FOR SYSTEM_TIME AS OF @now"
    found = await w.patient(lambda: w.client.queries.execute(as_of, {"now": now}))
    assert found.scalar() == ROWS


async def pages(w: World) -> None:
    """Rows of a table, page by page."""

    async def listed() -> list[int]:
        return [row["n"] async for row in w.client.tables.rows("d.big", page_size=250)]

    assert sorted(await w.patient(listed)) == BIG


# --- rows in ---


async def streaming(w: World) -> None:
    """Rows by requests of their own, and gathered, into a table that was made just now."""
    await w.client.tables.create("d.rows", SCHEMA)
    for first in range(0, 30, 5):
        result = await w.client.streaming.insert_all("d.rows", rows(*range(first, first + 5)))
        assert (result.inserted, result.failed) == (5, ())
    async with w.client.streaming.buffered("d.rows", max_rows=10) as inserter:
        await inserter.add_all(rows(*range(30, 75)))
    assert (inserter.inserted, inserter.failed) == (45, [])


def streamed(w: World) -> None:
    """Each row is there once."""
    assert w.numbers("rows") == list(range(75))


async def loads(w: World) -> None:
    """Rows by load jobs, from everywhere."""
    load = w.client.loading
    uri = f"gs://{w.project}-in/rows.jsonl"
    w.sim.simulator.objects.put(uri, lines(60))  # type: ignore[union-attr]
    json_lines = "NEWLINE_DELIMITED_JSON"
    given: Any = {"format": json_lines, "schema": SCHEMA}
    job = await w.patient(lambda: load.from_memory(lines(50), "d.memory", **given))
    assert (job.kind, job.details["outputRows"]) == ("LOAD", "50")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(lines(40))
        await w.patient(lambda: load.from_file(path, "d.file", schema=SCHEMA))
    await w.patient(lambda: load.from_rows(rows(*range(30)), "d.given", schema=SCHEMA))
    await w.patient(lambda: load.from_arrow(pa.Table.from_batches([arrow(0, 20)]), "d.arrow"))
    await w.patient(lambda: load.from_gcs(uri, "d.gcs", schema=SCHEMA))


def loaded(w: World) -> None:
    """Each load was done once."""
    for name, count in (("memory", 50), ("file", 40), ("given", 30), ("arrow", 20), ("gcs", 60)):
        assert w.numbers(name) == list(range(count)), name


async def raw_load(w: World) -> None:
    """A load that a feed's label is on."""
    given: Any = {"format": "NEWLINE_DELIMITED_JSON", "schema": SCHEMA, "labels": {"feed": "raw"}}
    await w.patient(lambda: w.client.loading.from_memory(lines(25), "d.raw", **given))


def raw_loaded(w: World) -> None:
    """It was done once."""
    assert w.numbers("raw") == list(range(25))


async def exports(w: World) -> None:
    """A table to objects and back again, and copied."""
    client, uri = w.client, f"gs://{w.project}-out/big-*.jsonl"
    json_lines = "NEWLINE_DELIMITED_JSON"
    done = await w.patient(lambda: client.exports.to_gcs("d.big", uri, format=json_lines))
    assert done.file_count >= 1
    await w.patient(lambda: client.loading.from_gcs(uri, "d.back", format=json_lines, schema=SCHEMA))
    job = await w.patient(lambda: client.tables.copy("d.big", "d.copied"))
    assert job.kind == "COPY"


def exported(w: World) -> None:
    """All rows came along."""
    assert w.numbers("back") == w.numbers("copied") == BIG


# --- the Storage API ---


async def storage_read(w: World) -> None:
    """A whole table, in order and as it comes, and some of it."""
    read = w.client.storage_read.read_all

    async def taken(**options: Any) -> list[int]:
        found: list[int] = (await read("d.big", **options).to_arrow()).column("n").to_pylist()
        return found

    assert await w.patient(lambda: taken(ordered=True, streams=2)) == BIG
    assert sorted(await w.patient(lambda: taken(streams=3, window_bytes=1))) == BIG
    some = {"selected_fields": ["n"], "row_restriction": "n < 1000"}
    assert sorted(await w.patient(lambda: taken(**some))) == BIG[:1_000]


async def storage_write(w: World) -> None:
    """Rows through streams of each type that has offsets."""
    write = w.client.storage_write
    for kind in ("COMMITTED", "PENDING", "BUFFERED"):
        name = f"d.{kind.lower()}"
        await w.client.tables.create(name, SCHEMA)
        # The writers begin when the table is known.
        await w.patient(lambda name=name: write.default_stream(name))  # type: ignore[misc]
        data = [arrow(first, first + 10) for first in range(0, 200, 10)]
        done = await w.patient(
            lambda name=name, kind=kind, data=data: write.write_table(name, data, type=kind, concurrency=2)  # type: ignore[misc]
        )
        assert (done.rows, done.maybe_repeated, done.refused) == (200, False, ())
    async with write.writer("d.committed") as writer:
        sent = [await writer.send(rows(200 + n)) for n in range(12)]
        assert [(await one).offset for one in sent] == list(range(12))
    assert writer.finalized_rows == 12


def written(w: World) -> None:
    """Each row is there once."""
    assert w.numbers("committed") == list(range(212))
    assert w.numbers("pending") == w.numbers("buffered") == list(range(200))


async def default_stream(w: World) -> None:
    """Rows at least once, and it is told where they may be there twice."""
    told: list[int] = []
    for n in range(14):
        result = await w.patient(lambda n=n: w.client.storage_write.append("d.t", rows(n)))  # type: ignore[misc]
        told += [n] if result.maybe_repeated else []
    await asyncio.sleep(0)
    w.told = told  # type: ignore[attr-defined]


def at_least_once(w: World) -> None:
    """No row is missing, and none is there twice of which that was not told."""
    found = w.numbers("t")
    assert sorted(set(found)) == list(range(14))
    repeated = {n for n in found if found.count(n) > 1}
    assert repeated <= set(w.told)  # type: ignore[attr-defined]


async def ingest(w: World) -> None:
    """Rows by every method, and merged by their keys."""
    for method in ("stream", "load", "storage"):
        await w.client.tables.create(f"d.by_{method}", SCHEMA)
        given = rows(*range(40))
        report = await w.patient(
            lambda method=method, given=given: w.client.ingest.write_rows(  # type: ignore[misc]
                f"d.by_{method}", given, method=method
            )
        )
        assert (report.method, report.written, report.refused) == (method, 40, ())
    for _ in range(2):
        await w.patient(lambda: w.client.ingest.write_rows("d.t", rows(*range(20)), keys=["n"]))


def ingested(w: World) -> None:
    """Each row is there once."""
    for method in ("stream", "load", "storage"):
        assert w.numbers(f"by_{method}") == list(range(40)), method
    assert w.numbers("t") == list(range(20))


@dataclass(frozen=True)
class Journey:
    """``left`` checks what is there when the incident is over. ``exact``: the ledger must say that
    each write was done once. ``pipelined``: several appends are on their way at a time, so that a client does
    not see what became of those behind the one that ended the connection.
    """

    go: Callable[[World], Awaitable[None]]
    left: Callable[[World], None] = lambda world: None
    exact: bool = True
    pipelined: bool = False

    @property
    def name(self) -> str:
        """The function's."""
        return self.go.__name__

    @property
    def checked(self) -> tuple[str, ...]:
        """Methods whose waits are held to the simulator's check."""
        return CHECKED if self.pipelined else ("*",)


JOURNEYS: Mapping[str, Journey] = {
    journey.name: journey
    for journey in (
        Journey(queries),
        Journey(changes, changed),
        Journey(background),
        Journey(sessions),
        # Dry runs do nothing, however often they are asked for: the ledger takes them for jobs.
        Journey(costs, exact=False),
        Journey(reports),
        Journey(jobs, two_jobs),
        Journey(nightly, one_row),
        Journey(resources),
        Journey(expiry),
        Journey(pages),
        Journey(streaming, streamed),
        Journey(loads, loaded),
        Journey(raw_load, raw_loaded),
        Journey(exports, exported),
        Journey(storage_read),
        Journey(storage_write, written, pipelined=True),
        Journey(ingest, ingested),
        Journey(default_stream, at_least_once, exact=False),
    )
}
