from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

import bqsim
from bqsim.seeding import Api, seed
from bqsim.simulator import Simulator

SEED = """
datasets:
  d:
    tables:
      bare: {schema: {id: INT64 NOT NULL}, statistics: {rows: 1000}}
      none: {schema: {id: INT64}, statistics: {rows: 0}}
      days:
        schema: {day: DATE, name: STRING}
        partition_by: day
        statistics:
          partitions:
            {"20260101": {rows: 9, bytes: 900}, "20260103": {rows: 1, bytes: 100}, __NULL__: {rows: 2}}
          generate_rows: 200
      hours:
        schema: {moment: TIMESTAMP}
        partition_by: {field: moment, type: HOUR}
        statistics: {partitions: {"2026010105": {rows: 9, bytes: 72}}, generate_rows: 5}
      arrived:
        schema: {id: INT64}
        partition_by: {type: DAY}
        statistics:
          partitions: {"20260101": {rows: 30, bytes: 240}, "20260103": {rows: 10, bytes: 80}}
          generate_rows: 100
      ranges:
        schema: {id: INT64}
        partition_by: {field: id, start: 0, end: 100, interval: 10}
        statistics: {partitions: {"20": {rows: 9, bytes: 72}}, generate_rows: 5}
    views: {v: SELECT id FROM d.bare, w: SELECT day FROM d.days}
"""
READING = (
    "SELECT * FROM d.bare",
    "SELECT COUNT(*) FROM d.v",
    "SELECT (SELECT MAX(id) FROM d.bare)",
    "SELECT * FROM `d.ba*`",
    "INSERT INTO d.none SELECT id FROM d.bare",
    "UPDATE d.bare SET id = 1 WHERE TRUE",
    "DELETE FROM d.bare WHERE TRUE",
    "MERGE d.none USING d.bare b ON none.id = b.id WHEN MATCHED THEN DELETE",
    "CREATE TABLE d.copied AS SELECT * FROM d.bare",
    "CREATE TABLE d.copied COPY d.bare",
    "CREATE SNAPSHOT TABLE d.copied CLONE d.bare",
    "CREATE MATERIALIZED VIEW d.mv AS SELECT id FROM d.bare",
    "BEGIN SELECT 1; SELECT * FROM d.bare; END",
    "EXECUTE IMMEDIATE 'SELECT * FROM d.bare'",
)


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with bqsim.start(project="shadowy", seed=5) as running:
        seed(Api(running.url, "shadowy"), SEED)
        yield running


@pytest.fixture(scope="module")
def client(sim: Simulator) -> Iterator[Any]:
    with sim.client() as made:
        yield made


@pytest.mark.parametrize("sql", READING)
def test_statements_that_read_it_say_what_to_do(client: Any, sql: str) -> None:
    from google.api_core.exceptions import BadRequest

    with pytest.raises(BadRequest) as caught:
        client.query_and_wait(sql)
    assert re.search(
        r"shadowy:d\.bare is a shadow table.*Load rows into it .*--generate-rows", str(caught.value)
    )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM d.none",
        "CREATE OR REPLACE TABLE d.alike LIKE d.bare",
        "CREATE OR REPLACE VIEW d.seen AS SELECT * FROM d.bare",
        "ALTER TABLE d.bare SET OPTIONS (description = 'x')",
        "SELECT table_name FROM d.INFORMATION_SCHEMA.TABLES",
    ],
)
def test_statements_that_read_no_rows_of_it_run(client: Any, sql: str) -> None:
    client.query_and_wait(sql)


def test_a_table_like_it_is_none(client: Any) -> None:
    client.query_and_wait("CREATE OR REPLACE TABLE d.alike LIKE d.bare")
    assert client.get_table("d.alike").num_rows == 0
    assert list(client.query_and_wait("SELECT * FROM d.alike")) == []


def test_rows_are_made_in_the_partitions_that_there_are(client: Any) -> None:
    (row,) = client.query_and_wait(
        "SELECT COUNT(*) AS n, COUNTIF(day = '2026-01-01') AS first, COUNTIF(day = '2026-01-03') AS last"
        " FROM d.w"
    )
    assert row.n == 200 and row.first + row.last >= 190 and row.first > row.last > 0
    assert client.get_table("d.days").num_rows == 12
    (hour,) = client.query_and_wait("SELECT COUNT(DISTINCT TIMESTAMP_TRUNC(moment, HOUR)) AS n FROM d.hours")
    assert hour.n == 1
    assert [r.id for r in client.query_and_wait("SELECT DISTINCT id FROM d.ranges")] == [20]


def test_rows_of_a_table_by_ingestion_time_are_spread_over_its_partitions(client: Any) -> None:
    found = client.query_and_wait(
        "SELECT CAST(_PARTITIONDATE AS STRING) AS day, COUNT(*) AS n FROM d.arrived GROUP BY day ORDER BY day"
    )
    assert [tuple(row.values()) for row in found] == [("2026-01-01", 75), ("2026-01-03", 25)]


def test_generated_rows_follow_the_seed_of_the_simulator() -> None:
    found = []
    for number in (5, 5, 6):
        with bqsim.start(project="shadowy", seed=number) as other:
            seed(Api(other.url, "shadowy"), SEED)
            with other.client() as reader:
                found.append(sorted(tuple(r) for r in reader.list_rows("d.days") if r.day and r.name))
    assert found[0] == found[1] != found[2]


def test_rows_that_are_loaded_are_read_and_the_figures_stay(client: Any) -> None:
    client.query_and_wait("CREATE OR REPLACE TABLE d.other (id INT64)")
    seed(
        Api(client._connection.API_BASE_URL, "shadowy"),
        "datasets: {d: {tables: {sample: {schema: {id: INT64 NOT NULL}, statistics: {rows: 500}}}}}\n",
        existing="replace",
    )
    client.query_and_wait("INSERT INTO d.sample VALUES (1), (2)")
    assert [r.id for r in client.query_and_wait("SELECT id FROM d.sample ORDER BY id")] == [1, 2]
    table = client.get_table("d.sample")
    assert (table.num_rows, table.num_bytes) == (500, 4000)
