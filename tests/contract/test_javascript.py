"""JavaScript functions through Google's client."""

from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

pytestmark = [
    pytest.mark.fidelity("sql:functions in JavaScript", "exact", tests="test_*"),
]


def rows(client: bigquery.Client, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in client.query_and_wait(sql)]


def test_a_temporary_function(bqsim_client: bigquery.Client) -> None:
    create = "CREATE TEMP FUNCTION twice(xs ARRAY<INT64>) RETURNS ARRAY<INT64> LANGUAGE js AS "
    sql = f'{create} "return xs.map(x => x * 2);";\nSELECT twice([1, 2, 3])'
    assert rows(bqsim_client, sql) == [([2, 4, 6],)]


def test_an_error_names_the_function_and_the_place(bqsim_client: bigquery.Client) -> None:
    create = "CREATE TEMP FUNCTION boom(x INT64) RETURNS INT64 LANGUAGE js AS "
    with pytest.raises(exceptions.BadRequest) as caught:
        rows(bqsim_client, f"{create} \"throw new Error('from js');\";\nSELECT boom(1) AS r")
    assert caught.value.errors[0]["message"] == "Error: from js at boom(INT64) line 1, column 1"
    assert caught.value.errors[0]["reason"] == "invalidQuery"


def test_a_routine(bqsim_client: bigquery.Client) -> None:
    dataset = bqsim_client.create_dataset("d")
    routine = bigquery.Routine(
        dataset.reference.routine("add"),
        type_="SCALAR_FUNCTION",
        language="JAVASCRIPT",
        body="return x + y",
        arguments=[
            bigquery.RoutineArgument(
                name=name,
                data_type=bigquery.StandardSqlDataType(type_kind=bigquery.StandardSqlTypeNames.FLOAT64),
            )
            for name in ("x", "y")
        ],
        return_type=bigquery.StandardSqlDataType(type_kind=bigquery.StandardSqlTypeNames.FLOAT64),
    )
    bqsim_client.create_routine(routine)
    shown = bqsim_client.get_routine(routine.reference)
    assert (shown.language, shown.body) == ("JAVASCRIPT", "return x + y")
    assert rows(bqsim_client, f"SELECT `{dataset.dataset_id}`.add(1, 0.5)") == [(1.5,)]
