"""Rows as JSON for insertAll and for files."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bqclient.errors import UsageError
from bqclient.models.schema import Field, Schema
from bqclient.values.json_rows import row_to_json
from bqclient.values.rows import rows_of_json
from bqclient.values.types import Interval, Json, Range

_UTC = dt.UTC


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (Field("x", "INT64"), 1 << 60, str(1 << 60)),
        (Field("x", "FLOAT64"), 1.5, 1.5),
        (Field("x", "FLOAT64"), float("nan"), "NaN"),
        (Field("x", "FLOAT64"), float("-inf"), "-Infinity"),
        (Field("x", "BOOL"), True, True),
        (Field("x", "BYTES"), b"\0", "AA=="),
        (Field("x", "DATE"), dt.date(1, 2, 3), "0001-02-03"),
        (Field("x", "TIME"), dt.time(1, 2, 3, 4), "01:02:03.000004"),
        (Field("x", "DATETIME"), dt.datetime(1, 1, 1), "0001-01-01T00:00:00"),
        (Field("x", "TIMESTAMP"), dt.datetime(2026, 1, 1, tzinfo=_UTC), "2026-01-01T00:00:00Z"),
        (Field("x", "NUMERIC"), Decimal("1E+3"), "1000"),
        (Field("x", "INTERVAL"), Interval(1, 2, 3000), "0-1 2 0:0:0.000003"),
        (Field("x", "JSON"), {"a": "é"}, '{"a":"é"}'),
        (Field("x", "JSON"), "text", '"text"'),
        (Field("x", "JSON"), Json(None), "null"),
        (Field("x", "JSON"), None, None),
        (
            Field("x", "RANGE", element="DATE"),
            Range(dt.date(2026, 1, 1)),
            {"start": "2026-01-01", "end": None},
        ),
        (Field("x", "INT64", "REPEATED"), (1, 2), ["1", "2"]),
        (Field("x", "INT64", "REPEATED"), None, []),
        (Field("x", "INT64"), pd.NA, None),
        (Field("x", "TIMESTAMP"), pd.NaT, None),
        (Field("x", "INT64"), np.int32(3), "3"),
        (Field("x", "STRUCT", fields=(Field("Y", "DATE"),)), {"y": dt.date(2026, 1, 1)}, {"Y": "2026-01-01"}),
    ],
)
def test_values_for_insert_all(field: Field, value: Any, expected: Any) -> None:
    found = row_to_json({"X": value}, Schema((field,)))
    assert found == {"x": expected} and type(found["x"]) is type(expected)
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "expected"), [({"a": [1]}, {"a": [1]}), ([1], [1]), (5, 5), ("a", '"a"'), (Json(None), "null")]
)
def test_json_in_files_is_as_it_is(value: Any, expected: Any) -> None:
    assert row_to_json({"x": value}, Schema((Field("x", "JSON"),)), load=True) == {"x": expected}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"r": 1, "i": 1.5}, "Field i: an INT64 has no fraction"),
        ({"r": 1, "s": {"x": [{"y": 1 << 70}]}}, r"Field s\.x\.y: the int is beyond"),
        ({"r": None}, "Field r: the field is REQUIRED"),
        ({}, "Field r is REQUIRED and has no value"),
        ({"r": 1, "s": {"x": [None]}}, r"Field s\.x: element 0 is NULL"),
        ({"r": 1, "s": 3}, "Field s: int is given where a mapping"),
        ({"r": 1, "other": object()}, "Field other: object is no type"),
    ],
)
def test_wrong_values_are_named(row: dict[str, Any], problem: str) -> None:
    inner = Field("x", "STRUCT", "REPEATED", (Field("y", "INT64"),))
    schema = Schema(
        (Field("i", "INT64"), Field("s", "STRUCT", fields=(inner,)), Field("r", "INT64", "REQUIRED"))
    )
    with pytest.raises(UsageError, match=problem):
        row_to_json(row, schema)


def test_columns_with_defaults_may_be_left_out() -> None:
    schema = Schema((Field("a", "INT64", "REQUIRED", default="1"), Field("b", "INT64")))
    assert row_to_json({}, schema) == {}


def test_rows_without_a_schema() -> None:
    row = {
        "a": 1,
        "b": 1 << 60,
        "c": Decimal("1.50"),
        "d": dt.datetime(2026, 1, 1, tzinfo=_UTC),
        "e": [dt.date(2026, 1, 1)],
        "f": {"g": b"\0"},
        "h": float("inf"),
        "i": np.array([1, 2]),
        "j": pd.NaT,
        "k": dt.timedelta(1),
        "l": np.float64(1.5),
    }
    assert row_to_json(row, None) == {
        "a": 1,
        "b": str(1 << 60),
        "c": "1.50",
        "d": "2026-01-01T00:00:00Z",
        "e": ["2026-01-01"],
        "f": {"g": "AA=="},
        "h": "Infinity",
        "i": [1, 2],
        "j": None,
        "k": "0-0 1 0:0:0",
        "l": 1.5,
    }


def test_rows_of_answers_can_be_written() -> None:
    schema = Schema((Field("a", "INT64"),))
    row = rows_of_json([{"f": [{"v": "1"}]}], schema)[0]
    assert row_to_json(row, schema) == {"a": "1"}  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="mapping"):
        row_to_json([1], schema)  # type: ignore[arg-type]
