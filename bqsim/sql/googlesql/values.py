"""Values as GoogleSQL's ``ValueProto`` and back, exactly.

The Python form is that of :class:`bqsim.sql.plan.TypedValue`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal, localcontext
from functools import cache
from typing import Any

from bqsim.errors import unsupported
from bqsim.types import StructField, Type, TypeKind

from .types import ENUM, type_from_proto

_EPOCH_DATE = dt.date(1970, 1, 1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_NUMERIC_SCALE = 9
_BIGNUMERIC_SCALE = 38
_DIGITS = 80
# Packed civil times: nanoseconds below bit 30; seconds, minutes (6 bits) and hours, days (5), months (4),
# years above.
_NANOS = 30


def literal_value(proto: Any) -> Any:
    """The Python value of a ``ValueWithTypeProto`` (a literal's value); an enum value is its name."""
    return value_from_proto(proto.value, proto.type)


def value_from_proto(proto: Any, type_proto: Any) -> Any:
    """The Python value of a ``ValueProto`` of a type given as ``TypeProto``."""
    if type_proto.type_kind == ENUM:
        if proto.WhichOneof("value") is None:
            return None
        return enum_name(type_proto, proto.enum_value)
    return decode(proto, type_from_proto(type_proto))


def enum_name(type_proto: Any, number: int) -> str:
    """The name of an enum value: ``DAY`` of ``zetasql.functions.DateTimestampPart``."""
    return _enum(type_proto.enum_type.enum_name)[number]


@cache
def _enum(full_name: str) -> dict[int, str]:
    from google.protobuf import descriptor_pool
    from zetasql.wasi._pb2.zetasql.public.functions import (  # noqa: F401
        array_find_mode_pb2,
        array_zip_mode_pb2,
        bitwise_agg_mode_pb2,
        datetime_pb2,
        differential_privacy_pb2,
        normalize_mode_pb2,
        range_sessionize_mode_pb2,
        rank_type_pb2,
        rounding_mode_pb2,
        unsupported_fields_pb2,
    )

    values = descriptor_pool.Default().FindEnumTypeByName(full_name).values
    return {v.number: str(v.name) for v in values}


def decode(proto: Any, type_: Type) -> Any:
    """The Python value of a ``ValueProto``; None for NULL."""
    if proto.WhichOneof("value") is None:
        return None
    return _DECODERS[type_.kind](proto, type_)


def encode(value: Any, type_: Type, proto: Any = None) -> Any:
    """Fill ``proto`` (a fresh ``ValueProto`` when None) with a Python value, and return it."""
    if proto is None:
        from zetasql.wasi._pb2.zetasql.public import value_pb2

        proto = value_pb2.ValueProto()
    if value is not None:
        _ENCODERS[type_.kind](proto, value, type_)
    return proto


def value_to_proto(value: Any, type_: Type) -> Any:
    """A Python value as a fresh ``ValueProto``."""
    return encode(value, type_)


def _decimal(data: bytes, scale: int) -> Decimal:
    with localcontext() as context:
        context.prec = _DIGITS
        return Decimal(int.from_bytes(data, "little", signed=True)).scaleb(-scale)


def _scaled(value: Any, scale: int) -> bytes:
    with localcontext() as context:
        context.prec = _DIGITS
        number = int(Decimal(value).scaleb(scale).to_integral_value())
    # GoogleSQL reads the shortest two's complement form only.
    magnitude = ~number if number < 0 else number
    return number.to_bytes(magnitude.bit_length() // 8 + 1, "little", signed=True)


def _time_from(packed: int) -> dt.time:
    seconds, nanos = packed >> _NANOS, packed & ((1 << _NANOS) - 1)
    return dt.time(seconds >> 12, seconds >> 6 & 63, seconds & 63, nanos // 1000)


def _time_to(value: dt.time) -> int:
    return (value.hour << 12 | value.minute << 6 | value.second) << _NANOS | value.microsecond * 1000


def _datetime_from(proto: Any, _: Type) -> dt.datetime:
    seconds, nanos = proto.datetime_value.bit_field_datetime_seconds, proto.datetime_value.nanos
    return dt.datetime(
        seconds >> 26,
        seconds >> 22 & 15,
        seconds >> 17 & 31,
        seconds >> 12 & 31,
        seconds >> 6 & 63,
        seconds & 63,
        nanos // 1000,
    )


def _datetime_to(proto: Any, value: dt.datetime, _: Type) -> None:
    proto.datetime_value.bit_field_datetime_seconds = (
        value.year << 26
        | value.month << 22
        | value.day << 17
        | value.hour << 12
        | value.minute << 6
        | value.second
    )
    proto.datetime_value.nanos = value.microsecond * 1000


def _timestamp_from(proto: Any, _: Type) -> dt.datetime:
    value = proto.timestamp_value
    return _EPOCH + dt.timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)


def _timestamp_to(proto: Any, value: dt.datetime, _: Type) -> None:
    micros = (value - _EPOCH) // _MICROSECOND
    proto.timestamp_value.seconds = micros // 1_000_000
    proto.timestamp_value.nanos = micros % 1_000_000 * 1000


# INTERVAL: 8 bytes of microseconds, 4 of days, 4 of months above 10 bits of nanoseconds, all little endian.
def _interval_from(proto: Any, _: Type) -> Any:
    import pyarrow as pa

    data = proto.interval_value
    micros = int.from_bytes(data[:8], "little", signed=True)
    days = int.from_bytes(data[8:12], "little", signed=True)
    tail = int.from_bytes(data[12:16], "little")
    months = tail >> 13 & 0x3FFFF
    return pa.MonthDayNano([-months if tail >> 31 else months, days, micros * 1000 + (tail & 1023)])


def _interval_to(proto: Any, value: Any, _: Type) -> None:
    months, days, nanos = value
    tail = (abs(months) << 13 | (1 << 31 if months < 0 else 0)) | nanos % 1000
    proto.interval_value = (
        (nanos // 1000).to_bytes(8, "little", signed=True)
        + days.to_bytes(4, "little", signed=True)
        + tail.to_bytes(4, "little")
    )


def _element(type_: Type) -> Type:
    assert type_.element is not None
    return type_.element


def _array_to(proto: Any, value: Any, type_: Type) -> None:
    proto.array_value.SetInParent()
    element = _element(type_)
    for item in value:
        encode(item, element, proto.array_value.element.add())


def _struct_from(proto: Any, type_: Type) -> list[Any]:
    pairs = zip(proto.struct_value.field, type_.fields, strict=True)
    return [decode(item, field.type) for item, field in pairs]


def _struct_to(proto: Any, value: Any, type_: Type) -> None:
    proto.struct_value.SetInParent()
    items = list(value.values()) if isinstance(value, dict) else value
    field: StructField
    for item, field in zip(items, type_.fields, strict=True):
        encode(item, field.type, proto.struct_value.field.add())


def _range_from(proto: Any, type_: Type) -> dict[str, Any]:
    element = _element(type_)
    return {
        "start": decode(proto.range_value.start, element),
        "end": decode(proto.range_value.end, element),
    }


def _range_to(proto: Any, value: dict[str, Any], type_: Type) -> None:
    element = _element(type_)
    encode(value["start"], element, proto.range_value.start)
    encode(value["end"], element, proto.range_value.end)
    proto.range_value.start.SetInParent()
    proto.range_value.end.SetInParent()


def _no_geography(*_: Any) -> Any:
    raise unsupported("A GEOGRAPHY value in GoogleSQL's evaluator")


def _plain(field: str) -> tuple[Callable[[Any, Type], Any], Callable[[Any, Any, Type], None]]:
    return (lambda proto, _: getattr(proto, field), lambda proto, value, _: setattr(proto, field, value))


_CODECS: dict[TypeKind, tuple[Callable[[Any, Type], Any], Callable[[Any, Any, Type], None]]] = {
    TypeKind.INT64: (
        lambda p, _: getattr(p, p.WhichOneof("value")),
        lambda p, v, _: setattr(p, "int64_value", v),
    ),
    TypeKind.FLOAT64: (
        lambda p, _: getattr(p, p.WhichOneof("value")),
        lambda p, v, _: setattr(p, "double_value", v),
    ),
    TypeKind.BOOL: _plain("bool_value"),
    TypeKind.STRING: _plain("string_value"),
    TypeKind.BYTES: _plain("bytes_value"),
    TypeKind.JSON: _plain("json_value"),
    TypeKind.NUMERIC: (
        lambda p, _: _decimal(p.numeric_value, _NUMERIC_SCALE),
        lambda p, v, _: setattr(p, "numeric_value", _scaled(v, _NUMERIC_SCALE)),
    ),
    TypeKind.BIGNUMERIC: (
        lambda p, _: _decimal(p.bignumeric_value, _BIGNUMERIC_SCALE),
        lambda p, v, _: setattr(p, "bignumeric_value", _scaled(v, _BIGNUMERIC_SCALE)),
    ),
    TypeKind.DATE: (
        lambda p, _: _EPOCH_DATE + dt.timedelta(days=p.date_value),
        lambda p, v, _: setattr(p, "date_value", (v - _EPOCH_DATE).days),
    ),
    TypeKind.TIME: (
        lambda p, _: _time_from(p.time_value),
        lambda p, v, _: setattr(p, "time_value", _time_to(v)),
    ),
    TypeKind.DATETIME: (_datetime_from, _datetime_to),
    TypeKind.TIMESTAMP: (_timestamp_from, _timestamp_to),
    TypeKind.INTERVAL: (_interval_from, _interval_to),
    TypeKind.RANGE: (_range_from, _range_to),
    TypeKind.GEOGRAPHY: (_no_geography, _no_geography),
    TypeKind.STRUCT: (_struct_from, _struct_to),
    TypeKind.ARRAY: (
        lambda p, t: [decode(item, _element(t)) for item in p.array_value.element],
        _array_to,
    ),
}
_DECODERS = {kind: codec[0] for kind, codec in _CODECS.items()}
_ENCODERS = {kind: codec[1] for kind, codec in _CODECS.items()}
