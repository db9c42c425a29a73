"""What a protocol buffer field converts to: the table of the page *Supported protocol buffer data types*."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from bqsim.types import TypeKind
from bqsim.types.kinds import DATE, DATETIME, INTERVAL, TIME, TIMESTAMP

from . import decimals, literals, numbers, strings, times
from .nested import unwrapped
from .scope import Converter

_date = literals.literal(DATE, literals.dates_in_bulk)
_time = literals.literal(TIME, literals.times_in_bulk)
_datetime = literals.literal(DATETIME, literals.datetimes_in_bulk)
_timestamp = literals.literal(TIMESTAMP, literals.timestamps_in_bulk)
_interval = literals.literal(INTERVAL)
_int64 = numbers.widened(pa.int64())
_float64 = numbers.widened(pa.float64())


def _decimal(kind: TypeKind) -> dict[str, Converter]:
    integers = dict.fromkeys(("int32", "int64", "uint32", "uint64"), decimals.of_integer(kind))
    floats = dict.fromkeys(("double", "float"), decimals.of_float(kind))
    texts: dict[str, Converter] = {"string": decimals.of_text(kind), "bytes": decimals.of_bytes(kind)}
    return integers | floats | texts


# By kind and type of the field. An enum into STRING is converted by the names of its values.
SCALARS: Mapping[TypeKind, Mapping[str, Converter]] = {
    TypeKind.BOOL: {"bool": numbers.same}
    | dict.fromkeys(("int32", "int64", "uint32", "uint64"), numbers.bool_of_number),
    TypeKind.BYTES: {"bytes": numbers.same, "string": strings.bytes_of},
    TypeKind.DATE: {"int32": times.date_of_days, "int64": times.date_of_days, "string": _date},
    TypeKind.DATETIME: {"string": _datetime, "int64": times.datetime_of_packed},
    TypeKind.TIME: {"string": _time, "int64": times.time_of_packed},
    TypeKind.FLOAT64: {"double": numbers.same, "float": _float64},
    TypeKind.GEOGRAPHY: {"string": strings.geography},
    TypeKind.INT64: {"int64": numbers.same, "int32": _int64, "uint32": _int64, "enum": _int64},
    TypeKind.JSON: {"string": strings.json},
    TypeKind.NUMERIC: _decimal(TypeKind.NUMERIC),
    TypeKind.BIGNUMERIC: _decimal(TypeKind.BIGNUMERIC),
    TypeKind.STRING: {"string": literals.utf8},
    TypeKind.TIMESTAMP: {
        "int64": times.timestamp_of_micros,
        "int32": times.timestamp_of_short_micros,
        "uint32": times.timestamp_of_short_micros,
        "string": _timestamp,
    },
    TypeKind.INTERVAL: {"string": _interval},
}

# Wrapper messages of google.protobuf: the type of their only field, and the kinds that take them.
_WRAPPERS: Mapping[str, tuple[str, tuple[TypeKind, ...]]] = {
    "BoolValue": ("bool", (TypeKind.BOOL,)),
    "BytesValue": ("bytes", (TypeKind.BYTES, TypeKind.NUMERIC, TypeKind.BIGNUMERIC)),
    "DoubleValue": ("double", (TypeKind.FLOAT64,)),
    "FloatValue": ("float", (TypeKind.FLOAT64,)),
    "Int32Value": ("int32", (TypeKind.INT64,)),
    "Int64Value": ("int64", (TypeKind.INT64,)),
    "UInt32Value": ("uint32", (TypeKind.INT64,)),
    "UInt64Value": ("uint64", ()),
    "StringValue": ("string", (TypeKind.STRING,)),
}

# The fields (name, type) of the messages of google.protobuf that columns can take.
WELL_KNOWN: Mapping[str, tuple[tuple[str, str], ...]] = {
    name: (("value", type_),) for name, (type_, _) in _WRAPPERS.items()
} | dict.fromkeys(("Timestamp", "Duration"), (("seconds", "int64"), ("nanos", "int32")))

# By kind and message of google.protobuf.
MESSAGES: Mapping[tuple[TypeKind, str], Converter] = {
    (kind, name): unwrapped(SCALARS[kind][type_])
    for name, (type_, kinds) in _WRAPPERS.items()
    for kind in kinds
} | {
    (TypeKind.TIMESTAMP, "Timestamp"): times.timestamp_of_message,
    (TypeKind.INTERVAL, "Duration"): times.interval_of_message,
}
