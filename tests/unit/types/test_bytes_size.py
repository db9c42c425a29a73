"""Logical sizes follow the table of the data types page."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from bqsim.types import (
    BIGNUMERIC,
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT64,
    GEOGRAPHY,
    INT64,
    JSON,
    NUMERIC,
    STRING,
    TIME,
    TIMESTAMP,
    Type,
    array_of,
    field_of,
    range_of,
    struct_of,
)
from bqsim.types.bytes_size import logical_bytes, path_bytes, table_bytes
from bqsim.types.values import array_of_values, table_from_rows

UTC = dt.timezone.utc  # noqa: UP017


@pytest.mark.parametrize(
    ("type_", "values", "size"),
    [
        (INT64, [1, 2, None], 16),
        (FLOAT64, [1.5], 8),
        (BOOL, [True, None], 1),
        (NUMERIC, [Decimal(1)], 16),
        (BIGNUMERIC, [Decimal(1)], 32),
        (STRING, ["", "é", None], 2 + 4),
        (BYTES, [b"abc"], 5),
        (JSON, ['{"a":1}'], 7),
        (DATE, [dt.date(2020, 1, 1)], 8),
        (TIME, [dt.time(1)], 8),
        (DATETIME, [dt.datetime(2020, 1, 1)], 8),
        (TIMESTAMP, [dt.datetime(2020, 1, 1, tzinfo=UTC)], 8),
        (range_of(DATE), [{"start": None, "end": None}, None], 16),
        (array_of(INT64), [[1, 2], [], None], 16),
        (struct_of(("a", INT64), ("b", STRING)), [[1, "x"], [None, "yz"], None], 8 + 3 + 4),
        (array_of(struct_of(("a", STRING))), [[["x"], [None]]], 3),
        (GEOGRAPHY, ["POINT(1 2)"], 40),
        (GEOGRAPHY, ["LINESTRING(1 2, -3.5 4, 5 6)", None], 16 + 72),
    ],
)
def test_size_of_values(type_: Type, values: list[object], size: int) -> None:
    assert logical_bytes(field_of("x", type_), array_of_values(type_, values)) == size


def test_a_slice_counts_only_its_rows() -> None:
    fields = [field_of("a", STRING), field_of("b", array_of(INT64))]
    table = table_from_rows(fields, [["long text", [1, 2, 3]], ["x", [4]], ["yy", []]])
    assert table_bytes(fields, table.slice(1)) == (3 + 8) + 4


def test_fields_within_a_column() -> None:
    inner = struct_of(("a", INT64), ("b", STRING))
    field = field_of("s", struct_of(("x", inner), ("l", array_of(inner))))
    values = [
        [[1, "é"], [[1, "x"], [None, "yz"]]],
        [None, []],
        None,
    ]
    column = pa.chunked_array([array_of_values(field.type, values)])
    for path, size in (
        (["x", "a"], 8),
        (["x", "B"], 4),
        (["x"], 12),
        (["l", "a"], 8),
        (["l", "b"], 7),
        (["l"], 15),
    ):
        assert path_bytes(field, column, path) == size
    assert path_bytes(field, column, []) == logical_bytes(field, column) == 27
