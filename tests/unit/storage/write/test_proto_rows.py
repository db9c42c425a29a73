"""Rows of protocol buffers: matching of fields, presence, and what is told of bad rows."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2

from bqsim.storage.errors import StorageFailure
from bqsim.storage.write.rows import proto_reader
from bqsim.types import Field, Mode, TypeKind

from .writers import (
    REPEATED,
    P,
    canonical,
    message,
    message_class,
    read_protos,
    read_values,
    schema_of,
    table,
)

K = TypeKind
A = Field("a", K.INT64)


def failure_of(target: Any, descriptor: Any) -> StorageFailure:
    with pytest.raises(StorageFailure) as caught:
        proto_reader(target, schema_of(descriptor))
    assert caught.value.status == "INVALID_ARGUMENT"
    return caught.value


def test_fields_by_name_in_any_case_and_order() -> None:
    target = table(Field("First", K.STRING), Field("b", K.INT64), Field("c", K.INT64, Mode.REPEATED))
    descriptor = message(B=P.TYPE_INT64, FIRST=P.TYPE_STRING)
    rows = read_protos(target, descriptor, [{"B": 1, "FIRST": "x"}, {}])
    assert rows.fields == target.fields[:2]
    assert rows.columns.to_pylist() == [{"c1": "x", "c2": 1}, {"c1": None, "c2": None}]
    assert {name: flags.tolist() for name, flags in rows.missing.items()} == {
        "First": [False, True],
        "b": [False, True],
    }
    assert rows.num_rows == 2


def test_extra_fields_at_every_level() -> None:
    target = table(Field("s", K.STRUCT, fields=(A,)), A)
    inner = message("Inner", a=P.TYPE_INT64, Other=P.TYPE_INT64)
    failure = failure_of(target, message(New=P.TYPE_STRING, s=inner))
    assert failure.message == (
        "Input schema has more fields than BigQuery schema, extra fields: 's.other,new'"
    )
    assert failure.code == "SCHEMA_MISMATCH_EXTRA_FIELDS"
    assert failure.entity == "projects/p/datasets/d/tables/t"


def test_the_place_of_a_mismatch_is_the_full_name_of_the_field() -> None:
    target = table(Field("s", K.STRUCT, fields=(A,)))
    failure = failure_of(target, message(s=message("Inner", a=P.TYPE_STRING)))
    assert failure.message == (
        "The proto field mismatched with BigQuery field at Row.Inner.a, "
        "the proto field type string, BigQuery field type INTEGER"
    )


def test_repetition_must_agree() -> None:
    failure = failure_of(table(A), message(a=(P.TYPE_INT64, REPEATED)))
    assert failure.message.endswith("the proto field type repeated int64, BigQuery field type INTEGER")
    failure = failure_of(table(Field("a", K.INT64, Mode.REPEATED)), message(a=P.TYPE_INT64))
    assert failure.message.endswith("the proto field type int64, BigQuery field type REPEATED INTEGER")


def test_names_that_differ_by_case_only() -> None:
    failure = failure_of(table(A), message(a=P.TYPE_INT64, A=P.TYPE_INT64))
    assert failure.message == "The proto schema has more than one field named A"


def test_invalid_descriptors() -> None:
    failure = failure_of(table(A), message(a=".missing.Type"))
    assert failure.message == 'Invalid proto schema: BqMessage.proto: Row.a: ".missing.Type" is not defined.'
    assert failure_of(table(A), message()).message == "The proto schema has no fields"


def column_name(field: Any, name: str) -> None:
    """Set google.cloud.bigquery.storage.v1.column_name as a client that has compiled the annotation does."""
    tag = 454943157 << 3 | 2
    varint = bytearray()
    while tag > 0x7F:
        varint.append(tag & 0x7F | 0x80)
        tag >>= 7
    varint.append(tag)
    data = name.encode()
    field.options.MergeFromString(bytes(varint) + bytes([len(data)]) + data)


def test_column_names_by_annotation() -> None:
    target = table(Field("größe-1", K.INT64), Field("s", K.STRUCT, fields=(Field("é", K.STRING),)))
    inner = message("Inner", f=P.TYPE_STRING)
    column_name(inner.field[0], "É")
    descriptor = message(col_1=P.TYPE_INT64, s=inner)
    descriptor.field[0].options.deprecated = True
    descriptor.field[0].options.ctype = descriptor_pb2.FieldOptions.CORD
    column_name(descriptor.field[0], "größe-1")
    rows = read_protos(target, descriptor, [{"col_1": 5, "s": {"f": "x"}}])
    assert rows.columns.to_pylist() == [{"c1": 5, "c2": {"_1": "x"}}]


def test_the_annotation_as_googles_client_sets_it() -> None:
    annotations = pytest.importorskip("google.cloud.bigquery_storage_v1.types.annotations")
    assert annotations is not None
    descriptor = message(col_1=P.TYPE_INT64)
    column_name(descriptor.field[0], "a")
    rows = read_protos(table(A), descriptor, [{"col_1": 5}])
    assert canonical(rows) == [5]


def test_well_known_messages_that_clients_copy() -> None:
    copied = message("google_protobuf_StringValue", value=P.TYPE_STRING)
    rows = read_values(Field("x", K.STRING), copied, [{"value": "a"}, {}, None])
    assert canonical(rows) == ["a", "", None]
    other = message("google_protobuf_StringValue", text=P.TYPE_STRING)
    assert failure_of(table(Field("x", K.STRING)), message(x=other)).message.endswith(
        "the proto field type message, BigQuery field type STRING"
    )


def test_messages_of_well_known_types_are_records_too() -> None:
    field = Field("x", K.STRUCT, fields=(Field("seconds", K.INT64), Field("nanos", K.INT64)))
    rows = read_values(field, ".google.protobuf.Timestamp", [{"seconds": 5}, None])
    assert canonical(rows) == [[5, None], None]


def test_records() -> None:
    item = Field(
        "items", K.STRUCT, Mode.REPEATED, (Field("n", K.INT64), Field("tags", K.STRING, Mode.REPEATED))
    )
    target = table(Field("r", K.STRUCT, fields=(Field("d", K.DATE), item)))
    inner = message("Item", n=P.TYPE_INT32, tags=(P.TYPE_STRING, REPEATED))
    descriptor = message(r=message("R", items=[inner]))
    rows = read_protos(
        target,
        descriptor,
        [{"r": {"items": [{"n": 1, "tags": ["a", "b"]}, {}]}}, {}, {"r": {}}, {"r": {"items": [{"n": 2}]}}],
    )
    assert canonical(rows) == [
        [None, [[1, ["a", "b"]], [None, []]]],
        None,
        [None, []],
        [None, [[2, []]]],
    ]
    assert rows.missing["r"].tolist() == [False, True, False, False]


def test_ranges() -> None:
    field = Field("r", K.RANGE, range_element=K.DATE)
    bounds = message("R", start=P.TYPE_INT32, end=P.TYPE_INT32)
    rows = read_values(field, bounds, [{"start": 1, "end": 2}, {"start": 3}, {}, None])
    import datetime as dt

    assert canonical(rows) == [
        {"start": dt.date(1970, 1, 2), "end": dt.date(1970, 1, 3)},
        {"start": dt.date(1970, 1, 4), "end": None},
        {"start": None, "end": None},
        None,
    ]
    rows = read_values(field, bounds, [{"start": 1, "end": 2}, {"start": 2, "end": 2}, {"start": -(2**31)}])
    assert rows.errors == (
        (1, "Invalid RANGE value: the start must be before the end on field r."),
        (2, f"Date field value is out of range: {-(2**31)} on field r."),
    )
    one = read_values(field, message("R", end=P.TYPE_INT32), [{"end": 2}])
    assert canonical(one) == [{"start": None, "end": dt.date(1970, 1, 3)}]


def test_required_fields() -> None:
    target = table(
        Field("a", K.INT64, Mode.REQUIRED),
        Field("b", K.INT64, Mode.REQUIRED, default="5"),
        Field("s", K.STRUCT, fields=(Field("x", K.INT64, Mode.REQUIRED),)),
    )
    descriptor = message(a=P.TYPE_INT64, b=P.TYPE_INT64, s=message("S", x=P.TYPE_INT64))
    rows = read_protos(target, descriptor, [{"a": 1}, {"b": 1}, {"a": 1, "b": 1, "s": {}}])
    assert rows.errors == (
        (1, "Required field a cannot be null on field a."),
        (2, "Required field s.x cannot be null on field s.x."),
    )
    assert rows.required_errors(["b"]) == rows.errors
    assert rows.required_errors() == (
        (0, "Required field b cannot be null on field b."),
        *rows.errors,
    )
    failure = failure_of(target, message(s=message("S2")))
    assert failure.message == "The required field s.x is missing in the proto schema"


def test_one_message_by_row_in_order() -> None:
    target = table(Field("d", K.DATE), Field("s", K.STRING, max_length=2), Field("a", K.INT64, Mode.REQUIRED))
    descriptor = message(a=P.TYPE_INT64, s=P.TYPE_STRING, d=P.TYPE_STRING)
    rows = read_protos(
        target,
        descriptor,
        [
            {"a": 1, "s": "long"},
            {"a": 1},
            {"s": "long", "d": "x"},
            b"\x08",
            {"s": "äö"},
            {"a": 1, "s": "äöü"},
        ],
    )
    length = "Field s: STRING(2) has maximum length 2 but got a value with length"
    assert rows.errors == (
        (0, f"{length} 4 on field s."),
        (2, "Invalid date: 'x' on field d."),
        (3, rows.errors[2][1]),
        (4, "Required field a cannot be null on field a."),
        (5, f"{length} 3 on field s."),
    )
    assert "field a" not in rows.errors[2][1]


@pytest.mark.parametrize(
    ("kind", "precision", "scale", "good", "bad", "shown"),
    [
        (
            K.NUMERIC,
            5,
            2,
            ["999.994", "-999.994"],
            ["999.995", "-999.995"],
            "NUMERIC(5, 2) has precision 5 and scale 2",
        ),
        (K.NUMERIC, 3, None, ["999.4", "-999.4"], ["999.5"], "NUMERIC(3) has precision 3 and scale 0"),
        (K.NUMERIC, 38, 9, ["99999999999999999999999999999.999999999"], [], ""),
        (
            K.BIGNUMERIC,
            5,
            2,
            ["999.994"],
            ["999.995", "-1e30"],
            "BIGNUMERIC(5, 2) has precision 5 and scale 2",
        ),
        (K.BIGNUMERIC, 40, 38, ["-99.99999999999999999999999999999999999999"], ["100"], "BIGNUMERIC(40, 38)"),
    ],
)
def test_precision_and_scale(
    kind: TypeKind, precision: int, scale: int | None, good: list[str], bad: list[str], shown: str
) -> None:
    field = Field("x", kind, precision=precision, scale=scale)
    rows = read_values(field, P.TYPE_STRING, [*good, *bad, None])
    assert [i for i, _ in rows.errors] == list(range(len(good), len(good) + len(bad)))
    for _, text in rows.errors:
        assert text.startswith(f"Field x: {shown}")
        assert text.endswith("on field x.")


def test_lengths_of_bytes() -> None:
    rows = read_values(Field("x", K.BYTES, max_length=1), P.TYPE_STRING, ["a", "é"])
    text = "Field x: BYTES(1) has maximum length 1 but got a value with length 2 on field x."
    assert rows.errors == ((1, text),)


def test_change_columns() -> None:
    target = table(Field("id", K.INT64), Field("a", K.INT64, Mode.REQUIRED), key=["id"])
    descriptor = message(
        _change_type=P.TYPE_STRING, id=P.TYPE_INT64, a=P.TYPE_INT64, _CHANGE_SEQUENCE_NUMBER=P.TYPE_STRING
    )
    rows = read_protos(
        target,
        descriptor,
        [
            {"_change_type": "UPSERT", "id": 1, "a": 2, "_CHANGE_SEQUENCE_NUMBER": "F/1"},
            {"_change_type": "DELETE", "id": 1},
            {"_change_type": "UPSERT", "id": 1},
            {"id": 1, "a": 1},
        ],
    )
    assert rows.fields == target.fields
    assert rows.change_types == ["UPSERT", "DELETE", "UPSERT", None]
    assert rows.sequence_numbers == ["F/1", None, None, None]
    # A deleted row needs its key only.
    assert rows.errors == ((2, "Required field a cannot be null on field a."),)
    assert "_CHANGE_TYPE" not in rows.missing


def test_default_values_of_the_schema_are_values() -> None:
    descriptor = message(a=P.TYPE_INT64)
    descriptor.field[0].default_value = "7"
    rows = read_protos(table(A), descriptor, [{}, {"a": 1}])
    assert canonical(rows) == [7, 1]
    assert rows.missing == {}


def test_no_rows() -> None:
    rows = proto_reader(table(A), schema_of(message(a=P.TYPE_INT64))).read([])
    assert (rows.num_rows, rows.errors, rows.missing, rows.columns.num_rows) == (0, (), {}, 0)


def test_malformed_rows() -> None:
    class_ = message_class(message(a=P.TYPE_INT64))
    good = class_(a=1).SerializeToString()
    target = table(Field("a", K.INT64, Mode.REQUIRED))
    rows = proto_reader(target, schema_of(message(a=P.TYPE_INT64))).read([good, b"\xff" * 12, good, b"\x08"])
    assert [i for i, _ in rows.errors] == [1, 3]
    assert not any("Required" in text for _, text in rows.errors)
