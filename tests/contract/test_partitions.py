"""Partitioned tables through Google's client: where rows go, decorators, lists of partitions, expiration."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

import bqsim
from bqsim.simulator import Simulator

pytestmark = [
    pytest.mark.fidelity(
        "sql:pseudo columns",
        "exact",
        tests="test_dml_* test_merge_* test_units* test_star* test_streamed*",
    ),
    pytest.mark.fidelity(
        "fields:Table: clustering and partitioning",
        "exact",
        tests="test_one_partition* test_past* test_list* test_delete* test_changes*",
    ),
    pytest.mark.fidelity(
        "time:expiration of tables and partitions", "exact", tests="test_partitions_expire*"
    ),
    pytest.mark.fidelity("sql:wildcard tables", "exact", tests="test_wildcard*"),
    pytest.mark.fidelity("sql:legacy SQL", "approximated", "The plain subset.", tests="test_legacy*"),
]

LEGACY = bigquery.QueryJobConfig(use_legacy_sql=True)
START = dt.datetime(2030, 1, 10, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with bqsim.start() as running:
        running.clock.freeze()
        running.clock.set_time(START)
        yield running


@pytest.fixture
def client(simulator: Simulator, request: pytest.FixtureRequest) -> Iterator[Any]:
    project = f"p-{zlib.crc32(request.node.name.encode()):08x}"
    client = simulator.client(project)
    client.create_dataset("d")
    yield client
    client.close()


def run(client: Any, *statements: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for sql in statements:
        rows = [tuple(row.values()) for row in client.query_and_wait(sql)]
    return rows


def message(client: Any, sql: str) -> str:
    with pytest.raises(exceptions.GoogleAPICallError) as caught:
        client.query_and_wait(sql)
    return str(caught.value.errors[0]["message"])


def day(client: Any, offset: int = 0, form: str = "%Y%m%d") -> str:
    [(now,)] = run(client, "SELECT CURRENT_TIMESTAMP()")
    return f"{now + dt.timedelta(offset):{form}}"


def test_dml_writes_partitions(client: Any) -> None:
    run(
        client,
        "CREATE TABLE d.t (n INT64, s STRING DEFAULT 'x') PARTITION BY _PARTITIONDATE",
        "INSERT d.t (_PARTITIONTIME, n) VALUES ('2026-01-02', 1), ('2026-01-03', 2)",
        "INSERT d.t (n, _PARTITIONTIME) SELECT 3, TIMESTAMP '2026-01-04'",
        "INSERT d.t (n) VALUES (4)",
        "UPDATE d.t SET _PARTITIONTIME = '2026-02-01', n = n * 10 WHERE _PARTITIONTIME = '2026-01-03'",
        "UPDATE d.t SET s = 'y' WHERE n = 3",
    )
    found = run(client, "SELECT n, s, FORMAT_DATE('%Y%m%d', _PARTITIONDATE) FROM d.t ORDER BY n")
    assert found == [
        (1, "x", "20260102"),
        (3, "y", "20260104"),
        (4, "x", day(client)),
        (20, "x", "20260201"),
    ]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        (
            "INSERT d.t (_PARTITIONTIME, n) SELECT TIMESTAMP '2026-01-02 03:00:00', 1",
            "_PARTITIONTIME must be the beginning of a partition of the table, but found 2026-01-02 03:00:00",
        ),
        (
            "UPDATE d.t SET _PARTITIONTIME = '2026-01-02 03:00:00' WHERE TRUE",
            "_PARTITIONTIME must be the beginning of a partition",
        ),
        (
            "INSERT d.t (_PARTITIONDATE, n) VALUES ('2026-01-02', 1)",
            "Cannot INSERT value on non-writable column: _PARTITIONDATE",
        ),
    ],
)
def test_dml_refusals(client: Any, sql: str, text: str) -> None:
    run(client, "CREATE TABLE d.t (n INT64) PARTITION BY _PARTITIONDATE", "INSERT d.t (n) VALUES (1)")
    assert message(client, sql).startswith(text)


def test_dml_writes_partitions_in_transactions(client: Any) -> None:
    run(client, "CREATE TABLE d.t (n INT64) PARTITION BY _PARTITIONDATE", "CREATE TABLE d.like LIKE d.t")
    run(
        client,
        """BEGIN TRANSACTION;
        INSERT d.t (_PARTITIONTIME, n) VALUES ('2026-05-01', 1), ('2026-05-02', 2);
        INSERT d.t (n) SELECT 3;
        UPDATE d.t SET _PARTITIONTIME = '2026-06-01' WHERE _PARTITIONDATE = '2026-05-02';
        COMMIT TRANSACTION""",
    )
    found = run(client, "SELECT n, FORMAT_DATE('%Y%m%d', _PARTITIONDATE) FROM d.t ORDER BY n")
    assert found == [(1, "20260501"), (2, "20260601"), (3, day(client))]
    assert client.get_table("d.like").time_partitioning.type_ == "DAY"


def test_merge_writes_partitions(client: Any) -> None:
    run(
        client,
        "CREATE TABLE d.t (n INT64) PARTITION BY _PARTITIONDATE",
        "INSERT d.t (_PARTITIONTIME, n) VALUES ('2026-01-02', 1)",
        """MERGE d.t AS t USING (SELECT * FROM UNNEST([1, 2]) AS n) AS s ON t.n = s.n
           WHEN MATCHED THEN UPDATE SET _PARTITIONTIME = '2026-03-01'
           WHEN NOT MATCHED THEN INSERT (_PARTITIONTIME, n) VALUES ('2026-04-01', n)""",
    )
    found = run(client, "SELECT n, CAST(_PARTITIONDATE AS STRING) FROM d.t ORDER BY n")
    assert found == [(1, "2026-03-01"), (2, "2026-04-01")]


@pytest.mark.parametrize(
    ("unit", "start"), [("HOUR", "2026-05-06 07:00:00+00"), ("YEAR", "2026-01-01 00:00:00+00")]
)
def test_units_of_ingestion_time(client: Any, unit: str, start: str) -> None:
    run(
        client,
        f"CREATE TABLE d.t (n INT64) PARTITION BY TIMESTAMP_TRUNC(_PARTITIONTIME, {unit})",
        f"INSERT d.t (_PARTITIONTIME, n) VALUES ('{start}', 1)",
    )
    assert run(client, "SELECT CAST(_PARTITIONTIME AS STRING), n FROM d.t") == [(start, 1)]
    assert message(client, "SELECT _PARTITIONDATE FROM d.t").startswith("Unrecognized name: _PARTITIONDATE")


def test_star_leaves_them_out_and_views_need_an_alias(client: Any) -> None:
    run(
        client,
        "CREATE TABLE d.t (n INT64) PARTITION BY _PARTITIONDATE",
        "INSERT d.t (_PARTITIONTIME, n) VALUES ('2026-01-02', 1)",
        "CREATE VIEW d.v AS SELECT *, _PARTITIONTIME AS pt FROM d.t",
    )
    assert run(client, "SELECT * FROM d.t") == [(1,)]
    assert run(client, "SELECT n FROM d.v WHERE pt < '2026-01-03'") == [(1,)]
    assert message(client, "CREATE VIEW d.w AS SELECT _PARTITIONTIME FROM d.t").startswith(
        'Invalid field name "_PARTITIONTIME".'
    )


def test_streamed_rows_get_their_partition_with_the_flush(client: Any, simulator: Simulator) -> None:
    run(client, "CREATE TABLE d.t (n INT64) PARTITION BY _PARTITIONDATE")
    today, before = day(client), day(client, -3)
    held = "SELECT n, FORMAT_DATE('%Y%m%d', _PARTITIONDATE) FROM d.t ORDER BY n"
    assert run(client, held) == []
    assert client.insert_rows_json("d.t", [{"n": 1}]) == []
    assert client.insert_rows_json(f"d.t${before}", [{"n": 2}]) == []
    assert run(client, held) == [(1, None), (2, None)]
    assert run(client, "SELECT n FROM d.t WHERE _PARTITIONTIME IS NULL ORDER BY n") == [(1,), (2,)]
    parts = "SELECT partition_id, total_rows FROM d.INFORMATION_SCHEMA.PARTITIONS ORDER BY partition_id"
    assert run(client, parts) == [("__UNPARTITIONED__", 2)]
    assert client.list_partitions("d.t") == ["__UNPARTITIONED__"]
    simulator.clock.advance(dt.timedelta(hours=1))
    assert run(client, parts) == [(before, 1), (today, 1)]
    assert run(client, held) == [(1, today), (2, before)]
    assert sorted(client.list_partitions("d.t")) == [before, today]


def read(client: Any, simulator: Simulator, restriction: str = "") -> list[tuple[int, Any]]:
    """The rows of d.t through the Storage Read API, with their partitions."""
    options = {"selected_fields": ["n", "_PARTITIONDATE"], "row_restriction": restriction}
    session = {
        "table": f"projects/{client.project}/datasets/d/tables/t",
        "data_format": "ARROW",
        "read_options": options,
    }
    reader = simulator.read_client()
    made = reader.create_read_session(
        parent=f"projects/{client.project}", read_session=session, max_stream_count=1
    )
    rows = [row for s in made.streams for row in reader.read_rows(s.name).rows(made)]
    return sorted((r["n"].as_py(), r["_PARTITIONDATE"].as_py()) for r in rows)


def test_streamed_rows_of_read_sessions(client: Any, simulator: Simulator) -> None:
    run(
        client,
        "CREATE TABLE d.t (n INT64) PARTITION BY _PARTITIONDATE",
        "INSERT d.t (_PARTITIONTIME, n) VALUES ('2026-01-02', 1), ('2026-01-03', 2)",
    )
    assert client.insert_rows_json("d.t", [{"n": 3}]) == []
    jan_3 = dt.date(2026, 1, 3)
    assert read(client, simulator) == [(1, dt.date(2026, 1, 2)), (2, jan_3), (3, None)]
    assert read(client, simulator, "_PARTITIONTIME = '2026-01-03'") == [(2, jan_3)]
    assert read(client, simulator, "_PARTITIONTIME IS NULL") == [(3, None)]


PARTS = (
    "CREATE TABLE d.t (n INT64, dt DATE) PARTITION BY dt",
    "INSERT d.t VALUES (1, '2029-12-20'), (2, NULL), (3, '1800-01-01'), (4, '2029-12-21'), (5, '2029-12-21')",
)


def listed(client: Any, table: str) -> list[int]:
    return sorted(row.n for row in client.list_rows(client.get_table(table)))


@pytest.mark.parametrize(
    ("partition", "rows"),
    [
        ("20291220", [1]),
        ("20291221", [4, 5]),
        ("20200101", []),
        ("__NULL__", [2]),
        ("__UNPARTITIONED__", [3]),
    ],
)
def test_one_partition(client: Any, partition: str, rows: list[int]) -> None:
    run(client, *PARTS)
    table = client.get_table(f"d.t${partition}")
    assert (table.table_id, table.num_rows) == (f"t${partition}", len(rows))
    assert table.num_bytes == (8 if partition == "__NULL__" else 16 * len(rows))
    assert listed(client, f"d.t${partition}") == rows
    pages = client.list_rows(table, page_size=1, selected_fields=[bigquery.SchemaField("n", "INT64")])
    assert sorted(row[0] for row in pages) == rows
    assert client.get_iam_policy(table.reference).to_api_repr()["version"] == 1


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("t$2026", "Invalid date partition format: 2026."),
        ("t$20261301", "Invalid date partition format: 20261301."),
        ("plain$20260101", "Cannot read partition information from a table that is not partitioned:"),
        ("t@zz", "Invalid snapshot decorator @zz"),
    ],
)
def test_one_partition_that_cannot_be(client: Any, table: str, text: str) -> None:
    run(client, *PARTS, "CREATE TABLE d.plain (n INT64)")
    with pytest.raises(exceptions.BadRequest) as caught:
        client.get_table(f"d.{table}")
    assert caught.value.errors[0]["message"].startswith(text)


def test_past_rows(client: Any, simulator: Simulator) -> None:
    run(client, *PARTS)
    simulator.clock.advance(dt.timedelta(minutes=10))
    run(client, "INSERT d.t VALUES (6, '2029-12-20')", "DELETE d.t WHERE n = 1")
    assert listed(client, "d.t@-60000") == [1, 2, 3, 4, 5]
    assert listed(client, "d.t$20291220@-60000") == [1]
    assert listed(client, "d.t$20291220") == [6]
    assert client.get_table("d.t@-60000").num_rows == 5


def test_list_partitions(client: Any) -> None:
    run(client, *PARTS, "CREATE TABLE d.plain (n INT64)")
    ids = ["20291220", "20291221", "__NULL__", "__UNPARTITIONED__"]
    assert sorted(client.list_partitions("d.t")) == ids
    with pytest.raises(exceptions.BadRequest, match="Cannot read partition information"):
        client.list_partitions("d.plain")


def test_delete_of_a_partition(client: Any) -> None:
    run(client, *PARTS)
    client.delete_table("d.t$20291221")
    assert listed(client, "d.t") == [1, 2, 3]
    with pytest.raises(exceptions.NotFound):
        client.delete_table("d.t$20291221")
    client.delete_table("d.t$20291221", not_found_ok=True)
    client.delete_table("d.t$__NULL__")
    assert listed(client, "d.t") == [1, 3]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("t$20291221", [4, 5]),
        ("t$__NULL__", [2]),
        ("t$__UNPARTITIONED__", [3]),
        ("r$10", [15]),
        ("r$__UNPARTITIONED__", [1000]),
        ("i$20260101", [7]),
    ],
)
def test_legacy_decorators(client: Any, table: str, rows: list[int]) -> None:
    run(
        client,
        *PARTS,
        "CREATE TABLE d.r (n INT64) PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 10))",
        "INSERT d.r VALUES (1), (15), (1000), (NULL)",
        "CREATE TABLE d.i (n INT64) PARTITION BY _PARTITIONDATE",
        "INSERT d.i (_PARTITIONTIME, n) VALUES ('2026-01-01', 7), ('2026-01-02', 8)",
    )
    found = client.query_and_wait(f"SELECT n FROM [{client.project}:d.{table}] ORDER BY n", job_config=LEGACY)
    assert [row.n for row in found] == rows


def test_legacy_summary(client: Any) -> None:
    run(client, *PARTS)
    sql = f"SELECT partition_id FROM [{client.project}:d.t$__PARTITIONS_SUMMARY__] ORDER BY partition_id"
    found = [row.partition_id for row in client.query_and_wait(sql, job_config=LEGACY)]
    assert found == ["20291220", "20291221", "__NULL__", "__UNPARTITIONED__"]


def test_partitions_expire(client: Any, simulator: Simulator) -> None:
    days = [day(client, n, "%Y-%m-%d") for n in (0, -1, -9)]
    run(
        client,
        "CREATE TABLE d.t (n INT64, dt DATE) PARTITION BY dt OPTIONS (partition_expiration_days=3)",
        f"INSERT d.t VALUES (1, '{days[0]}'), (2, '{days[1]}'), (3, '{days[2]}'), (4, NULL)",
    )
    query = "SELECT n FROM d.t ORDER BY n"
    assert run(client, query) == [(1,), (2,), (4,)]
    simulator.clock.advance(dt.timedelta(days=2))
    assert client.get_table("d.t").num_rows == 2
    assert run(client, query) == [(1,), (4,)]
    run(client, "ALTER TABLE d.t SET OPTIONS (partition_expiration_days=NULL)")
    simulator.clock.advance(dt.timedelta(days=5))
    assert run(client, query) == [(1,), (4,)]
    table = client.get_table("d.t")
    table.time_partitioning.expiration_ms = 86_400_000
    assert client.update_table(table, ["time_partitioning"]).time_partitioning.expiration_ms == 86_400_000
    assert run(client, query) == [(4,)]
    assert client.list_partitions("d.t") == ["__NULL__"]


def test_changes_of_partitioning_are_refused(client: Any) -> None:
    run(client, *PARTS, "CREATE TABLE d.plain (n INT64, dt DATE)")
    for name, field, text in (
        ("t", "dt", "Cannot change partitioning spec for a partitioned table"),
        ("plain", "dt", "Cannot convert non partitioned table to partitioned table."),
    ):
        table = client.get_table(f"d.{name}")
        table.time_partitioning = bigquery.TimePartitioning(type_="MONTH", field=field)
        with pytest.raises(exceptions.BadRequest) as caught:
            client.update_table(table, ["time_partitioning"])
        assert caught.value.errors[0]["message"].startswith(text)


def test_changes_of_required_filters(client: Any) -> None:
    run(client, *PARTS)
    table = client.get_table("d.t")
    table.require_partition_filter = True
    client.update_table(table, ["require_partition_filter"])
    assert message(client, "SELECT n FROM d.t WHERE dt > '2026-01-01' OR n = 1") == (
        f"Cannot query over table '{client.project}.d.t' without a filter over column(s) 'dt' that can be"
        " used for partition elimination"
    )
    table = client.get_table("d.t")
    table.require_partition_filter = False
    client.update_table(table, ["require_partition_filter"])
    assert len(run(client, "SELECT n FROM d.t")) == 5


def test_wildcard_tables(client: Any, simulator: Simulator) -> None:
    run(client, "CREATE TABLE d.e_1 (n INT64) PARTITION BY _PARTITIONDATE")
    simulator.clock.advance(dt.timedelta(minutes=1))
    run(client, "CREATE TABLE d.e_2 (n STRING, more INT64) PARTITION BY _PARTITIONDATE")
    run(
        client,
        "INSERT d.e_1 (_PARTITIONTIME, n) VALUES ('2026-01-01', 1)",
        "INSERT d.e_2 (_PARTITIONTIME, n) VALUES ('2026-01-02', 'b')",
    )
    assert run(client, "SELECT * FROM `d.e_*` WHERE _TABLE_SUFFIX = '2'") == [("b", None)]
    assert run(client, "SELECT _TABLE_SUFFIX, more FROM `d.e_*` WHERE _PARTITIONDATE = '2026-01-01'") == [
        ("1", None)
    ]
    assert message(client, "SELECT n FROM `d.e_*`") == "Cannot read field of type INT64 as STRING Field: n"
    assert message(client, "DELETE FROM `d.e_*` WHERE TRUE").startswith(
        "Illegal operation (write) on meta-table"
    )
    assert message(client, "SELECT * FROM `d.zz_*`") == f"{client.project}:d.zz_* does not match any table."
    run(client, "CREATE VIEW d.e_3 AS SELECT 1 AS n")
    assert message(client, "SELECT n FROM `d.e_*`") == (
        f"Views cannot be queried through prefix. Matched views are: {client.project}:d.e_3"
    )
