"""What an Arrow column converts to: the table of the page *Supported Apache Arrow data types*.

Layouts that differ only in how they are kept in memory (large and view texts, large and fixed-size lists) are
taken as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from bqsim.types import TypeKind
from bqsim.types.kinds import DATE, INTERVAL

from . import decimals, literals, numbers, strings, times
from .arrays import reinterpreted
from .nested import then
from .scope import Converter, Scope

# The metadata of a column that is read as another type of equal layout: the name of the type it has.
LAYOUT = b"bqsim.layout"
_UTC = ("UTC", "utc", "Etc/UTC", "+00:00", "Z")
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")

_int64 = numbers.widened(pa.int64())


def _cast(type_: pa.DataType) -> Converter:
    def convert(array: pa.Array, _: Scope) -> pa.Array:
        return array.cast(type_)

    return convert


_plain_text = _cast(pa.string())
_plain_bytes = _cast(pa.binary())


def _texts(converter: Converter) -> dict[str, Converter]:
    wide = then(_plain_text, converter)
    return {"string": converter, "large_string": wide, "string_view": wide}


# By kind and the name of the Arrow type; types with parameters are below.
_SCALARS: Mapping[TypeKind, Mapping[str, Converter]] = {
    TypeKind.BOOL: {"bool": numbers.same},
    TypeKind.BYTES: {"binary": numbers.same, "large_binary": _plain_bytes, "binary_view": _plain_bytes},
    TypeKind.DATE: {"date32[day]": times.date_of_days, "int32": times.date_of_days}
    | _texts(literals.literal(DATE, literals.dates_in_bulk)),
    TypeKind.DATETIME: {"timestamp[us]": times.datetime_of_micros},
    TypeKind.TIME: {"time64[us]": times.time_of_micros},
    TypeKind.TIMESTAMP: {f"timestamp[us, tz={zone}]": times.timestamp_of_micros for zone in _UTC},
    TypeKind.FLOAT64: {"double": numbers.same, "float": numbers.widened(pa.float64())},
    TypeKind.GEOGRAPHY: _texts(strings.geography),
    TypeKind.INT64: dict.fromkeys(_INTEGERS, _int64)
    | {"int64": numbers.same, "uint64": numbers.int64_of_uint64},
    TypeKind.JSON: _texts(strings.json),
    TypeKind.STRING: _texts(literals.utf8),
    TypeKind.INTERVAL: _texts(literals.literal(INTERVAL))
    | {"month_day_nano_interval": times.interval_checked},
}


def _fixed_bytes(kind: TypeKind, type_: pa.DataType) -> Converter | None:
    return _plain_bytes if kind is TypeKind.BYTES else None


def _decimal128(kind: TypeKind, type_: pa.DataType) -> Converter | None:
    return decimals.of_decimal(kind, type_) if kind in (TypeKind.NUMERIC, TypeKind.BIGNUMERIC) else None


def _decimal256(kind: TypeKind, type_: pa.DataType) -> Converter | None:
    return decimals.of_decimal(kind, type_) if kind is TypeKind.BIGNUMERIC else None


_PARAMETERISED: tuple[
    tuple[Callable[[pa.DataType], bool], Callable[[TypeKind, pa.DataType], Converter | None]], ...
] = (
    (pa.types.is_fixed_size_binary, _fixed_bytes),
    (pa.types.is_decimal128, _decimal128),
    (pa.types.is_decimal256, _decimal256),
)

_BIGNUMERIC = pa.decimal256(76, 38)


def _bignumeric(array: pa.Array, _: Scope) -> pa.Array:
    return reinterpreted(array, _BIGNUMERIC)


# By name of an Arrow type: the type of equal layout in which it is read, the kind that takes it, and how:
# intervals that pyarrow has no class for, and BIGNUMERIC, whose 77th digit is no valid decimal256.
LAYOUTS: Mapping[str, tuple[pa.DataType, TypeKind, Converter]] = {
    "month_interval": (pa.int32(), TypeKind.INTERVAL, times.interval_of_months),
    "day_time_interval": (pa.int64(), TypeKind.INTERVAL, times.interval_of_day_time),
    str(_BIGNUMERIC): (pa.binary(32), TypeKind.BIGNUMERIC, _bignumeric),
}

_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


def is_list(type_: pa.DataType) -> bool:
    """Whether columns of the type are repeated fields."""
    return any(test(type_) for test in _LISTS)


def converter(kind: TypeKind, type_: pa.DataType, metadata: Mapping[bytes, bytes] | None) -> Any:
    """What converts values of an Arrow type to ``kind``; None when nothing does."""
    name = (metadata or {}).get(LAYOUT)
    if name is not None:
        _, taker, convert = LAYOUTS[name.decode()]
        return convert if kind is taker else None
    found = _SCALARS.get(kind, {}).get(str(type_))
    if found is not None:
        return found
    for test, build in _PARAMETERISED:
        if test(type_):
            return build(kind, type_)
    return None
