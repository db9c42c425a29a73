from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import Dataset, Table, TableKind, TimePartitioning
from bqsim.errors import BigQueryError
from bqsim.sql.statements.options import shown_options, sql_literal, with_options

TABLE = Table(
    TableRef("p", "d", "t"), TableKind.TABLE, (), 0, 0, "e", "US", time_partitioning=TimePartitioning("DAY")
)
DATASET = Dataset(DatasetRef("p", "d"), "US", 0, 0, "e")

VALUES: dict[str, Any] = {
    "description": 'a "text"',
    "friendly_name": "f",
    "labels": [["a", "1"]],
    "expiration_timestamp": datetime(2030, 1, 1, tzinfo=UTC),
    "partition_expiration_days": 2.0,
    "require_partition_filter": True,
    "kms_key_name": "projects/p/key",
    "enable_refresh": False,
    "refresh_interval_minutes": 30,
    "tags": [["p/env", "test"]],
}


def test_what_is_set_is_shown_and_cleared() -> None:
    table = with_options(TABLE, VALUES)
    shown = {name: value for name, _, value in shown_options(table)}
    assert shown["description"] == '"a \\"text\\""'
    assert shown["labels"] == '[STRUCT("a", "1")]'
    assert shown["expiration_timestamp"] == 'TIMESTAMP "2030-01-01T00:00:00.000Z"'
    assert shown["partition_expiration_days"] == "2.0"
    assert shown["enable_refresh"] == "false"
    assert set(shown) == set(VALUES)
    assert table.metadata["materializedView"] == {"enableRefresh": False, "refreshIntervalMs": "1800000"}
    cleared = with_options(table, dict.fromkeys(VALUES))
    assert shown_options(cleared) == []
    assert cleared.metadata == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nope": 1}, "Unknown option: nope"),
        ({"labels": [["a", "1"], ["a", "2"]]}, 'Duplicate label key: "a"'),
    ],
)
def test_refusals(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        with_options(TABLE, values)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"description": 5},
            "Option description value has type INT64 which cannot be coerced to expected type STRING",
        ),
        (
            {"require_partition_filter": "x"},
            "Option require_partition_filter value has type STRING which cannot be coerced to expected"
            " type BOOL",
        ),
        ({"expiration_timestamp": "soon"}, 'Could not cast literal "soon" to type TIMESTAMP'),
        (
            {"labels": "a"},
            "Option labels value has type STRING which cannot be coerced to expected type"
            " ARRAY<STRUCT<STRING, STRING>>",
        ),
    ],
)
def test_values_of_other_types(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        with_options(TABLE, values)
    assert caught.value.message == message


def test_values_that_are_coerced() -> None:
    table = with_options(
        TABLE, {"expiration_timestamp": "2030-01-01 00:00:00 UTC", "partition_expiration_days": 3}
    )
    assert table.expiration_ms == 1_893_456_000_000
    assert table.time_partitioning == TimePartitioning("DAY", None, 259_200_000)


def test_partition_expiration_needs_partitions() -> None:
    plain = Table(TABLE.ref, TableKind.TABLE, (), 0, 0, "e", "US")
    with pytest.raises(BigQueryError, match="partition_expiration_days"):
        with_options(plain, {"partition_expiration_days": 1.0})
    assert with_options(plain, {"partition_expiration_days": None}) == plain


def test_schema_options() -> None:
    dataset = with_options(
        DATASET, {"default_table_expiration_days": 0.5, "storage_billing_model": "physical"}
    )
    assert dataset.default_table_expiration_ms == 43_200_000
    assert dataset.metadata == {"storageBillingModel": "PHYSICAL"}
    assert [o[0] for o in shown_options(dataset)] == [
        "default_table_expiration_days",
        "location",
        "storage_billing_model",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1, "1"),
        ("a\nb", '"a\\nb"'),
        ([("a", 1)], '[STRUCT("a", 1)]'),
        ({"k": "v"}, '[STRUCT("k", "v")]'),
    ],
)
def test_literals(value: Any, text: str) -> None:
    assert sql_literal(value) == text
