"""Arrow schemas, batches of rows, and data of other layouts."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from bqclient.errors import UsageError
from bqclient.models.schema import Field, Schema
from bqclient.values.arrow import arrow_schema, arrow_type, batch_of_dicts, dicts_of_batch, schema_of_arrow
from bqclient.values.conform import conform
from bqclient.values.types import Interval, Range

_UTC = dt.UTC


def _schema(*fields: Field) -> Schema:
    return Schema(fields)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field("x", "INT64"), pa.int64()),
        (Field("x", "NUMERIC"), pa.decimal128(38, 9)),
        (Field("x", "NUMERIC", precision=10, scale=2), pa.decimal128(10, 2)),
        (Field("x", "BIGNUMERIC"), pa.decimal256(76, 38)),
        (Field("x", "TIMESTAMP", "REPEATED"), pa.list_(pa.field("item", pa.timestamp("us", "UTC")))),
        (Field("x", "INTERVAL"), pa.month_day_nano_interval()),
        (
            Field("x", "RANGE", element="DATE"),
            pa.struct([("start", pa.date32()), ("end", pa.date32())]),
        ),
        (
            Field("x", "STRUCT", fields=(Field("y", "BYTES", "REQUIRED"),)),
            pa.struct([pa.field("y", pa.binary(), nullable=False)]),
        ),
    ],
)
def test_arrow_types(field: Field, expected: pa.DataType) -> None:
    assert arrow_type(field) == expected


def test_schemas_come_back_from_arrow() -> None:
    inner = (Field("j", "JSON"), Field("g", "GEOGRAPHY", "REPEATED"), Field("d", "DATETIME", "REQUIRED"))
    schema = _schema(
        *inner,
        Field("s", "STRUCT", fields=inner),
        Field("sa", "STRUCT", "REPEATED", inner),
        Field("n", "NUMERIC", precision=10, scale=2),
        Field("b", "BIGNUMERIC"),
        Field("i", "INTERVAL"),
    )
    assert schema_of_arrow(arrow_schema(schema)) == schema


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (pa.int8(), "INT64"),
        (pa.uint64(), "INT64"),
        (pa.float16(), "FLOAT64"),
        (pa.large_string(), "STRING"),
        (pa.string_view(), "STRING"),
        (pa.dictionary(pa.int32(), pa.string()), "STRING"),
        (pa.binary(4), "BYTES"),
        (pa.date64(), "DATE"),
        (pa.time32("s"), "TIME"),
        (pa.timestamp("ns"), "DATETIME"),
        (pa.timestamp("s", "Europe/Berlin"), "TIMESTAMP"),
        (pa.duration("us"), "INTERVAL"),
        (pa.null(), "STRING"),
        (pa.json_(), "JSON"),
        (pa.decimal128(38, 20), "BIGNUMERIC"),
    ],
)
def test_types_of_arrow(type_: pa.DataType, expected: str) -> None:
    assert schema_of_arrow(pa.schema([("x", type_)]))[0].type == expected


@pytest.mark.parametrize(
    "type_", [pa.list_(pa.list_(pa.int64())), pa.decimal256(76, 0), pa.map_(pa.string(), pa.int64())]
)
def test_arrow_types_that_bigquery_has_nothing_for(type_: pa.DataType) -> None:
    with pytest.raises(UsageError, match=r"Column a\.x "):
        schema_of_arrow(pa.schema([("a", pa.struct([("x", type_)]))]))


_STRUCT = Field("s", "STRUCT", fields=(Field("x", "INT64"), Field("y", "STRING", "REPEATED")))


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        (Field("a", "INT64"), 1 << 63, "field a: the int is beyond 64 bits"),
        (Field("a", "INT64"), "x", "field a: the text is no int"),
        (Field("a", "INT64", "REQUIRED"), None, "field a is REQUIRED"),
        (Field("a", "INT64", "REPEATED"), [1, None], r"field a\[1\] is NULL"),
        (Field("a", "INT64", "REPEATED"), 5, "field a: int is given where a list"),
        (Field("a", "INT64", "REPEATED"), [1, 2, "x"], r"field a\[2\]: the text is no int"),
        (Field("a", "NUMERIC"), Decimal("1e-10"), "9 digits after the point"),
        (Field("a", "NUMERIC"), Decimal(10) ** 29, "beyond NUMERIC: use BIGNUMERIC"),
        (Field("a", "BIGNUMERIC"), Decimal(10) ** 39, "beyond BIGNUMERIC"),
        (Field("a", "TIMESTAMP"), dt.datetime(2026, 1, 1), "without a time zone"),
        (Field("a", "DATETIME"), dt.datetime(2026, 1, 1, tzinfo=_UTC), "with a time zone"),
        (Field("a", "TIMESTAMP"), "2026-01-01", "add the time"),
        (Field("a", "DATE"), "10000-01-01", "a date in ISO 8601"),
        (Field("a", "STRING"), 5, "int is given where a str"),
        (Field("a", "STRING"), "\ud800", "surrogate"),
        (Field("a", "STRING", max_length=2), "abc", "length 3"),
        (Field("a", "BYTES"), "x", "encode it"),
        (Field("a", "INTERVAL"), Interval(nanos=10**19), "292 years"),
        (Field("a", "JSON"), object(), "as JSON"),
        (Field("a", "RANGE", element="DATE"), Range(dt.datetime(2026, 1, 1)), "a date is wanted"),
        (_STRUCT, {"x": "q"}, r"field s\.x: the text is no int"),
        (_STRUCT, {"y": ["a", 1]}, r"field s\.y\[1\]: int"),
        (_STRUCT, {"z": 1}, "no field z in the schema"),
        (_STRUCT, 5, "field s: int is given where a mapping"),
    ],
)
def test_wrong_values_are_named(field: Field, value: Any, problem: str) -> None:
    good = {"s": {"x": 1}} if field.name == "s" else {"a": [] if field.repeated else None}
    rows = [{field.name: value}] if field.required else [good, {field.name: value}]
    with pytest.raises(UsageError, match=f"Row {len(rows) - 1}.*{problem}"):
        batch_of_dicts(rows, _schema(field))


def test_unknown_columns_are_named() -> None:
    with pytest.raises(UsageError, match="Row 1: there is no field b"):
        batch_of_dicts([{"a": 1}, {"b": 1}], _schema(Field("a", "INT64")))


def test_rows_take_what_fits() -> None:
    schema = _schema(
        Field("i", "INT64"),
        Field("f", "FLOAT64"),
        Field("n", "NUMERIC"),
        Field("t", "TIMESTAMP"),
        Field("d", "DATE"),
        Field("v", "INTERVAL"),
        Field("s", "STRING", "REPEATED"),
    )
    zone = dt.timezone(dt.timedelta(hours=1))
    rows: list[dict[str, Any]] = [
        {"I": "12", "f": 1, "n": 1.5, "t": dt.datetime(2026, 1, 1, tzinfo=zone), "d": "2026-01-01"},
        {
            "i": 5.0,
            "f": "NaN",
            "n": "1.50",
            "t": "2026-01-01T00:00:00+01:00",
            "v": dt.timedelta(1),
            "s": ("a",),
        },
        {"i": pd.NA, "n": None, "t": pd.Timestamp("2026-01-01", tz="UTC")},
    ]
    found = dicts_of_batch(batch_of_dicts(rows, schema), schema)
    moment = dt.datetime(2025, 12, 31, 23, tzinfo=_UTC)
    assert [r["i"] for r in found] == [12, 5, None]
    assert [r["t"] for r in found] == [moment, moment, dt.datetime(2026, 1, 1, tzinfo=_UTC)]
    assert found[0]["n"] == found[1]["n"] == Decimal("1.5")
    assert (found[1]["v"], found[1]["s"], found[0]["s"]) == (Interval(0, 1), ["a"], [])


def test_batches_of_nothing() -> None:
    assert batch_of_dicts([], _schema(Field("a", "INT64"))).num_rows == 0
    assert batch_of_dicts([{}, {}], Schema()).num_rows == 2
    assert dicts_of_batch(pa.table({"a": pa.array([1])}), Schema()) == [{}]


def test_layouts_conform() -> None:
    table = pa.table(
        {
            "t": pa.array([10**9, None], pa.timestamp("ns", "Europe/Berlin")).cast(
                pa.timestamp("s", "Europe/Berlin")
            ),
            "s": pa.array(["a", "b"]).dictionary_encode(),
            "l": pa.array([["x"], None], pa.large_list(pa.large_string())),
            "d": pa.array([dt.timedelta(1), None]),
            "u": pa.array([1, 2], pa.uint64()),
        }
    )
    found = conform(table)
    assert found.schema.types == [
        pa.timestamp("us", "UTC"),
        pa.string(),
        pa.list_(pa.field("item", pa.string())),
        pa.month_day_nano_interval(),
        pa.int64(),
    ]
    assert found.column("l").to_pylist() == [["x"], []]
    found.validate(full=True)


@pytest.mark.parametrize(
    ("array", "field", "problem"),
    [
        (pa.array([1 << 63], pa.uint64()), Field("x", "INT64"), "does not fit INT64"),
        (pa.array([1, 1500], pa.timestamp("ns")), Field("x", "DATETIME"), "does not fit DATETIME"),
        (pa.array(["a"]), Field("x", "INT64"), "does not fit INT64"),
        (pa.array([1.5]), Field("x", "INT64"), "does not fit INT64"),
        (pa.array([None], pa.int64()), Field("x", "INT64", "REQUIRED"), "REQUIRED"),
        (pa.array([[1, None]], pa.list_(pa.int32())), Field("x", "INT64", "REPEATED"), "NULL in a list"),
    ],
)
def test_data_that_does_not_fit(array: Any, field: Field, problem: str) -> None:
    with pytest.raises(UsageError, match=f"Column x.*{problem}"):
        conform(pa.table({"x": array}), _schema(field))


def test_columns_go_by_name() -> None:
    schema = _schema(Field("a", "INT64"), Field("b", "STRING"), Field("c", "INT64", "REPEATED"))
    found = conform(pa.table({"B": ["x"], "a": pa.array([1], pa.int8())}), schema)
    assert found.to_pylist() == [{"a": 1, "b": "x", "c": []}]
    with pytest.raises(UsageError, match="no column z"):
        conform(pa.table({"z": [1]}), schema)
    with pytest.raises(UsageError, match="Column r is REQUIRED"):
        conform(pa.table({"a": [1]}), _schema(Field("a", "INT64"), Field("r", "INT64", "REQUIRED")))
