"""GEOGRAPHY through Google's clients: columns, loads, inserts, parameters, results, read sessions."""

from __future__ import annotations

import io
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

pytestmark = pytest.mark.fidelity(
    "sql:geography",
    "approximated",
    "Buffers of lines and ST_SIMPLIFY choose vertices by rules of their own.",
)

Client = Any
SQUARE = "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0))"
CLOCKWISE = "POLYGON((0 0, 0 4, 4 4, 4 0, 0 0))"
REVERSED = "POLYGON((4 0, 4 4, 0 4, 0 0, 4 0))"


@pytest.fixture
def table(bqsim_client: Client) -> str:
    bqsim_client.create_dataset("d")
    schema = [bigquery.SchemaField("id", "INT64"), bigquery.SchemaField("g", "GEOGRAPHY")]
    made = bqsim_client.create_table(bigquery.Table(f"{bqsim_client.project}.d.places", schema=schema))
    assert [f.field_type for f in made.schema] == ["INTEGER", "GEOGRAPHY"]
    return "d.places"


def texts(client: Client, table: str) -> list[Any]:
    return [row.g for row in client.query_and_wait(f"SELECT g FROM {table} ORDER BY id")]


def test_rows_of_insert_all(bqsim_client: Client, table: str) -> None:
    rows = [
        {"id": 1, "g": "POINT(1.50 2)"},
        {"id": 2, "g": CLOCKWISE},
        {"id": 3, "g": '{"type": "Point", "coordinates": [3, 4]}'},
        {"id": 4, "g": None},
    ]
    assert bqsim_client.insert_rows_json(table, rows) == []
    assert texts(bqsim_client, table) == ["POINT(1.5 2)", REVERSED, "POINT(3 4)", None]


def test_bad_rows_of_insert_all(bqsim_client: Client, table: str) -> None:
    [bad] = bqsim_client.insert_rows_json(table, [{"id": 1, "g": "POINT(1 200)"}])
    [error] = bad["errors"]
    assert (error["reason"], error["location"]) == ("invalid", "g")
    assert error["message"] == "Invalid GEOGRAPHY value: POINT(1 200)"


@pytest.mark.parametrize(
    ("source_format", "data"),
    (
        ("CSV", f'1,POINT(1 2)\n2,"{CLOCKWISE}"\n3,\n'),
        (
            "NEWLINE_DELIMITED_JSON",
            f'{{"id": 1, "g": "POINT(1 2)"}}\n{{"id": 2, "g": "{CLOCKWISE}"}}\n{{"id": 3}}\n',
        ),
    ),
)  # fmt: skip
def test_loads(bqsim_client: Client, table: str, source_format: str, data: str) -> None:
    config = bigquery.LoadJobConfig(source_format=source_format)
    bqsim_client.load_table_from_file(io.BytesIO(data.encode()), table, job_config=config).result()
    assert texts(bqsim_client, table) == ["POINT(1 2)", REVERSED, None]


def test_load_of_a_bad_value(bqsim_client: Client, table: str) -> None:
    config = bigquery.LoadJobConfig(source_format="CSV")
    with pytest.raises(exceptions.BadRequest, match=r"Could not parse|Invalid geography value"):
        bqsim_client.load_table_from_file(io.BytesIO(b"1,POINT(x y)\n"), table, job_config=config).result()


def test_parameter(bqsim_client: Client) -> None:
    config = bigquery.QueryJobConfig(
        query_parameters=[bigquery.ScalarQueryParameter("g", "GEOGRAPHY", "POINT(1 2)")]
    )
    [row] = bqsim_client.query_and_wait("SELECT @g AS g, ST_Y(@g) AS y", job_config=config)
    assert row.values() == ("POINT(1 2)", pytest.approx(2))


def test_results_as_rows_and_as_arrow(bqsim_client: Client, table: str) -> None:
    bqsim_client.query_and_wait(
        f"INSERT INTO {table} VALUES (1, ST_GEOGPOINT(1, 2)), (2, ST_GEOGFROMTEXT('{SQUARE}'))"
    )
    listed = bqsim_client.list_rows(table)
    assert [row.g for row in listed] == ["POINT(1 2)", SQUARE]
    arrow = bqsim_client.list_rows(table).to_arrow()
    assert arrow.column("g").to_pylist() == ["POINT(1 2)", SQUARE]


def test_copy_destination_and_script(bqsim_client: Client, table: str) -> None:
    bqsim_client.query_and_wait(f"INSERT INTO {table} VALUES (1, ST_GEOGPOINT(1, 2))")
    bqsim_client.copy_table(table, "d.copied").result()
    config = bigquery.QueryJobConfig(destination=f"{bqsim_client.project}.d.made")
    bqsim_client.query(f"SELECT id, ST_BUFFER(g, 10) AS g FROM {table}", job_config=config).result()
    assert texts(bqsim_client, "d.copied") == ["POINT(1 2)"]
    [made] = texts(bqsim_client, "d.made")
    assert made.startswith("POLYGON((")
    script = "DECLARE p GEOGRAPHY DEFAULT ST_GEOGPOINT(1, 2); SET p = ST_CENTROID(p); SELECT p AS g, 1 AS id;"
    assert [row.g for row in bqsim_client.query_and_wait(script)] == ["POINT(1 2)"]


def test_bytes_processed_count_vertices(bqsim_client: Client, table: str) -> None:
    bqsim_client.query_and_wait(
        f"INSERT INTO {table} VALUES (1, ST_GEOGPOINT(1, 2)), (2, ST_GEOGFROMTEXT('LINESTRING(0 0, 1 1)'))"
    )
    job = bqsim_client.query(f"SELECT g FROM {table}")
    job.result()
    assert job.total_bytes_processed == 2 * 16 + 3 * 24


@pytest.mark.parametrize("statement", ("SELECT g FROM {} GROUP BY g", "SELECT DISTINCT g FROM {}"))
def test_geography_cannot_be_grouped(bqsim_client: Client, table: str, statement: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="GEOGRAPHY"):
        bqsim_client.query_and_wait(statement.format(table))
