"""Google's clients meet what they wrote a while ago, until the simulator's clock has passed the lag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types

import bqsim
from bqsim.sim.scenario.model import Match, Rule, Stale
from bqsim.simulator import Simulator

pytestmark = pytest.mark.fidelity("effect:stale", "exact")

FIELDS = [bigquery.SchemaField("n", "INT64")]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with bqsim.start(project="p") as running:
        running.clock.freeze()
        client = running.client()
        client.create_dataset("d")
        client.create_table(bigquery.Table("p.d.old", FIELDS))
        client.insert_rows_json("p.d.old", [{"n": 1}, {"n": 2}])
        client.close()
        running.clock.advance("2h")
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Any]:
    made = simulator.client()
    yield made
    made.close()


def lag(simulator: Simulator, what: str, seconds: int = 10, **match: Any) -> None:
    assert simulator.core is not None
    simulator.core.simulation.add([Rule(what, Stale(seconds, what), Match(**match))])


def numbers(client: Any, sql: str) -> list[Any]:
    return [row[0] for row in client.query_and_wait(sql)]


def test_rows_cannot_be_streamed_into_a_table_just_created(simulator: Simulator, client: Any) -> None:
    lag(simulator, "table")
    table = client.create_table(bigquery.Table("p.d.new", FIELDS))
    for _ in range(2):
        with pytest.raises(exceptions.NotFound, match=r"Not found: Table p:d\.new"):
            client.insert_rows_json(table, [{"n": 1}], retry=None)
        simulator.clock.advance("4s")
    assert [t.table_id for t in client.list_tables("d")] == ["new", "old"]
    simulator.clock.advance("3s")
    assert client.insert_rows_json(table, [{"n": 1}]) == []
    assert numbers(client, "SELECT n FROM d.new") == [1]


def test_a_column_just_added_is_not_known_to_streams(simulator: Simulator, client: Any) -> None:
    lag(simulator, "table")
    client.query_and_wait("ALTER TABLE d.old ADD COLUMN s STRING")
    (error,) = client.insert_rows_json("p.d.old", [{"n": 3, "s": "x"}])
    assert error["errors"][0]["message"].startswith("no such field: s")
    simulator.clock.advance("11s")
    assert client.insert_rows_json("p.d.old", [{"n": 3, "s": "x"}]) == []
    assert numbers(client, "SELECT s FROM d.old WHERE n = 3") == ["x"]


def test_metadata_shows_the_old_schema_until_the_lag_is_over(simulator: Simulator, client: Any) -> None:
    lag(simulator, "metadata")
    before = client.get_table("p.d.old")
    changed = client.get_table("p.d.old")
    changed.schema = [*changed.schema, bigquery.SchemaField("s", "STRING")]
    changed.labels = {"k": "v"}
    client.update_table(changed, ["schema", "labels"])
    client.create_dataset("e")
    seen = client.get_table("p.d.old")
    assert (seen.schema, seen.labels, seen.etag) == (before.schema, {}, before.etag)
    assert [d.dataset_id for d in client.list_datasets()] == ["d"]
    with pytest.raises(exceptions.NotFound):
        client.get_dataset("e")
    with pytest.raises(exceptions.Conflict):
        client.create_dataset("e")
    simulator.clock.advance("11s")
    seen = client.get_table("p.d.old")
    assert ([f.name for f in seen.schema], seen.labels) == (["n", "s"], {"k": "v"})
    assert [d.dataset_id for d in client.list_datasets()] == ["d", "e"]
    client.delete_table("p.d.old")
    assert client.get_table("p.d.old").num_rows == 2
    assert [t.table_id for t in client.list_tables("d")] == ["old"]
    simulator.clock.advance("11s")
    with pytest.raises(exceptions.NotFound):
        client.get_table("p.d.old")


def test_rows_are_those_of_a_while_ago(simulator: Simulator, client: Any) -> None:
    count = "SELECT COUNT(*) FROM d.old"
    assert numbers(client, count) == [2]
    lag(simulator, "rows")
    client.query_and_wait("INSERT INTO d.old VALUES (3)")
    client.query_and_wait("CREATE TABLE d.copy AS SELECT * FROM d.old")
    read = types.ReadSession(table="projects/p/datasets/d/tables/old", data_format=types.DataFormat.ARROW)

    def found() -> list[Any]:
        reader = simulator.read_client()
        session = reader.create_read_session(parent="projects/p", read_session=read, max_stream_count=1)
        rows = reader.read_rows(session.streams[0].name).rows(session) if session.streams else []
        streamed = sum(1 for _ in rows)
        reader.transport.close()
        return [
            numbers(client, count)[0],
            numbers(client, f"WITH w AS ({count}) SELECT * FROM w")[0],
            len(list(client.list_rows("p.d.old"))),
            client.list_rows("p.d.old").total_rows or 0,
            streamed,
        ]

    first = found()
    assert first[:3] + first[4:] == [2, 2, 2, 2]
    assert numbers(client, "SELECT COUNT(*) FROM d.copy") == [0]
    client.query_and_wait("UPDATE d.old SET n = n + 10 WHERE TRUE")
    simulator.clock.advance("11s")
    last = found()
    assert last[:3] + last[4:] == [3, 3, 3, 3]
    assert numbers(client, "SELECT COUNT(*) FROM d.copy") == [3]
    assert sorted(numbers(client, "SELECT n FROM d.old")) == [11, 12, 13]


def test_rows_of_a_table_whose_rows_were_replaced(simulator: Simulator, client: Any) -> None:
    lag(simulator, "rows")
    config = bigquery.QueryJobConfig(destination="p.d.old", write_disposition="WRITE_TRUNCATE")
    client.query("SELECT 7 AS n", job_config=config).result()
    assert sorted(numbers(client, "SELECT n FROM d.old")) == [1, 2]
    assert sorted(r[0] for r in client.list_rows("p.d.old")) == [1, 2]
    simulator.clock.advance("11s")
    assert numbers(client, "SELECT n FROM d.old") == [7]


def test_a_job_just_made_is_not_found(simulator: Simulator, client: Any) -> None:
    client.query("SELECT 0", job_id="earlier", job_retry=None).result()
    simulator.clock.advance("1m")
    lag(simulator, "jobs")
    job = client.query("SELECT 1", job_id="mine", job_retry=None)
    with pytest.raises(exceptions.NotFound, match=r"Not found: Job p:US\.mine"):
        client.get_job("mine", location="US", retry=None)
    assert [j.job_id for j in client.list_jobs()] == ["earlier"]
    simulator.clock.advance("11s")
    assert [j.job_id for j in client.list_jobs()] == ["mine", "earlier"]
    assert [r[0] for r in job.result()] == [1]


def test_information_schema_lags_behind(simulator: Simulator, client: Any) -> None:
    lag(simulator, "information_schema")
    client.create_table(bigquery.Table("p.d.new", FIELDS))
    tables = "SELECT table_name FROM d.INFORMATION_SCHEMA.TABLES ORDER BY 1"
    assert numbers(client, tables) == ["old"]
    assert numbers(client, "SELECT COUNT(*) FROM d.new") == [0]
    simulator.clock.advance("11s")
    assert numbers(client, tables) == ["new", "old"]


def test_storage_does_not_know_a_table_just_created(simulator: Simulator, client: Any) -> None:
    lag(simulator, "table")
    client.create_table(bigquery.Table("p.d.new", FIELDS))
    writer = simulator.write_client()
    stream = types.WriteStream(type_=types.WriteStream.Type.COMMITTED)
    with pytest.raises(exceptions.NotFound):
        writer.create_write_stream(parent="projects/p/datasets/d/tables/new", write_stream=stream)
    simulator.clock.advance("11s")
    assert writer.create_write_stream(parent="projects/p/datasets/d/tables/new", write_stream=stream).name
    writer.transport.close()


def test_only_calls_that_the_rule_matches_lag_behind(simulator: Simulator, client: Any) -> None:
    lag(simulator, "metadata", method=("bigquery.tables.list",))
    client.create_table(bigquery.Table("p.d.new", FIELDS))
    assert client.get_table("p.d.new").table_id == "new"
    assert [t.table_id for t in client.list_tables("d")] == ["old"]
