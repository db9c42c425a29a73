"""Rows of the Storage Write API in tables by ingestion time: buffered in no partition, then in theirs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types

import bqsim
from bqsim.simulator import Simulator
from tests.storage import Clients, F, ProtoMessage, table_path

pytestmark = [
    pytest.mark.fidelity("write:partition decorators", "exact", tests="test_a_decorator* test_decorators_*"),
    pytest.mark.fidelity(
        "write:streaming buffer",
        "approximated",
        "Rows leave it after a time that is set; lists, copies and extracts see them before that.",
        tests="test_rows_are_*",
    ),
]

ROW = ProtoMessage([("n", F.TYPE_INT64, False, None)])
TODAY = dt.datetime(2030, 3, 15, 12, tzinfo=dt.UTC)
PARTS = (
    "SELECT partition_id, total_rows FROM d.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = 't' ORDER BY 1"
)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with bqsim.start() as running:
        running.clock.freeze()
        running.clock.set_time(TODAY)
        yield running


@pytest.fixture
def client(simulator: Simulator, request: pytest.FixtureRequest) -> Iterator[Any]:
    project = "p-" + "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[:25].strip("-")
    client = simulator.client(project)
    client.create_dataset("d")
    client.query_and_wait("CREATE TABLE d.t (n INT64) PARTITION BY _PARTITIONDATE")
    client.query_and_wait("CREATE TABLE d.h (n INT64) PARTITION BY TIMESTAMP_TRUNC(_PARTITIONTIME, HOUR)")
    client.query_and_wait("CREATE TABLE d.c (n INT64, day DATE) PARTITION BY day")
    yield client
    client.close()


@pytest.fixture
def append(simulator: Simulator, client: Any) -> Iterator[Callable[..., Any]]:
    clients = Clients(simulator.grpc_target)

    def appended(table: str, *numbers: int, stream: str = "_default") -> Any:
        path = f"{table_path(client.project, table)}/streams/{stream}"
        return clients.append(path, [ROW.append(path, [{"n": n} for n in numbers])])

    appended.clients = clients  # type: ignore[attr-defined]
    yield appended
    clients.close()


def rows(client: Any, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in client.query_and_wait(sql)]


def test_rows_are_in_no_partition_while_they_are_buffered(
    simulator: Simulator, client: Any, append: Callable[..., Any]
) -> None:
    append("t", 1, 2)
    assert rows(client, "SELECT n FROM d.t WHERE _PARTITIONTIME IS NULL ORDER BY n") == [(1,), (2,)]
    assert rows(client, PARTS) == [("__UNPARTITIONED__", 2)]
    table = client.get_table("d.t")
    assert (table.num_rows, table.streaming_buffer.estimated_rows) == (0, 2)
    assert table.streaming_buffer.oldest_entry_time == TODAY
    # They are open to DML, unlike those of insertAll.
    client.query_and_wait("UPDATE d.t SET n = 3 WHERE n = 2")
    simulator.clock.advance("1h")
    assert rows(client, "SELECT n, _PARTITIONDATE FROM d.t ORDER BY n") == [
        (1, TODAY.date()),
        (3, TODAY.date()),
    ]
    assert client.get_table("d.t").streaming_buffer is None
    assert rows(client, PARTS) == [("20300315", 2)]


def test_a_decorator_names_the_day_that_rows_go_to(
    simulator: Simulator, client: Any, append: Callable[..., Any]
) -> None:
    append("t$20300301", 1)
    append("t$20300331", 2)
    append("t", 3)
    assert rows(client, "SELECT count(*) FROM d.t WHERE _PARTITIONTIME IS NULL") == [(3,)]
    simulator.clock.advance("1h")
    assert rows(client, "SELECT n, CAST(_PARTITIONDATE AS STRING) FROM d.t ORDER BY n") == [
        (1, "2030-03-01"),
        (2, "2030-03-31"),
        (3, "2030-03-15"),
    ]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("t$20300211", "outside the allowed bounds"),
        ("t$20300402", "outside the allowed bounds"),
        ("t$2030031500", "must have the form YYYYMMDD"),
        ("h$2030031500", "only tables that are partitioned by day"),
        ("c$20300315", "column based partitioning"),
    ],
)
def test_decorators_that_are_refused(client: Any, append: Callable[..., Any], table: str, says: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=says):
        append(table, 1)


def test_decorators_are_for_default_streams(client: Any, append: Callable[..., Any]) -> None:
    parent = table_path(client.project, "t$20300315")
    with pytest.raises(exceptions.InvalidArgument, match="Only default streams"):
        append.clients.write.create_write_stream(  # type: ignore[attr-defined]
            parent=parent, write_stream=types.WriteStream(type_=types.WriteStream.Type.COMMITTED)
        )
    with pytest.raises(exceptions.InvalidArgument, match="Only default streams"):
        append("t$20300315", 1, stream="abc")


def test_rows_are_not_cached_while_they_are_buffered(client: Any, append: Callable[..., Any]) -> None:
    append("t", 1)
    sql = "SELECT sum(n) FROM d.t"
    for _ in range(2):
        job = client.query(sql, job_config=bigquery.QueryJobConfig(use_query_cache=True))
        job.result()
        assert not job.cache_hit
