"""A world that was prepared once is there again for each test, through Google's clients."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pyarrow as pa
import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types

import bqsim
from bqsim.errors import BigQueryError
from bqsim.simulator import Simulator
from tests.storage import Clients, F, ProtoMessage, arrow_append

FIELDS = [bigquery.SchemaField("n", "INT64")]


class World:
    """Snapshots of a running simulator, from this thread."""

    def __init__(self, simulator: Simulator) -> None:
        assert simulator.core is not None
        assert simulator.parts.loop is not None
        self._loop = simulator.parts.loop
        self.worlds = simulator.core.worlds

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def snapshot(self, name: str | None = None) -> Any:
        return self.run(self.worlds.snapshot(name))

    def restore(self, id: str) -> Any:
        return self.run(self.worlds.restore(id))


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with bqsim.start(project="p", seed=7) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Any]:
    made = simulator.client()
    made.create_dataset("d")
    made.create_table(bigquery.Table("p.d.t", FIELDS))
    made.query_and_wait("INSERT INTO d.t VALUES (1), (2)")
    yield made
    made.close()


@pytest.fixture
def world(simulator: Simulator, client: Any) -> World:
    return World(simulator)


def numbers(client: Any, sql: str = "SELECT n FROM d.t ORDER BY n") -> list[Any]:
    return [row[0] for row in client.query_and_wait(sql)]


def test_a_test_finds_the_world_of_the_snapshot(client: Any, world: World) -> None:
    before = client.get_table("p.d.t").to_api_repr()
    id_ = world.snapshot()
    for _ in range(3):
        client.query_and_wait("DELETE FROM d.t WHERE n = 1")
        client.query_and_wait("ALTER TABLE d.t ADD COLUMN s STRING")
        client.insert_rows_json("p.d.t", [{"n": 3, "s": "x"}])
        client.query_and_wait("CREATE TABLE d.u AS SELECT 1 AS n")
        client.create_dataset("e")
        assert world.restore(id_) == 3
        assert client.get_table("p.d.t").to_api_repr() == before
        assert numbers(client) == [1, 2]
        assert [row["n"] for row in client.list_rows("p.d.t")] == [1, 2]
        assert [t.table_id for t in client.list_tables("d")] == ["t"]
        assert [d.dataset_id for d in client.list_datasets()] == ["d"]


def test_an_etag_of_the_snapshot_is_good_again(client: Any, world: World) -> None:
    table = client.get_table("p.d.t")
    id_ = world.snapshot()
    other = client.get_table("p.d.t")
    other.description = "changed"
    client.update_table(other, ["description"])
    table.description = "mine"
    with pytest.raises(exceptions.PreconditionFailed):
        client.update_table(table, ["description"])
    world.restore(id_)
    assert client.update_table(table, ["description"]).description == "mine"


def test_jobs_made_since_are_gone_and_deleted_ones_are_back(client: Any, world: World) -> None:
    kept = client.query("SELECT 7", job_id="kept", job_retry=None)
    assert [r[0] for r in kept.result()] == [7]
    id_ = world.snapshot()
    client.query("SELECT 8", job_id="new", job_retry=None).result()
    client.delete_job_metadata("kept", location="US")
    world.restore(id_)
    assert "new" not in {j.job_id for j in client.list_jobs()}
    with pytest.raises(exceptions.NotFound):
        client.get_job("new", location="US")
    assert [r[0] for r in client.get_job("kept", location="US").result()] == [7]
    assert [r[0] for r in client.query("SELECT 9", job_id="new", job_retry=None).result()] == [9]


def test_cached_results_are_those_of_the_world(client: Any, world: World) -> None:
    def total() -> tuple[int, bool]:
        job = client.query("SELECT SUM(n) FROM d.t")
        return next(iter(job.result()))[0], bool(job.cache_hit)

    assert [total(), total()] == [(3, False), (3, True)]
    id_ = world.snapshot()
    client.query_and_wait("INSERT INTO d.t VALUES (10)")
    assert total() == (13, False)
    world.restore(id_)
    assert total()[0] == 3
    client.query_and_wait("INSERT INTO d.t VALUES (20)")
    assert total() == (23, False)


def test_sessions_have_the_variables_that_they_had(client: Any, world: World) -> None:
    config = bigquery.QueryJobConfig(create_session=True)
    job = client.query("CREATE TEMP TABLE x AS SELECT 1 AS n; SELECT 1", job_config=config)
    job.result()
    session = job.session_info.session_id
    within = bigquery.QueryJobConfig(
        connection_properties=[bigquery.ConnectionProperty("session_id", session)]
    )

    def ask(sql: str) -> list[Any]:
        return [row[0] for row in client.query(sql, job_config=within).result()]

    id_ = world.snapshot()
    ask("INSERT INTO x VALUES (2)")
    assert ask("SELECT COUNT(*) FROM x") == [2]
    world.restore(id_)
    assert ask("SELECT COUNT(*) FROM x") == [1]


def test_an_older_snapshot_takes_later_ones_with_it(client: Any, world: World) -> None:
    first = world.snapshot("first")
    client.query_and_wait("INSERT INTO d.t VALUES (3)")
    second = world.snapshot("second")
    client.query_and_wait("INSERT INTO d.t VALUES (4)")
    world.restore(second)
    assert numbers(client) == [1, 2, 3]
    world.restore(first)
    assert numbers(client) == [1, 2]
    assert [s.id for s in world.worlds.list()] == ["first"]
    with pytest.raises(BigQueryError, match="Not found: Snapshot second"):
        world.restore(second)
    client.query_and_wait("INSERT INTO d.t VALUES (5)")
    third = world.snapshot()
    client.query_and_wait("DROP TABLE d.t")
    world.restore(third)
    assert numbers(client) == [1, 2, 5]
    world.run(world.worlds.delete(third))
    world.restore(first)
    assert numbers(client) == [1, 2]
    with pytest.raises(BigQueryError, match="Already Exists: Snapshot first"):
        world.snapshot("first")
    with pytest.raises(BigQueryError, match="must not be empty"):
        world.snapshot("")


def test_jobs_that_run_are_stopped(client: Any, world: World) -> None:
    id_ = world.snapshot()
    job = client.query(
        "SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 1000000)) a, UNNEST(GENERATE_ARRAY(1, 1000000)) b"
    )
    world.restore(id_)
    with pytest.raises(exceptions.NotFound):
        client.get_job(job.job_id, location="US")
    assert numbers(client) == [1, 2]


def test_the_clock_goes_on(simulator: Simulator, client: Any, world: World) -> None:
    simulator.clock.freeze()
    id_ = world.snapshot()
    simulator.clock.advance("1h")
    (before,) = numbers(client, "SELECT CURRENT_TIMESTAMP()")
    world.restore(id_)
    (after,) = numbers(client, "SELECT CURRENT_TIMESTAMP()")
    assert after > before


def test_streams_of_the_storage_api(simulator: Simulator, client: Any, world: World) -> None:
    storage = Clients(simulator.grpc_target)
    parent = "projects/p/datasets/d/tables/t"
    kind = types.WriteStream(type_=types.WriteStream.Type.COMMITTED)
    stream = storage.write.create_write_stream(parent=parent, write_stream=kind).name

    def append(offset: int, n: int) -> int:
        (answer,) = storage.append(stream, arrow_append(stream, pa.table({"n": [n]}), offset))
        return int(answer.append_result.offset)

    assert append(0, 3) == 0
    kept = storage.session(parent)
    id_ = world.snapshot()
    assert append(1, 4) == 1
    new = storage.session(parent)
    world.restore(id_)
    assert numbers(client) == [1, 2, 3]
    assert append(1, 5) == 1
    assert numbers(client) == [1, 2, 3, 5]
    assert storage.arrow(kept).num_rows == 3
    with pytest.raises(exceptions.NotFound):
        storage.arrow(new)
    storage.close()


def test_a_fork_is_a_world_of_its_own(simulator: Simulator, client: Any, world: World) -> None:
    client.query_and_wait("CREATE VIEW d.v AS SELECT SUM(n) AS n FROM d.t")
    client.query_and_wait("CREATE FUNCTION d.f(x INT64) AS (x * 2)")
    assert world.run(world.worlds.fork("p", "q")) == 2
    other = simulator.client("q")
    assert numbers(other) == [1, 2]
    other.query_and_wait("INSERT INTO d.t VALUES (3)")
    client.query_and_wait("DELETE FROM d.t WHERE n = 1")
    assert numbers(other, "SELECT n FROM d.v") == [6]
    assert numbers(client, "SELECT n FROM d.v") == [2]
    assert numbers(other, "SELECT d.f(4)") == [8]
    assert other.get_routine("q.d.f").reference.project == "q"
    assert other.get_table("q.d.t").num_rows == 3
    with pytest.raises(BigQueryError, match="Already Exists: Dataset q:d"):
        world.run(world.worlds.fork("p", "q"))
    with pytest.raises(BigQueryError, match="Not found: Project nowhere"):
        world.run(world.worlds.fork("nowhere", "r"))
    with pytest.raises(BigQueryError, match="needs another project id"):
        world.run(world.worlds.fork("p", "p"))
    other.close()


def test_streams_with_staged_rows_are_gone_once_they_were_written_to(
    simulator: Simulator, client: Any, world: World
) -> None:
    storage = Clients(simulator.grpc_target)
    parent = "projects/p/datasets/d/tables/t"
    pending = types.WriteStream(type_=types.WriteStream.Type.PENDING)

    def stream() -> str:
        name = storage.write.create_write_stream(parent=parent, write_stream=pending).name
        storage.append(name, arrow_append(name, pa.table({"n": [3]}), 0))
        return str(name)

    kept, written = stream(), stream()
    id_ = world.snapshot()
    storage.append(written, arrow_append(written, pa.table({"n": [4]}), 1))
    new = stream()
    world.restore(id_)
    for gone in (written, new):
        with pytest.raises(exceptions.NotFound):
            storage.write.finalize_write_stream(name=gone)
    assert storage.write.finalize_write_stream(name=kept).row_count == 1
    storage.write.batch_commit_write_streams({"parent": parent, "write_streams": [kept]})
    assert numbers(client) == [1, 2, 3]
    storage.close()


def test_ids_of_rows_streamed_since_are_new_again(client: Any, world: World) -> None:
    id_ = world.snapshot()
    for _ in range(2):
        for _ in range(2):
            assert client.insert_rows_json("p.d.t", [{"n": 3}], row_ids=["same"]) == []
        assert numbers(client) == [1, 2, 3]
        world.restore(id_)


def test_a_restored_world_is_there_after_a_restart(tmp_path: Any) -> None:
    with bqsim.start(project="p", data_dir=tmp_path) as first:
        client = first.client()
        client.create_dataset("d")
        client.query_and_wait("CREATE TABLE d.t AS SELECT 1 AS n")
        world = World(first)
        id_ = world.snapshot()
        client.query_and_wait("INSERT INTO d.t VALUES (2)")
        client.create_dataset("e")
        world.restore(id_)
        client.close()
    with bqsim.start(project="p", data_dir=tmp_path) as second:
        client = second.client()
        assert numbers(client) == [1]
        assert [d.dataset_id for d in client.list_datasets()] == ["d"]
        client.close()


CHANGE = ProtoMessage(
    [
        ("id", F.TYPE_INT64, False, None),
        ("_CHANGE_TYPE", F.TYPE_STRING, False, None),
        ("_CHANGE_SEQUENCE_NUMBER", F.TYPE_STRING, False, None),
    ]
)


def test_changes_may_be_captured_once_more(simulator: Simulator, client: Any, world: World) -> None:
    client.query_and_wait("CREATE TABLE d.k (id INT64, PRIMARY KEY (id) NOT ENFORCED)")
    storage = Clients(simulator.grpc_target)
    stream = "projects/p/datasets/d/tables/k/streams/_default"

    def change(id_: int, kind: str, number: str) -> None:
        row = {"id": id_, "_CHANGE_TYPE": kind, "_CHANGE_SEQUENCE_NUMBER": number}
        storage.append(stream, [CHANGE.append(stream, [row])])

    def kept() -> list[Any]:
        return numbers(client, "SELECT id FROM d.k ORDER BY id")

    first = world.snapshot()
    change(1, "UPSERT", "5")
    second = world.snapshot()
    for _ in range(2):
        change(2, "UPSERT", "3")
        change(2, "DELETE", "4")
        change(2, "UPSERT", "3")
        assert kept() == [1]
        world.restore(second)
    change(1, "DELETE", "4")
    assert kept() == [1]
    world.restore(first)
    assert kept() == []
    change(1, "UPSERT", "1")
    assert kept() == [1]
    storage.close()
