"""Appends, DML, queries and reads of one table at once: every snapshot is whole and stays as it is."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.api_core import exceptions

from bqsim.simulator import Simulator, start
from tests.storage import Clients, F, ProtoMessage, table_path

PROJECT = "storage-race"
SECONDS = float(os.environ.get("BQSIM_RACE_S", "3"))
MESSAGE = ProtoMessage([("id", F.TYPE_INT64, False, None), ("v", F.TYPE_INT64, False, None)])
# What a conflict of two statements may say.
CONFLICT = "Could not serialize access|Transaction is aborted"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with start(project=PROJECT) as running:
        yield running


class Race:
    """Functions that run over and over in threads of their own until the time is over or one fails."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.failures: list[BaseException] = []
        self.counts: dict[str, int] = {}

    def run(self, *works: Callable[[], None]) -> None:
        threads = [threading.Thread(target=self._loop, args=(i, w)) for i, w in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS + 60)
            assert not thread.is_alive(), "a call hangs"
        if self.failures:
            raise self.failures[0]
        assert all(self.counts.values()), self.counts

    def _loop(self, index: int, work: Callable[[], None]) -> None:
        name = f"{index} {work.__name__}"
        self.counts[name] = 0
        try:
            while time.monotonic() < self.end and not self.failures:
                work()
                self.counts[name] += 1
        except BaseException as failure:
            self.failures.append(failure)


def rows_of(clients: Clients, session: Any) -> list[tuple[int, int]]:
    if not session.streams:
        return []
    rows = clients.arrow(session)
    return list(zip(rows.column("id").to_pylist(), rows.column("v").to_pylist(), strict=True))


def test_snapshots_are_whole(simulator: Simulator) -> None:
    """Every commit keeps the sum of ``v`` at 0, so every snapshot that is read has the sum 0."""
    client = simulator.client()
    client.create_dataset("d")
    client.query_and_wait("CREATE TABLE d.t (id INT64, v INT64)")
    path = table_path(PROJECT, "t")
    clients = [Clients(simulator.grpc_target) for _ in range(5)]
    ids = iter(range(10**9))
    lock = threading.Lock()
    draws = random.Random(5)
    appended = 0

    def pairs(count: int) -> list[dict[str, int]]:
        with lock:
            numbers = [next(ids) for _ in range(2 * count)]
        return [{"id": n, "v": 1 if i % 2 else -1} for i, n in enumerate(numbers)]

    def append(own: Clients, stream: str) -> None:
        nonlocal appended
        requests = [MESSAGE.append(stream, pairs(draws.randint(1, 50))) for _ in range(draws.randint(1, 5))]
        answers = own.append(stream, requests)
        assert not any(a.error.message for a in answers), answers
        with lock:
            appended += sum(len(r.proto_rows.rows.serialized_rows) for r in requests)

    def append_default() -> None:
        append(clients[0], f"{path}/streams/_default")

    def append_committed() -> None:
        made = clients[1].write.create_write_stream(parent=path, write_stream={"type_": "COMMITTED"})
        append(clients[1], made.name)

    def change() -> None:
        try:
            client.query_and_wait(
                draws.choice(
                    (
                        "UPDATE d.t SET v = -v WHERE TRUE",
                        f"UPDATE d.t SET v = v WHERE MOD(id, {draws.randint(2, 9)}) = 0",
                        "UPDATE d.t SET v = v + 1 - 1 WHERE id < 100",
                    )
                )
            )
        except exceptions.GoogleAPICallError as error:
            assert any(text in str(error) for text in CONFLICT.split("|")), error

    def query() -> None:
        (row,) = client.query_and_wait("SELECT SUM(v), COUNT(*), COUNT(DISTINCT id) FROM d.t")
        assert row[0] in (0, None) and row[1] == row[2], row

    def read(own: Clients) -> None:
        session = own.session(path, streams=draws.randint(1, 4))
        found = rows_of(own, session)
        assert sum(v for _, v in found) == 0
        assert len({i for i, _ in found}) == len(found)
        assert session.estimated_row_count == len(found)
        assert rows_of(own, session) == found

    def read_restricted() -> None:
        session = clients[4].session(path, "AVRO", streams=2, row_restriction="v > 0")
        first = clients[4].avro(session)
        assert clients[4].avro(session) == first
        assert all(row["v"] > 0 for row in first)

    Race(SECONDS).run(
        append_default, append_committed, change, query,
        lambda: read(clients[2]), lambda: read(clients[3]), read_restricted,
    )  # fmt: skip
    (row,) = client.query_and_wait("SELECT COUNT(*), COUNT(DISTINCT id) FROM d.t")
    assert row[0] == row[1] == appended
    for own in clients:
        own.close()
    client.close()


