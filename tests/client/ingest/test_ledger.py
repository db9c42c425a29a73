"""A ledger of every way to write: operations fail at random, before or after they were carried out, and each
row is there once all the same.

By default some operations of each way fail; ``BQSIM_LEDGER=1000`` lets that many fail.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient.ingest import Update
from bqclient.resilience.policies import Resilience, RetryPolicy
from tests.client.running import run

from .tables import INSERT_ALL, INSERT_JOB, TABLE, column, make

FAULTED = int(os.environ.get("BQSIM_LEDGER") or 25)
STORAGE = "google.cloud.bigquery.storage.v1.BigQueryWrite"
APPEND, COMMIT = f"{STORAGE}.AppendRows", f"{STORAGE}.BatchCommitWriteStreams"
QUERY = "bigquery.jobs.query"
SCHEMA = [{"name": "n", "type": "INT64", "mode": "REQUIRED"}, {"name": "s", "type": "STRING"}]
# Whatever fails is tried again until it succeeds: what is counted is what is in the table then.
PATIENT = Resilience(
    policies={
        name: RetryPolicy(retries=60, longest_s=2.0)
        for name in ("backend", "connection", "unavailable", "new_job", "commit", "deadline")
    },
    breaker=False,
)
# (what happens, how often). Most were carried out before they failed.
REST = (
    ({"error": {"reason": "backendError", "applied": True}}, 0.3),
    ({"network": {"what": "reset", "applied": True}}, 0.1),
    ({"error": {"reason": "backendError"}}, 0.1),
)
GRPC = (
    ({"grpc": {"status": "UNAVAILABLE", "applied": True}}, 0.2),
    ({"grpc": {"status": "INTERNAL", "applied": True}}, 0.1),
    ({"network": {"what": "reset", "applied": True}}, 0.05),
    ({"grpc": {"status": "UNAVAILABLE"}}, 0.05),
)


class Ledger:
    """Faults of one way to write, and the numbers that were handed out."""

    def __init__(self, sim: Any, *methods: str) -> None:
        self._faults = [
            sim.faults.add(effect, method=method, probability=probability)
            for method in methods
            for effect, probability in (GRPC if method.startswith(STORAGE) else REST)
        ]
        self.given = 0
        self._fired = 0

    @property
    def fired(self) -> int:
        """How many operations failed so far."""
        return int(self._fired + sum(fault.fired for fault in self._faults))

    def rows(self, count: int) -> list[dict[str, Any]]:
        """Rows with numbers that no other row has."""
        first, self.given = self.given, self.given + count
        return [{"n": n, "s": f"row {n}"} for n in range(first, self.given)]

    async def until_enough(self, work: Callable[[], Awaitable[Any]], at_once: int = 1) -> None:
        """Do work, some at a time, until enough of it failed."""
        while self.fired < FAULTED:
            await asyncio.gather(*(work() for _ in range(at_once)))

    def end(self) -> None:
        """Let everything succeed from now on."""
        self._fired = self.fired
        for fault in self._faults:
            fault.remove()
        self._faults = []


def _ledger(sim: Any, work: Callable[[BigQueryClient, Ledger], Awaitable[None]], *methods: str) -> None:
    """Do ``work`` while calls of ``methods`` fail; every row that was given is there once."""

    async def whole(client: BigQueryClient) -> None:
        await make(client, SCHEMA)
        ledger = Ledger(sim, *methods)
        await work(client, ledger)
        fired = ledger.fired
        ledger.end()
        assert fired >= FAULTED
        assert await column(client) == list(range(ledger.given))
        print(f"{ledger.given} rows, {fired} failures")

    run(sim, whole, resilience=PATIENT, timeout=100_000.0)


def test_insert_all(bqsim: Any) -> None:
    async def work(client: BigQueryClient, ledger: Ledger) -> None:
        async def once() -> None:
            result = await client.streaming.insert_all(TABLE, ledger.rows(3))
            assert result.failed == ()

        await ledger.until_enough(once, 8)

    _ledger(bqsim, work, INSERT_ALL)
    bqsim.verify_exactly_once()


def test_buffered_inserter(bqsim: Any) -> None:
    async def work(client: BigQueryClient, ledger: Ledger) -> None:
        async with client.streaming.buffered(TABLE, max_rows=5, timeout=100_000.0) as inserter:
            await ledger.until_enough(lambda: inserter.add_all(ledger.rows(10)))
        assert inserter.inserted == ledger.given

    _ledger(bqsim, work, INSERT_ALL)
    bqsim.verify_exactly_once()


@pytest.mark.parametrize("way", ["stream", "load", "storage"])
def test_write_rows(bqsim: Any, way: Any) -> None:
    methods = {"stream": [INSERT_ALL], "load": [INSERT_JOB], "storage": [APPEND, COMMIT]}[way]

    async def work(client: BigQueryClient, ledger: Ledger) -> None:
        async def once() -> None:
            report = await client.ingest.write_rows(TABLE, ledger.rows(4), method=way, writers=1)
            assert (report.method, report.written) == (way, 4)

        # The simulator's ledger tells uploads apart by their configuration only.
        await ledger.until_enough(once, 1 if way == "load" else 4)

    _ledger(bqsim, work, *methods)
    if way != "storage":
        bqsim.verify_exactly_once()


def test_load_jobs(bqsim: Any) -> None:
    async def work(client: BigQueryClient, ledger: Ledger) -> None:
        async def once() -> None:
            job = await client.loading.from_rows(ledger.rows(2), TABLE, schema=SCHEMA)
            assert job.output_rows == 2

        await ledger.until_enough(once)

    _ledger(bqsim, work, INSERT_JOB)
    bqsim.verify_exactly_once()


@pytest.mark.parametrize("kind", ["COMMITTED", "PENDING"])
def test_storage_streams(bqsim: Any, kind: str) -> None:
    async def work(client: BigQueryClient, ledger: Ledger) -> None:
        write = client.storage_write
        while ledger.fired < FAULTED:
            async with write.writer(TABLE, type=kind, timeout=None, max_requests=8) as writer:
                sent = [await writer.send(ledger.rows(2)) for _ in range(50)]
                for number, one in enumerate(sent):
                    assert (await one).offset == 2 * number
            if kind == "PENDING":
                await write.commit(TABLE, [writer.stream])

    _ledger(bqsim, work, APPEND)
    bqsim.verify_exactly_once()


def test_storage_default_stream(bqsim: Any) -> None:
    """No row is lost; where a row is there twice, the client said that it may be."""

    async def work(client: BigQueryClient) -> None:
        await make(client, SCHEMA)
        ledger = Ledger(bqsim, APPEND)
        doubtful: set[int] = set()

        async def once() -> None:
            (row,) = ledger.rows(1)
            if (await client.storage_write.append(TABLE, [row], timeout=None)).maybe_repeated:
                doubtful.add(row["n"])

        await ledger.until_enough(once, 4)
        ledger.end()
        found = Counter(await column(client))
        assert set(found) == set(range(ledger.given))
        assert {n for n, times in found.items() if times > 1} <= doubtful
        print(f"{ledger.given} rows, {ledger.fired} failures, {len(doubtful)} doubtful")

    run(bqsim, work, resilience=PATIENT, timeout=100_000.0)


@pytest.mark.parametrize("how", ["unnest", "staged"])
def test_merges(bqsim: Any, how: str) -> None:
    """Each merge inserts new rows and updates some of those before: the counts add up."""
    methods = (
        [INSERT_JOB] if how == "unnest" else [INSERT_JOB, "bigquery.tables.insert", "bigquery.tables.delete"]
    )
    counted: Counter[str] = Counter()

    async def work(client: BigQueryClient, ledger: Ledger) -> None:
        async def once() -> None:
            older = [{"n": n, "s": "again"} for n in range(max(0, ledger.given - 2), ledger.given)]
            report = await client.ingest.merge(TABLE, [*older, *ledger.rows(3)], ["n"], how=how)
            assert (report.inserted, report.updated) == (3, len(older))
            counted.update(inserted=report.inserted)

        await ledger.until_enough(once)
        assert counted["inserted"] == ledger.given

    _ledger(bqsim, work, *methods)
    bqsim.verify_exactly_once()


@pytest.mark.parametrize("by", ["request", "job"])
def test_dml(bqsim: Any, by: str) -> None:
    """Statements that would do more when they are carried out twice."""
    options: dict[str, Any] = {} if by == "request" else {"job_id_prefix": "ledger"}

    async def work(client: BigQueryClient, ledger: Ledger) -> None:
        execute, done = client.queries.execute, 0

        async def once() -> None:
            nonlocal done
            (row,) = ledger.rows(1)
            added = await execute("INSERT INTO d.t (n, s) VALUES (@n, @s)", row, **options)
            assert added.affected_rows == 1
            await execute("UPDATE d.count SET c = c + 1 WHERE TRUE", **options)
            done += 1

        await make(client, [{"name": "c", "type": "INT64"}], "d.count")
        await client.loading.from_rows([{"c": 0}], "d.count")
        await ledger.until_enough(once)
        ledger.end()
        assert await column(client, "c", "d.count") == [done]

    _ledger(bqsim, work, QUERY if by == "request" else INSERT_JOB)
    bqsim.verify_exactly_once()


def test_changes(bqsim: Any) -> None:
    async def work(client: BigQueryClient, ledger: Ledger) -> None:
        async def once() -> None:
            rows = ledger.rows(2)
            await client.ingest.merge(TABLE, rows, ["n"])
            changes = [Update({"n": row["n"]}, {"s": f"changed {row['n']}"}) for row in rows]
            report = await client.ingest.write_rows(TABLE, changes=changes)
            assert report.updated == 2

        await ledger.until_enough(once)
        assert await column(client, "COUNTIF(s = CONCAT('changed ', n))") == [ledger.given]

    _ledger(bqsim, work, INSERT_JOB)
    bqsim.verify_exactly_once()
