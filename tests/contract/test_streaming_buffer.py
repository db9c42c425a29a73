"""Rows of insertAll as Google's client sees them: de-duplicated, buffered, closed to DML until flushed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

import bqsim
from bqsim.simulator import Simulator

pytestmark = [
    pytest.mark.fidelity(
        "streaming:buffer, fields:Table: streamingBuffer",
        "approximated",
        "Rows leave it after a time that is set, 30 minutes at first, whatever their number.",
        tests="test_*buffer* test_dml_* test_rows_that_are_not* test_later* test_lists*",
    ),
    pytest.mark.fidelity(
        "streaming:insert ids", "exact", tests="test_repeated_rows* test_rows_without* test_rows_that_failed*"
    ),
    pytest.mark.fidelity("streaming:template suffixes", "exact", tests="test_templates_*"),
    pytest.mark.fidelity("streaming:row errors", "exact", tests="test_errors_of_rows"),
]

SCHEMA = [
    bigquery.SchemaField("id", "INT64", "REQUIRED"),
    bigquery.SchemaField("name", "STRING"),
    bigquery.SchemaField("tags", "RECORD", "REPEATED", fields=[bigquery.SchemaField("key", "STRING")]),
]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with bqsim.start() as running:
        running.clock.freeze()
        yield running


@pytest.fixture
def client(simulator: Simulator, request: pytest.FixtureRequest) -> Iterator[Any]:
    project = "p-" + "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[:25].strip("-")
    client = simulator.client(project)
    client.create_dataset("d")
    client.create_table(bigquery.Table(f"{project}.d.t", schema=SCHEMA))
    yield client
    client.close()


def ids(client: Any, table: str = "d.t") -> list[int]:
    return [row.id for row in client.query_and_wait(f"SELECT id FROM {table} ORDER BY id")]


def refused(client: Any, sql: str, kind: str = "UPDATE or DELETE statement") -> None:
    with pytest.raises(exceptions.BadRequest) as caught:
        client.query_and_wait(sql)
    affects = f"{kind} over table {client.project}.d.t would affect rows in the streaming buffer"
    assert f"{affects}, which is not supported" in caught.value.message


CHANGES = (
    "UPDATE d.t SET name = 'z' WHERE id = 2",
    "DELETE FROM d.t WHERE id = 2",
    "MERGE d.t AS t USING (SELECT 2 AS id) AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = 'm'",
)


def test_dml_is_refused_until_the_flush(client: Any, simulator: Simulator) -> None:
    client.query_and_wait("INSERT d.t (id) VALUES (1)")
    assert client.insert_rows_json("d.t", [{"id": 2}]) == []
    assert ids(client) == [1, 2]
    for sql in CHANGES:
        refused(client, sql)
    refused(client, "TRUNCATE TABLE d.t", "TRUNCATE DML statement")
    assert ids(client) == [1, 2]
    simulator.clock.advance("2h")
    for sql in CHANGES:
        client.query_and_wait(sql)
    client.query_and_wait("TRUNCATE TABLE d.t")
    assert ids(client) == []


def test_rows_that_are_not_in_the_buffer_may_be_changed(client: Any) -> None:
    client.query_and_wait("INSERT d.t (id) VALUES (1), (3)")
    client.insert_rows_json("d.t", [{"id": 2}])
    client.query_and_wait("INSERT d.t (id) VALUES (4)")
    client.insert_rows_json("d.t", [{"id": 5}])
    client.query_and_wait("UPDATE d.t SET name = 'a' WHERE id IN (1, 4)")
    client.query_and_wait("DELETE FROM d.t WHERE id = 3")
    client.query_and_wait(
        "MERGE d.t AS t USING (SELECT 9 AS id) AS s ON t.id = s.id "
        "WHEN NOT MATCHED THEN INSERT (id) VALUES (id)"
    )
    assert ids(client) == [1, 2, 4, 5, 9]
    refused(client, "DELETE FROM d.t WHERE id = 5")
    refused(client, "DELETE FROM d.t WHERE TRUE")


def test_a_transaction_is_refused_too(client: Any) -> None:
    client.insert_rows_json("d.t", [{"id": 2}])
    for sql in ("DELETE FROM d.t WHERE id = 2", "TRUNCATE TABLE d.t"):
        with pytest.raises(exceptions.BadRequest, match="would affect rows in the streaming buffer"):
            client.query_and_wait(f"BEGIN TRANSACTION; {sql}; COMMIT TRANSACTION;")
    assert ids(client) == [2]


def test_the_table_tells_of_its_buffer(client: Any, simulator: Simulator) -> None:
    client.query_and_wait("INSERT d.t (id) VALUES (1)")
    client.insert_rows_json("d.t", [{"id": 2, "name": "abc"}, {"id": 3}])
    table = client.get_table("d.t")
    assert (table.num_rows, table.num_bytes) == (1, 8)
    assert (table.streaming_buffer.estimated_rows, table.streaming_buffer.estimated_bytes) == (2, 21)
    simulator.clock.advance("29m")
    assert client.get_table("d.t").streaming_buffer.oldest_entry_time is not None
    simulator.clock.advance("1m")
    table = client.get_table("d.t")
    assert (table.num_rows, table.num_bytes, table.streaming_buffer) == (3, 29, None)


def test_later_rows_are_flushed_later(client: Any, simulator: Simulator) -> None:
    client.insert_rows_json("d.t", [{"id": 1}])
    simulator.clock.advance("20m")
    client.insert_rows_json("d.t", [{"id": 2}])
    simulator.clock.advance("15m")
    client.query_and_wait("DELETE FROM d.t WHERE id = 1")
    refused(client, "DELETE FROM d.t WHERE id = 2")
    simulator.clock.advance("15m")
    client.query_and_wait("DELETE FROM d.t WHERE id = 2")


def test_lists_copies_and_snapshots_do_not_see_the_buffer(client: Any, simulator: Simulator) -> None:
    client.query_and_wait("INSERT d.t (id) VALUES (1)")
    client.insert_rows_json("d.t", [{"id": 2}])

    def seen(part: str) -> list[list[int]]:
        client.copy_table("d.t", f"d.copy{part}").result()
        client.query_and_wait(f"CREATE SNAPSHOT TABLE d.snapshot{part} CLONE d.t")
        client.query_and_wait(f"CREATE TABLE d.clone{part} CLONE d.t")
        listed = [row.id for row in client.list_rows("d.t", selected_fields=SCHEMA[:1])]
        return [listed, *(ids(client, f"d.{name}{part}") for name in ("copy", "snapshot", "clone"))]

    assert seen("1") == [[1]] * 4
    simulator.clock.advance("2h")
    assert seen("2") == [[1, 2]] * 4


def test_results_over_buffered_rows_are_not_cached(client: Any, simulator: Simulator) -> None:
    client.insert_rows_json("d.t", [{"id": 2}])

    def hits() -> list[bool]:
        found = []
        for _ in range(2):
            job = client.query("SELECT COUNT(*) FROM d.t")
            job.result()
            found.append(bool(job.cache_hit))
        return found

    assert hits() == [False, False]
    simulator.clock.advance("2h")
    assert hits() == [False, True]


def test_a_table_made_anew_has_an_empty_buffer(client: Any) -> None:
    client.insert_rows_json("d.t", [{"id": 1}], row_ids=["a"])
    client.delete_table("d.t")
    client.create_table(bigquery.Table(f"{client.project}.d.t", schema=SCHEMA))
    assert client.insert_rows_json("d.t", [{"id": 1}], row_ids=["a"]) == []
    client.query_and_wait("CREATE OR REPLACE TABLE d.t AS SELECT * FROM d.t")
    client.query_and_wait("DELETE FROM d.t WHERE id = 1")


def test_repeated_rows_are_acknowledged_and_not_stored(client: Any, simulator: Simulator) -> None:
    for _ in range(2):
        assert client.insert_rows_json("d.t", [{"id": 1}, {"id": 2}], row_ids=["a", "b"]) == []
    assert client.insert_rows_json("d.t", [{"id": 3}, {"id": 3}, {"id": 9}], row_ids=["c", "c", "a"]) == []
    assert ids(client) == [1, 2, 3]
    simulator.clock.advance("61s")
    client.insert_rows_json("d.t", [{"id": 1}], row_ids=["a"])
    assert ids(client) == [1, 1, 2, 3]


def test_rows_without_insert_ids_are_never_repeats(client: Any) -> None:
    for _ in range(2):
        client.insert_rows_json("d.t", [{"id": 1}, {"id": 1}], row_ids=[None, None])
    assert ids(client) == [1, 1, 1, 1]


def test_rows_that_failed_may_be_sent_again(client: Any) -> None:
    rows = [{"id": 1}, {"id": "x"}]
    errors = client.insert_rows_json("d.t", rows, row_ids=["a", "b"])
    assert [error["errors"][0]["reason"] for error in errors] == ["stopped", "invalid"]
    assert client.insert_rows_json("d.t", [{"id": 1}, {"id": 2}], row_ids=["a", "b"]) == []
    assert ids(client) == [1, 2]


def test_templates_have_ids_of_their_own(client: Any) -> None:
    for suffix in ("_x", "_x", "_y"):
        client.insert_rows_json("d.t", [{"id": 1}], row_ids=["a"], template_suffix=suffix)
    client.insert_rows_json("d.t_x", [{"id": 2}], row_ids=["a"])
    assert (ids(client), ids(client, "d.t_x"), ids(client, "d.t_y")) == ([], [1, 2], [1])


def test_errors_of_rows(client: Any) -> None:
    rows = [{"id": 1, "tags": [{"key": "a"}, {"key": ["b"]}]}, {"id": 1, "tags": [{"nope": 1}]}, {}]
    errors = client.insert_rows_json("d.t", rows)
    assert [[(e["location"], e["message"]) for e in row["errors"]] for row in errors] == [
        [("tags[1].key", "Array specified for non-repeated field: key.")],
        [("tags[0].nope", "no such field: tags.nope.")],
        [("", "Missing required field: Msg_0_CLOUD_QUERY_TABLE.id.")],
    ]


def test_a_restart_flushes(tmp_path: Path) -> None:
    for seconds in (0.0, 1800.0):
        with bqsim.start(data_dir=tmp_path / str(seconds), streaming_buffer_s=seconds) as first:
            client = first.client()
            client.create_dataset("d")
            client.create_table(bigquery.Table(f"{client.project}.d.t", schema=SCHEMA))
            client.insert_rows_json("d.t", [{"id": 1}])
            table = client.get_table("d.t")
            assert (table.num_rows, table.streaming_buffer is None) == (
                (1, True) if not seconds else (0, False)
            )
            client.close()
    with bqsim.start(data_dir=tmp_path / "1800.0") as second:
        client = second.client()
        assert client.get_table("d.t").num_rows == 1
        client.query_and_wait("DELETE FROM d.t WHERE id = 1")
        assert ids(client) == []
        client.close()
