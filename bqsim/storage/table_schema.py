"""Table schemas as the Storage API shows them."""

from __future__ import annotations

from collections.abc import Sequence

from bqsim.types import Field, TypeKind

from .v1 import table_pb2

_Type = table_pb2.TableFieldSchema.Type
_Mode = table_pb2.TableFieldSchema.Mode
# Kinds that the Storage API names as GoogleSQL does are not listed.
_OTHER_NAMES = {TypeKind.FLOAT64: "DOUBLE"}
_PRECISION = "timestampPrecision"


def table_schema(fields: Sequence[Field]) -> table_pb2.TableSchema:
    """The ``TableSchema`` message of a table's fields."""
    return table_pb2.TableSchema(fields=[_field(f) for f in fields])


def _field(field: Field) -> table_pb2.TableFieldSchema:
    out = table_pb2.TableFieldSchema(
        name=field.name,
        type=_type(field.kind),
        mode=_Mode.Value(field.mode.value),
        fields=[_field(f) for f in field.fields],
        description=field.description or "",
        max_length=field.max_length or 0,
        precision=field.precision or 0,
        scale=field.scale or 0,
        default_value_expression=field.default or "",
    )
    if field.kind is TypeKind.RANGE:
        out.range_element_type.type = _type(field.range_element or TypeKind.DATE)
    if _PRECISION in field.attributes:
        out.timestamp_precision.value = int(field.attributes[_PRECISION])
    return out


def _type(kind: TypeKind) -> table_pb2.TableFieldSchema.Type:
    named: table_pb2.TableFieldSchema.Type = _Type.Value(_OTHER_NAMES.get(kind, kind.value))
    return named
