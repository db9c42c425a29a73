from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import fastavro
import pytest

from bqsim.engine.formats.avro_columns import columns_of
from bqsim.engine.formats.read_avro import AvroFile
from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, TypeKind

from .test_read_avro import opened, read_avro

NOW = dt.datetime(2024, 5, 6, 7, 8, 9, 12345, dt.UTC)


def file_of(fields: list[dict[str, Any]], rows: list[dict[str, Any]], codec: str = "deflate") -> AvroFile:
    out = io.BytesIO()
    fastavro.writer(out, {"type": "record", "name": "Row", "fields": fields}, rows, codec)
    return opened(out.getvalue())


def in_bulk(file: AvroFile, fields: Sequence[Field]) -> Any:
    blocks = [block for group in file.groups(1 << 30) for block in file.unpacked(group)]
    return file.columns(blocks, fields)


def logical(type_: str, label: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "logicalType": label, **more}


def optional(type_: Any) -> list[Any]:
    return ["null", type_]


RECORD = {
    "type": "record",
    "name": "Inner",
    "fields": [{"name": "a", "type": optional("long")}, {"name": "b", "type": "string"}],
}
FIXED = {"type": "fixed", "name": "F", "size": 2}
COLUMNS: list[tuple[str, Any, list[Any]]] = [
    ("long", optional("long"), [0, -1, None, 2**63 - 1, -(2**63), 64, 1 << 55]),
    ("int", "int", [1, -(2**31)]),
    ("null_last", ["string", "null"], ["a", None, "é", ""]),
    ("float", optional("float"), [1.5, None]),
    ("double", "double", [float("inf"), 0.1]),
    ("boolean", optional("boolean"), [True, None, False] * 5),
    ("bytes", "bytes", [b"", b"\x00\xff"]),
    ("fixed", optional(FIXED), [b"ab", None]),
    ("enum", optional({"type": "enum", "name": "E", "symbols": ["x", "y"]}), ["y", None, "x"]),
    ("date", optional(logical("int", "date")), [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]),
    ("time", logical("long", "time-micros"), [dt.time(23, 59, 59, 999999), dt.time()]),
    ("time_ms", logical("int", "time-millis"), [dt.time(1, 2, 3, 4000)]),
    ("timestamp", optional(logical("long", "timestamp-micros")), [NOW, None]),
    ("timestamp_ms", logical("long", "timestamp-millis"), [NOW.replace(microsecond=5000)]),
    ("datetime", logical("long", "local-timestamp-micros"), [NOW.replace(tzinfo=None)]),
    (
        "decimal",
        optional(logical("bytes", "decimal", precision=38, scale=9)),
        [Decimal("-1.5"), None, Decimal("1E-9"), Decimal("12345678901234567890.5"), Decimal(0)],
    ),
    ("big", logical("bytes", "decimal", precision=76, scale=38), [Decimal(10) ** 37, Decimal("-1E-38")]),
    (
        "fixed_decimal",
        {**logical("fixed", "decimal", precision=4, scale=2), "name": "D", "size": 2},
        [Decimal("-1.25")],
    ),
    ("record", optional(RECORD), [{"a": None, "b": "x"}, None, {"a": 5, "b": ""}]),
    ("array", {"type": "array", "items": "long"}, [[1, 2], [], [3]]),
    ("no_array", optional({"type": "array", "items": RECORD}), [[{"a": 1, "b": "q"}], None]),
    ("map", {"type": "map", "values": "double"}, [{"k": 1.0}, {}]),
    ("json", {"type": "string", "sqlType": "JSON"}, ['{"a":1}']),
]


@pytest.mark.parametrize(("name", "type_", "values"), COLUMNS, ids=[c[0] for c in COLUMNS])
@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_as_value_by_value(
    name: str, type_: Any, values: list[Any], codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of([{"name": name, "type": type_}], [{name: v} for v in values], codec)
    fields = file.fields(logical_types=True)
    found = in_bulk(file, fields)
    assert found is not None
    found.validate(full=True)
    monkeypatch.setattr(AvroFile, "columns", lambda self, group, fields: None)
    slow = read_avro(file, fields).rows
    assert found.schema.types == slow.schema.types
    assert found.to_pylist() == slow.to_pylist()


def test_numbers_without_their_logical_type_are_as_they_are_stored() -> None:
    file = file_of([{"name": "t", "type": logical("long", "timestamp-millis")}], [{"t": NOW}])
    assert read_avro(file, file.fields(logical_types=False)).rows.to_pylist() == [
        {"c1": int(NOW.timestamp() * 1000)}
    ]


def test_columns_that_the_file_lacks() -> None:
    file = file_of([{"name": "a", "type": "long"}], [{"a": 1}])
    fields = (
        Field("b", TypeKind.STRING),
        Field("c", TypeKind.INT64, Mode.REPEATED),
        Field("A", TypeKind.INT64),
    )
    assert in_bulk(file, fields).to_pylist() == [{"c1": None, "c2": [], "c3": 1}]


UNUSUAL: list[tuple[str, Any, Any, Field]] = [
    ("union", ["null", "long", "string"], 1, Field("x", TypeKind.STRING)),
    ("number for text", "long", 1, Field("x", TypeKind.STRING)),
    ("required", optional("long"), None, Field("x", TypeKind.INT64, Mode.REQUIRED)),
    (
        "null item",
        {"type": "array", "items": optional("long")},
        [None],
        Field("x", TypeKind.INT64, Mode.REPEATED),
    ),
    ("bad text", "string", "abc", Field("x", TypeKind.DATE)),
]


@pytest.mark.parametrize(("name", "type_", "value", "field"), UNUSUAL, ids=[u[0] for u in UNUSUAL])
def test_what_is_unusual_is_left(name: str, type_: Any, value: Any, field: Field) -> None:
    assert in_bulk(file_of([{"name": "x", "type": type_}], [{"x": value}]), [field]) is None


def test_a_file_that_ends_early() -> None:
    out = io.BytesIO()
    schema = {"type": "record", "name": "Row", "fields": [{"name": "a", "type": "string"}]}
    fastavro.writer(out, schema, [{"a": "x" * 9}], "null")
    data = out.getvalue()
    for size in range(len(data) - 27, len(data)):
        with pytest.raises(BigQueryError, match="The Apache Avro library failed to read data"):
            read_avro(opened(data[:size]), (Field("a", TypeKind.STRING),))


def test_many_blocks() -> None:
    rows = [{"a": i, "b": f"v{i}"} for i in range(20_000)]
    file = file_of([{"name": "a", "type": "long"}, {"name": "b", "type": "string"}], rows)
    found = in_bulk(file, file.fields(logical_types=True))
    assert found.column(0).to_pylist() == [r["a"] for r in rows]
    assert found.column(1).to_pylist() == [r["b"] for r in rows]


def test_no_rows() -> None:
    found = columns_of({"type": "record", "name": "R", "fields": []}, {}, [], ())
    assert found is not None
    assert found.num_rows == 0
