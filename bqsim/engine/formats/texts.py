"""Columns of text into canonical columns: in bulk where every value has the usual form, else value by
value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bqsim.errors import BigQueryError
from bqsim.types import Field, TypeKind
from bqsim.types.arrow import arrow_type
from bqsim.types.values import parse_cell

from .time_formats import TimeFormats

Cast = Callable[[Any], Any]

_DAY_AND_ZONED_TIME = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d.*(?: ?UTC|[Zz]|[+-]\d\d:\d\d)$"
# 0001-01-01, as days and as microseconds since 1970.
_FIRST_DAY = -719_162
_FIRST_MICROSECOND = _FIRST_DAY * 86_400_000_000
_WITH_HOUR_ALONE = len("2026-01-01 10")
# Plain Python: an Arrow array made at import would import pandas where that is installed.
_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")


def convert(
    column: pa.ChunkedArray, field: Field, formats: TimeFormats | None = None
) -> tuple[pa.ChunkedArray, dict[int, str]]:
    """Text values of one field (not REPEATED) in canonical form; what is wrong with values, by row.

    Bad values are NULL in the column. ``formats`` tell how dates and times are written.
    """
    target = arrow_type(field.value_type)
    if formats is not None and formats.concerns(field.kind):
        return _value_by_value(column, field, target, formats.parse)
    fast = FAST.get(field.kind)
    if fast is not None and field.precision is None:
        try:
            return _chunked(_short(fast(column), field), target), {}
        except (pa.ArrowInvalid, _NotUsual):
            pass
    return _value_by_value(column, field, target)


class _NotUsual(Exception):
    """Some value is written in an unusual way."""


def _chunked(values: Any, target: pa.DataType) -> pa.ChunkedArray:
    if isinstance(values, pa.Array):
        values = pa.chunked_array([values])
    return values if values.type == target else values.cast(target)


def _value_by_value(
    column: pa.ChunkedArray,
    field: Field,
    target: pa.DataType,
    parse: Callable[[str, Field], Any] = parse_cell,
) -> tuple[pa.ChunkedArray, dict[int, str]]:
    """Parse each distinct value once."""
    encoded = pc.dictionary_encode(column.combine_chunks())
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    texts = encoded.dictionary.to_pylist()
    values: list[Any] = []
    wrong: dict[int, str] = {}
    for i, text in enumerate(texts):
        try:
            values.append(parse(text, field))
        except BigQueryError as error:
            values.append(None)
            wrong[i] = error.message
    parsed = pa.array(values, type=target)
    converted = pa.chunked_array([parsed.take(encoded.indices)])
    if not wrong:
        return converted, {}
    indices = encoded.indices.to_pylist()
    return converted, {row: wrong[i] for row, i in enumerate(indices) if i is not None and i in wrong}


def _short(values: Any, field: Field) -> Any:
    """``values`` when none is longer than the field takes."""
    if field.max_length is not None:
        length = pc.utf8_length if field.kind is TypeKind.STRING else pc.binary_length
        longest = pc.max(length(values)).as_py()
        if longest is not None and longest > field.max_length:
            raise _NotUsual
    return values


def _least(values: Any, type_: pa.DataType, least: int) -> Any:
    """``values`` when none, as one of ``type_``, is less than ``least``."""
    found = pc.min(values.cast(type_)).as_py() if len(values) else None
    if found is not None and found < least:
        raise _NotUsual
    return values


def _int(column: Any) -> Any:
    values = pc.cast(column, pa.int64())
    try:
        return _least(values, pa.int64(), 0)
    except _NotUsual:
        # Hexadecimal digits beyond INT64 would have become a negative number.
        if pc.any(pc.match_substring(column, "0x", ignore_case=True)).as_py():
            raise
        return values


def _numeric(column: Any) -> Any:
    try:
        return pc.cast(column, pa.decimal128(38, 9))
    except pa.ArrowInvalid:
        # Some value has more digits, which are rounded.
        wide = pc.cast(column, pa.decimal256(76, 38))
        return pc.cast(pc.round(wide, 9, "half_towards_infinity"), pa.decimal128(38, 9))


def _float(column: Any) -> Any:
    values = pc.cast(column, pa.float64())
    # Words are written in many ways, and what is too great is not infinite but wrong.
    if not pc.all(pc.is_finite(values)).as_py() and len(values) > values.null_count:
        raise _NotUsual
    return values


def _bool(column: Any) -> Any:
    lower = pc.utf8_lower(column)
    true = pc.is_in(lower, value_set=pa.array(_TRUE))
    known = pc.or_(true, pc.is_in(lower, value_set=pa.array(_FALSE)))
    if pc.any(pc.and_(pc.invert(known), pc.is_valid(column))).as_py():
        raise _NotUsual
    return pc.if_else(pc.is_valid(column), true, pa.scalar(None, pa.bool_()))


def _time(column: Any) -> Any:
    if not pc.all(pc.match_substring(column, ":")).as_py():
        raise _NotUsual
    stamps = pc.cast(pc.binary_join_element_wise("1970-01-01", column, " "), pa.timestamp("us"))
    return pc.cast(stamps, pa.time64("us"))


def _date(column: Any) -> Any:
    return _least(pc.cast(column, pa.date32()), pa.int32(), _FIRST_DAY)


def _stamps(column: Any) -> Any:
    """Dates with hours and minutes and dates alone, without zones."""
    # The hour alone would be taken as well.
    if pc.any(pc.equal(pc.binary_length(column), _WITH_HOUR_ALONE)).as_py():
        raise _NotUsual
    return _least(pc.cast(column, pa.timestamp("us")), pa.int64(), _FIRST_MICROSECOND)


def _timestamp(column: Any) -> Any:
    try:
        return pc.assume_timezone(_stamps(column), "UTC")
    except pa.ArrowInvalid:
        pass
    if not pc.all(pc.match_substring_regex(column, _DAY_AND_ZONED_TIME)).as_py():
        raise _NotUsual
    plain = pc.replace_substring_regex(column, r"(?: ?UTC|[Zz])$", "Z")
    return _least(pc.cast(plain, pa.timestamp("us", "UTC")), pa.int64(), _FIRST_MICROSECOND)


FAST: dict[TypeKind, Cast] = {
    TypeKind.STRING: lambda column: column,
    TypeKind.INT64: _int,
    TypeKind.FLOAT64: _float,
    TypeKind.NUMERIC: _numeric,
    TypeKind.BIGNUMERIC: lambda column: pc.cast(column, pa.decimal256(76, 38)),
    TypeKind.BOOL: _bool,
    TypeKind.DATE: _date,
    TypeKind.TIME: _time,
    TypeKind.DATETIME: _stamps,
    TypeKind.TIMESTAMP: _timestamp,
}