def test_tables_that_come_and_go(simulator: Simulator) -> None:
    """A table is dropped, replaced and truncated under its readers and writers: they succeed or are told."""
    client = simulator.client()
    client.create_dataset("go")
    path = table_path(PROJECT, "t", dataset="go")
    clients = [Clients(simulator.grpc_target) for _ in range(3)]
    draws = random.Random(6)
    client.query_and_wait("CREATE TABLE go.t (id INT64, v INT64)")

    def come_and_go() -> None:
        client.query_and_wait(
            draws.choice(
                (
                    "DROP TABLE IF EXISTS go.t",
                    "CREATE OR REPLACE TABLE go.t (id INT64, v INT64)",
                    "CREATE TABLE IF NOT EXISTS go.t (id INT64, v INT64)",
                    "CREATE OR REPLACE TABLE go.t AS SELECT 1 AS id, 0 AS v",
                    "TRUNCATE TABLE go.t",
                    "ALTER TABLE go.t ADD COLUMN IF NOT EXISTS more STRING",
                )
            )
        )

    def tolerant(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except (exceptions.NotFound, exceptions.InvalidArgument, exceptions.Aborted) as error:
                assert "duckdb" not in str(error).lower()

        return run

    def change() -> None:
        try:
            come_and_go()
        except exceptions.GoogleAPICallError as error:
            assert error.code in (400, 404, 409), error

    def append_default() -> None:
        stream = f"{path}/streams/_default"
        rows = [{"id": 1, "v": 1}, {"id": 2, "v": -1}]
        clients[0].append(stream, [MESSAGE.append(stream, rows) for _ in range(3)])

    def append_pending() -> None:
        made = clients[1].write.create_write_stream(parent=path, write_stream={"type_": "PENDING"})
        clients[1].append(made.name, [MESSAGE.append(made.name, [{"id": 1, "v": 1}, {"id": 2, "v": -1}])])
        clients[1].write.finalize_write_stream(name=made.name)
        clients[1].write.batch_commit_write_streams(request={"parent": path, "write_streams": [made.name]})

    def read() -> None:
        session = clients[2].session(path, streams=2)
        found = rows_of(clients[2], session)
        assert sum(v for _, v in found) == 0
        assert rows_of(clients[2], session) == found

    Race(SECONDS).run(change, tolerant(append_default), tolerant(append_pending), tolerant(read))
    for own in clients:
        own.close()
    client.close()


def test_nothing_else_waits_for_writers_that_wait(simulator: Simulator) -> None:
    """A transaction holds a table: appends to it wait for its end, reads and writes of others do not."""
    client = simulator.client()
    client.create_dataset("held")
    client.query_and_wait("CREATE TABLE held.t (id INT64, v INT64)")
    client.query_and_wait("CREATE TABLE held.other AS SELECT 1 AS id, 2 AS v")
    pairs = "UNNEST(GENERATE_ARRAY(1, 100000)) AS a, UNNEST(GENERATE_ARRAY(1, 100000)) AS b"
    job = client.query(
        "BEGIN TRANSACTION; INSERT held.t VALUES (0, 0);"
        f" SELECT COUNT(*) FROM {pairs} WHERE MOD(a * b, 7) = 3; COMMIT TRANSACTION"
    )
    stream = f"{table_path(PROJECT, 't', dataset='held')}/streams/_default"
    writers = [Clients(simulator.grpc_target) for _ in range(8)]
    answers: list[Any] = []
    deadline = time.monotonic() + 20
    while not any(True for child in client.list_jobs(parent_job=job.job_id)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.5)

    def append(own: Clients) -> None:
        answers.extend(own.append(stream, [MESSAGE.append(stream, [{"id": 1, "v": 1}])]))

    threads = [threading.Thread(target=append, args=(own,)) for own in writers]
    for thread in threads:
        thread.start()
    reader = Clients(simulator.grpc_target)
    time.sleep(0.3)
    assert not answers
    other = table_path(PROJECT, "other", dataset="held")
    assert rows_of(reader, reader.session(other)) == [(1, 2)]
    beside = f"{other}/streams/_default"
    (appended,) = reader.append(beside, [MESSAGE.append(beside, [{"id": 3, "v": 4}])])
    assert not appended.error.message
    assert not answers
    job.cancel()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 8 and not any(a.error.message for a in answers), answers
    for own in (*writers, reader):
        own.close()
    client.close()
