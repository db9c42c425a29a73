from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import fastavro
import pytest

from bqsim.engine.formats.parsed import Parsed, together
from bqsim.engine.formats.read_avro import AvroFile, batches
from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, TypeKind


def _file(fields: list[dict[str, Any]], rows: list[dict[str, Any]], codec: str = "null") -> bytes:
    sink = io.BytesIO()
    schema = fastavro.parse_schema({"type": "record", "name": "Root", "fields": fields})
    fastavro.writer(sink, schema, rows, codec=codec)
    return sink.getvalue()


def opened(data: bytes) -> AvroFile:
    return AvroFile(io.BytesIO(data))


def read_avro(file: AvroFile, fields: tuple[Field, ...]) -> Parsed:
    return together(fields, list(batches(file, fields)))


# Avro type, a value, the fields with and without logical types, the value with them.
TYPES: list[tuple[Any, Any, str, str, Any]] = [
    ("long", 5, "INT64", "INT64", 5),
    (["null", "double"], None, "FLOAT64", "FLOAT64", None),
    ("boolean", True, "BOOL", "BOOL", True),
    ("bytes", b"ab", "BYTES", "BYTES", b"ab"),
    ({"type": "fixed", "name": "F", "size": 2}, b"ab", "BYTES", "BYTES", b"ab"),
    ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "STRING", "STRING", "B"),
    ({"type": "int", "logicalType": "date"}, dt.date(2020, 1, 2), "DATE", "INT64", dt.date(2020, 1, 2)),
    ({"type": "long", "logicalType": "time-micros"}, dt.time(1, 2, 3), "TIME", "INT64", dt.time(1, 2, 3)),
    (
        {"type": "long", "logicalType": "timestamp-millis"},
        dt.datetime(2020, 1, 2, tzinfo=dt.UTC),
        "TIMESTAMP",
        "INT64",
        dt.datetime(2020, 1, 2, tzinfo=dt.UTC),
    ),
    (
        {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2},
        Decimal("1.25"),
        "NUMERIC",
        "NUMERIC",
        Decimal("1.250000000"),
    ),
    (
        {"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": 20},
        Decimal("1.25"),
        "BIGNUMERIC",
        "BIGNUMERIC",
        Decimal("1.25"),
    ),
    ({"type": "string", "sqlType": "JSON"}, '{"a":1}', "JSON", "JSON", '{"a":1}'),
    ({"type": "array", "items": "long"}, [1, 2], "ARRAY<INT64>", "ARRAY<INT64>", [1, 2]),
    (
        {"type": "map", "values": "long"},
        {"k": 1},
        "ARRAY<STRUCT<key STRING, value INT64>>",
        "ARRAY<STRUCT<key STRING, value INT64>>",
        [{"_1": "k", "_2": 1}],
    ),
]


@pytest.mark.parametrize(
    ("type_", "value", "logical", "raw", "read"), TYPES, ids=[f"{i}-{t[2]}" for i, t in enumerate(TYPES)]
)
def test_types(type_: Any, value: Any, logical: str, raw: str, read: Any) -> None:
    file = opened(_file([{"name": "x", "type": type_}], [{"x": value}]))
    assert str(file.fields(logical_types=True)[0].type) == logical
    assert str(file.fields(logical_types=False)[0].type) == raw
    rows = read_avro(file, file.fields(logical_types=True)).rows
    assert rows.column(0).to_pylist() == [read]


def test_unions_of_several_types_are_records_with_a_member_for_each() -> None:
    inner = {"type": "record", "name": "Inner", "fields": [{"name": "a", "type": "long"}]}
    type_ = ["null", "long", "string", "boolean", inner, {"type": "array", "items": "long"}]
    values = [1, "x", None, True, {"a": 5}, [1, 2]]
    file = opened(_file([{"name": "u", "type": type_}], [{"u": v} for v in values]))
    (field,) = file.fields(logical_types=False)
    names = ["long_value", "string_value", "boolean_value", "Inner_value", "array_value"]
    assert [f.name for f in field.fields] == names
    found = [r["c1"] and list(r["c1"].values()) for r in read_avro(file, (field,)).rows.to_pylist()]
    assert found == [
        [1, None, None, None, []],
        [None, "x", None, None, []],
        None,
        [None, None, True, None, []],
        [None, None, None, {"_1": 5}, []],
        [None, None, None, None, [1, 2]],
    ]


def test_modes_and_records() -> None:
    inner = {"type": "record", "name": "Inner", "fields": [{"name": "a", "type": ["null", "long"]}]}
    file = opened(_file([{"name": "r", "type": inner}, {"name": "again", "type": ["null", "Inner"]}], []))
    first, second = file.fields(logical_types=False)
    assert (first.mode, second.mode) == (Mode.REQUIRED, Mode.NULLABLE)
    assert first.fields == second.fields == (Field("a", TypeKind.INT64),)


def test_fields_by_name_whatever_the_case() -> None:
    file = opened(_file([{"name": "A", "type": "long"}, {"name": "b", "type": "long"}], [{"A": 1, "b": 2}]))
    fields = (Field("b", TypeKind.FLOAT64), Field("missing", TypeKind.STRING), Field("a", TypeKind.NUMERIC))
    assert read_avro(file, fields).rows.to_pylist() == [{"c1": 2.0, "c2": None, "c3": Decimal("1.000000000")}]


def test_a_type_that_does_not_fit() -> None:
    file = opened(_file([{"name": "a", "type": "boolean"}], [{"a": True}]))
    with pytest.raises(BigQueryError, match="Avro field a of type boolean cannot be read as DATE"):
        read_avro(file, (Field("a", TypeKind.DATE),))


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_cut_off_files(codec: str) -> None:
    data = _file([{"name": "a", "type": "string"}], [{"a": "x" * i} for i in range(9)], codec)
    for size in range(0, len(data) - 1, 7):
        try:
            opened(data[:size])
        except BigQueryError as error:
            assert error.message.startswith("Error while reading data, error message: The Apache Avro")
