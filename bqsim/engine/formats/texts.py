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

_DAY_AND_TIME = r"^\d{4}-\d\d-\d\d([ T]\d\d:\d\d|$)"
_ZONE = r"(?: ?UTC|[Zz]|[+-]\d\d:\d\d)$"
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
    if fast is not None:
        try:
            return _chunked(fast(column), target), {}
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


def _numeric(column: Any) -> Any:
    wide = pc.cast(column, pa.decimal256(76, 38))
    return pc.cast(pc.round(wide, 9, "half_towards_infinity"), pa.decimal128(38, 9))


def _float(column: Any) -> Any:
    return pc.cast(column, pa.float64())


def _bool(column: Any) -> Any:
    lower = pc.utf8_lower(column)
    true = pc.is_in(lower, value_set=pa.array(_TRUE))
    known = pc.or_(true, pc.is_in(lower, value_set=pa.array(_FALSE)))
    if pc.any(pc.and_(pc.invert(known), pc.is_valid(column))).as_py():
        raise _NotUsual
    return pc.if_else(pc.is_valid(column), true, pa.scalar(None, pa.bool_()))


def _time(column: Any) -> Any:
    stamps = pc.cast(pc.binary_join_element_wise("1970-01-01", column, " "), pa.timestamp("us"))
    return pc.cast(stamps, pa.time64("us"))


def _datetime(column: Any) -> Any:
    return pc.cast(_full(column), pa.timestamp("us"))


def _full(column: Any) -> Any:
    """``column`` when each value is a date with hours and minutes, or a date alone."""
    if not pc.all(pc.match_substring_regex(column, _DAY_AND_TIME)).as_py():
        raise _NotUsual
    return column


def _timestamp(column: Any) -> Any:
    column = _full(column)
    zoned = pc.match_substring_regex(column, _ZONE)
    if not pc.any(zoned).as_py():
        return pc.assume_timezone(pc.cast(column, pa.timestamp("us")), "UTC")
    if not pc.all(zoned).as_py():
        raise _NotUsual
    plain = pc.replace_substring_regex(column, r"(?: ?UTC|[Zz])$", "Z")
    return pc.cast(plain, pa.timestamp("us", "UTC"))


FAST: dict[TypeKind, Cast] = {
    TypeKind.STRING: lambda column: column,
    TypeKind.INT64: lambda column: pc.cast(column, pa.int64()),
    TypeKind.FLOAT64: _float,
    TypeKind.NUMERIC: _numeric,
    TypeKind.BIGNUMERIC: lambda column: pc.cast(column, pa.decimal256(76, 38)),
    TypeKind.BOOL: _bool,
    TypeKind.DATE: lambda column: pc.cast(column, pa.date32()),
    TypeKind.TIME: _time,
    TypeKind.DATETIME: _datetime,
    TypeKind.TIMESTAMP: _timestamp,
}
