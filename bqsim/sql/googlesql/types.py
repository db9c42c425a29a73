"""BigQuery types as GoogleSQL's ``TypeProto`` and back."""

from __future__ import annotations

from typing import Any

from bqsim.errors import unsupported
from bqsim.types import StructField, Type, TypeKind

# GoogleSQL's TypeKind numbers. What BigQuery shows no name for takes the nearest type that it has: the
# 32-bit and unsigned integers and FLOAT occur only inside builtin signatures, and an enum argument (DAY,
# ISOWEEK ...) is its name.
_NUMBERS: dict[int, TypeKind] = {
    1: TypeKind.INT64,
    2: TypeKind.INT64,
    3: TypeKind.INT64,
    4: TypeKind.INT64,
    5: TypeKind.BOOL,
    6: TypeKind.FLOAT64,
    7: TypeKind.FLOAT64,
    8: TypeKind.STRING,
    9: TypeKind.BYTES,
    10: TypeKind.DATE,
    15: TypeKind.STRING,
    19: TypeKind.TIMESTAMP,
    20: TypeKind.TIME,
    21: TypeKind.DATETIME,
    22: TypeKind.GEOGRAPHY,
    23: TypeKind.NUMERIC,
    24: TypeKind.BIGNUMERIC,
    26: TypeKind.JSON,
    27: TypeKind.INTERVAL,
}
ARRAY, STRUCT, RANGE, ENUM = 16, 17, 29, 15
NUMBER_OF: dict[TypeKind, int] = {
    TypeKind.INT64: 2,
    TypeKind.BOOL: 5,
    TypeKind.FLOAT64: 7,
    TypeKind.STRING: 8,
    TypeKind.BYTES: 9,
    TypeKind.DATE: 10,
    TypeKind.ARRAY: ARRAY,
    TypeKind.STRUCT: STRUCT,
    TypeKind.TIMESTAMP: 19,
    TypeKind.TIME: 20,
    TypeKind.DATETIME: 21,
    TypeKind.GEOGRAPHY: 22,
    TypeKind.NUMERIC: 23,
    TypeKind.BIGNUMERIC: 24,
    TypeKind.JSON: 26,
    TypeKind.INTERVAL: 27,
    TypeKind.RANGE: RANGE,
}
_SCALARS: dict[int, Type] = {number: Type(kind) for number, kind in _NUMBERS.items()}


def type_from_proto(proto: Any) -> Type:
    """The type of a ``TypeProto``; refuses types that BigQuery lacks (graphs, maps, measures)."""
    number = proto.type_kind
    scalar = _SCALARS.get(number)
    if scalar is not None:
        return scalar
    if number == ARRAY:
        return Type(TypeKind.ARRAY, element=type_from_proto(proto.array_type.element_type))
    if number == STRUCT:
        fields = (StructField(f.field_name, type_from_proto(f.field_type)) for f in proto.struct_type.field)
        return Type(TypeKind.STRUCT, fields=tuple(fields))
    if number == RANGE:
        return Type(TypeKind.RANGE, element=type_from_proto(proto.range_type.element_type))
    raise unsupported(f"The type of number {number}")


def type_to_proto(type_: Type, proto: Any = None) -> Any:
    """Fill ``proto`` (a fresh ``TypeProto`` when None) with a type, and return it."""
    if proto is None:
        from zetasql.wasi._pb2.zetasql.public import type_pb2

        proto = type_pb2.TypeProto()
    proto.type_kind = NUMBER_OF[type_.kind]
    if type_.kind is TypeKind.ARRAY:
        assert type_.element is not None
        type_to_proto(type_.element, proto.array_type.element_type)
    elif type_.kind is TypeKind.RANGE:
        assert type_.element is not None
        type_to_proto(type_.element, proto.range_type.element_type)
    elif type_.kind is TypeKind.STRUCT:
        proto.struct_type.SetInParent()
        for field in type_.fields:
            item = proto.struct_type.field.add(field_name=field.name)
            type_to_proto(field.type, item.field_type)
    return proto
