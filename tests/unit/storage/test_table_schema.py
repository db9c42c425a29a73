"""The schema of a table in the Storage API's messages."""

from __future__ import annotations

import pytest

from bqsim.storage.table_schema import table_schema
from bqsim.storage.v1 import table_pb2
from bqsim.types import Field, Mode, TypeKind

Schema = table_pb2.TableFieldSchema


def _only(field: Field) -> table_pb2.TableFieldSchema:
    shown: table_pb2.TableFieldSchema
    (shown,) = table_schema([field]).fields
    return shown


@pytest.mark.parametrize("kind", [k for k in TypeKind if k is not TypeKind.ARRAY])
def test_every_kind_has_a_type(kind: TypeKind) -> None:
    expected = "DOUBLE" if kind is TypeKind.FLOAT64 else kind.value
    assert Schema.Type.Name(_only(Field("x", kind)).type) == expected


@pytest.mark.parametrize("mode", list(Mode))
def test_modes_are_always_given(mode: Mode) -> None:
    assert Schema.Mode.Name(_only(Field("x", TypeKind.INT64, mode)).mode) == mode.value


def test_nested_fields_keep_their_order() -> None:
    inner = (Field("b", TypeKind.STRING), Field("a", TypeKind.INT64, Mode.REQUIRED))
    shown = _only(Field("s", TypeKind.STRUCT, Mode.REPEATED, inner))
    assert [(f.name, f.type, f.mode) for f in shown.fields] == [
        ("b", Schema.STRING, Schema.NULLABLE),
        ("a", Schema.INT64, Schema.REQUIRED),
    ]


def test_parameters_description_and_default() -> None:
    amount = Field("n", TypeKind.NUMERIC, description="Amount", precision=10, scale=2, default="1.5")
    shown = _only(amount)
    assert (shown.precision, shown.scale, shown.description) == (10, 2, "Amount")
    assert shown.default_value_expression == "1.5"
    assert _only(Field("s", TypeKind.STRING, max_length=7)).max_length == 7


def test_what_a_field_lacks_is_unset() -> None:
    set_fields = {d.name for d, _ in _only(Field("x", TypeKind.STRING)).ListFields()}
    assert set_fields == {"name", "type", "mode"}


def test_the_element_of_a_range() -> None:
    shown = _only(Field("r", TypeKind.RANGE, range_element=TypeKind.DATETIME))
    assert shown.range_element_type.type == Schema.DATETIME


def test_timestamp_precision() -> None:
    shown = _only(Field("t", TypeKind.TIMESTAMP, attributes={"timestampPrecision": "12"}))
    assert shown.timestamp_precision.value == 12
    assert not _only(Field("t", TypeKind.TIMESTAMP)).HasField("timestamp_precision")
