"""JSON values as canonical Python values, and those as canonical Arrow.

The Python form of a value is what ``pa.scalar(...).as_py()`` gives for its canonical Arrow type, except
that a STRUCT is a list of its field values in order, since names may be missing or repeat.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pyarrow as pa

from bqsim.errors import BigQueryError, invalid

from .arrow import arrow_type, from_numpy, table_of
from .kinds import BIGNUMERIC, Field, Mode, Type, TypeKind
from .parameters import parameter
from .parse import (
    DECIMALS,
    INT64_MAX,
    INT64_MIN,
    canonical_json,
    json_text,
    make_range,
    parse_float,
    parse_int,
    parse_text,
    timestamp_of_seconds,
    to_decimal,
)

# What each kind says of a value that it cannot take.
_MESSAGES: dict[TypeKind, str] = {
    TypeKind.INT64: "Cannot convert value to integer (bad value): {}",
    TypeKind.FLOAT64: "Cannot convert value to floating point (bad value): {}",
    TypeKind.BOOL: "Cannot convert value to boolean (bad value): {}",
    TypeKind.STRING: "Cannot convert value to string (bad value): {}",
    TypeKind.NUMERIC: "Invalid NUMERIC value: {}",
    TypeKind.BIGNUMERIC: "Invalid BIGNUMERIC value: {}",
    TypeKind.BYTES: "Could not decode base64 string to bytes. Value: {}",
    TypeKind.DATE: "Invalid date: '{}'",
    TypeKind.TIME: 'Invalid time string "{}"',
    TypeKind.DATETIME: 'Invalid datetime string "{}"',
    TypeKind.TIMESTAMP: "Could not parse '{}' as a timestamp. "
    "Required format is YYYY-MM-DD HH:MM[:SS[.SSSSSS]] or YYYY/MM/DD HH:MM[:SS[.SSSSSS]]",
    TypeKind.INTERVAL: "Invalid INTERVAL value: {}",
    TypeKind.JSON: "Invalid JSON value: {}",
    TypeKind.GEOGRAPHY: "Invalid GEOGRAPHY value: {}",
    TypeKind.RANGE: "Invalid RANGE value: {}",
}


def parse_cell(value: Any, field: Field) -> Any:
    """The canonical value of a decoded JSON value for one field (of a list, when it is REPEATED).

    Raises ``invalid`` with the service's text and the field's name as location.
    """
    if field.mode is Mode.REPEATED:
        return _repeated(value, field)
    if value is None:
        if field.mode is Mode.REQUIRED:
            raise invalid(f"Missing required field: {field.name}.", field.name)
        return None
    if field.kind is TypeKind.STRUCT:
        return parse_row(value, field.fields, prefix=f"{field.name}.")
    if isinstance(value, list) and field.kind is not TypeKind.JSON:
        raise invalid(f"Array specified for non-repeated field: {field.name}.", field.name)
    if isinstance(value, Mapping) and field.kind not in (TypeKind.JSON, TypeKind.RANGE):
        raise invalid(f"This field: {field.name} is not a record.", field.name)
    try:
        parsed = _CELLS[field.kind](value, field)
    except (ValueError, ArithmeticError, TypeError):
        raise invalid(_MESSAGES[field.kind].format(_shown(value)), field.name) from None
    return parsed if field.max_length is None and field.precision is None else fit(parsed, field)


def _repeated(value: Any, field: Field) -> list[Any]:
    if value is None:
        return []
    element = replace(field, mode=Mode.NULLABLE)
    items = value if isinstance(value, list) else [value]
    if any(item is None for item in items) and field.kind is not TypeKind.JSON:
        raise invalid(f"Field value of {field.name} cannot be empty.", field.name)
    return [parse_cell(item, element) for item in items]


def parse_row(
    body: Any, fields: Sequence[Field], *, ignore_unknown: bool = False, prefix: str = ""
) -> list[Any]:
    """A JSON object as the values of ``fields`` in order; names are matched without case.

    Raises ``invalid`` for the first bad or unknown field, with its path as location.
    """
    if not isinstance(body, Mapping):
        name = prefix.rstrip(".")
        raise invalid(f"This field: {name} is not a record.", name)
    given = {str(name).casefold(): (str(name), value) for name, value in body.items()}
    row: list[Any] = []
    for field in fields:
        _, value = given.pop(field.name.casefold(), ("", None))
        try:
            row.append(parse_cell(value, field))
        except BigQueryError as error:
            raise _at_path(error, prefix, field.name) from None
    if given and not ignore_unknown:
        name = prefix + next(iter(given.values()))[0]
        raise invalid(f"no such field: {name}.", name)
    return row


def _at_path(error: BigQueryError, prefix: str, name: str) -> BigQueryError:
    """The error of a nested field, told with its whole path."""
    if not prefix:
        return error
    location = prefix + (error.location or name)
    message = error.message
    for start in ("Missing required field: ", "This field: ", "no such field: "):
        if message.startswith(start) and not message.startswith(start + prefix):
            message = start + prefix + message[len(start) :]
    return invalid(message, location)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def fit(value: Any, field: Field) -> Any:
    """``value`` within the parameters of the field's type: a decimal is rounded, what is too long is
    refused.
    """
    if field.max_length is not None and len(value) > field.max_length:
        kind, length = field.kind.value, field.max_length
        raise invalid(
            f"Field {field.name}: {kind}({length}) has maximum length {length} "
            f"but got a value with length {len(value)}",
            field.name,
        )
    if field.precision is not None and isinstance(value, Decimal):
        scale = field.scale or 0
        own_scale = DECIMALS[field.kind][0]
        rounded = to_decimal(to_decimal(value, field.kind, scale), field.kind, own_scale)
        greatest = Decimal(f"{10**field.precision - 1}e-{scale}")
        # abs() would round to the digits of the context.
        if rounded.copy_abs() > greatest:
            raise invalid(
                f"Field {field.name}: {field.kind.value}({field.precision}, {scale}) has precision "
                f"{field.precision} and scale {scale} but got a value that is not in range of "
                f"[-{greatest:f}, {greatest:f}]",
                field.name,
            )
        return rounded
    return value


def _int_cell(value: Any, _: Field) -> int:
    if isinstance(value, str):
        return parse_int(value)
    if isinstance(value, bool) or value != int(value) or not INT64_MIN <= value <= INT64_MAX:
        raise ValueError(value)
    return int(value)


def _float_cell(value: Any, _: Field) -> float:
    if isinstance(value, bool):
        raise ValueError(value)
    return parse_float(value) if isinstance(value, str) else float(value)


def _bool_cell(value: Any, field: Field) -> bool:
    return value if isinstance(value, bool) else bool(parse_text(_shown(value), field.value_type))


def _string_cell(value: Any, _: Field) -> str:
    return value if isinstance(value, str) else json_text(value)


def _timestamp_cell(value: Any, field: Field) -> dt.datetime:
    """A text, or seconds since the epoch as a number or its text."""
    if isinstance(value, bool):
        raise ValueError(value)
    if not isinstance(value, str):
        return timestamp_of_seconds(value)
    text = value.strip()
    if text.lstrip("+-").replace(".", "", 1).isdigit() or "E" in text:
        return timestamp_of_seconds(Decimal(text))
    parsed: dt.datetime = parse_text(
        text.replace("/", "-", 2) if text[4:5] == "/" else text, field.value_type
    )
    return parsed


def _json_cell(value: Any, _: Field) -> str:
    """A JSON column takes JSON text; any other JSON value stands for itself."""
    return canonical_json(value) if isinstance(value, str) else json_text(value)


def _range_cell(value: Any, field: Field) -> dict[str, Any]:
    if isinstance(value, str):
        parsed: dict[str, Any] = parse_text(value, field.value_type)
        return parsed
    if not isinstance(value, Mapping) or not set(value) <= {"start", "end"}:
        raise ValueError(value)
    bound = Field(field.name, field.range_element or TypeKind.DATE)
    start, end = (
        None if value.get(side) is None else _CELLS[bound.kind](value[side], bound)
        for side in ("start", "end")
    )
    return make_range(start, end)


def _text_cell(value: Any, field: Field) -> Any:
    if not isinstance(value, str):
        raise ValueError(value)
    return parse_text(value, field.value_type)


def _decimal_cell(value: Any, field: Field) -> Decimal:
    if isinstance(value, bool):
        raise ValueError(value)
    text = value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)
    parsed: Decimal = parse_text(text, field.value_type)
    return parsed


_CELLS: dict[TypeKind, Callable[[Any, Field], Any]] = dict.fromkeys(TypeKind, _text_cell) | {
    TypeKind.INT64: _int_cell,
    TypeKind.FLOAT64: _float_cell,
    TypeKind.NUMERIC: _decimal_cell,
    TypeKind.BIGNUMERIC: _decimal_cell,
    TypeKind.BOOL: _bool_cell,
    TypeKind.STRING: _string_cell,
    TypeKind.TIMESTAMP: _timestamp_cell,
    TypeKind.JSON: _json_cell,
    TypeKind.RANGE: _range_cell,
}


def table_from_rows(fields: Sequence[Field], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Canonical Arrow of rows of canonical Python values, column by column."""
    if not rows:
        return table_of([pa.nulls(0, arrow_type(f.type)) for f in fields])
    return table_of(
        [array_of_values(f.type, c) for f, c in zip(fields, zip(*rows, strict=True), strict=True)]
    )


def array_of_values(type_: Type, values: Sequence[Any]) -> pa.Array:
    """Canonical Arrow of canonical Python values of one type."""
    if type_.kind is TypeKind.STRUCT:
        children = [
            array_of_values(f.type, [None if v is None else v[i] for v in values])
            for i, f in enumerate(type_.fields)
        ]
        return _struct(type_, children, values)
    if type_.kind is TypeKind.RANGE and type_.element is not None:
        bounds = [
            array_of_values(type_.element, [None if v is None else v[side] for v in values])
            for side in ("start", "end")
        ]
        return _struct(type_, bounds, values)
    if type_.kind is TypeKind.ARRAY and type_.element is not None:
        items = [item for v in values if v is not None for item in v]
        child = array_of_values(type_.element, items)
        offsets, end = [0], 0
        for v in values:
            end += len(v) if v is not None else 0
            offsets.append(end)
        mask = pa.array([v is None for v in values], pa.bool_())
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), child, arrow_type(type_), mask=mask)
    if type_.kind is TypeKind.BIGNUMERIC:
        return _bignumerics(values)
    return pa.array(values, arrow_type(type_))


def _bignumerics(values: Sequence[Decimal | None]) -> pa.Array:
    """The type's 77th digit is beyond what ``pa.array`` takes, so the 256-bit integers are laid out here."""
    with localcontext() as context:
        context.prec = 100
        words = (0 if v is None else int(v.scaleb(38)) for v in values)
        data = b"".join(n.to_bytes(32, "little", signed=True) for n in words)
    nulls = sum(v is None for v in values)
    validity = from_numpy(np.array([v is not None for v in values], bool)).buffers()[1] if nulls else None
    buffers = [validity, pa.py_buffer(data)]
    return pa.Array.from_buffers(arrow_type(BIGNUMERIC), len(values), buffers, nulls)


def _struct(type_: Type, children: list[pa.Array], values: Sequence[Any]) -> pa.Array:
    mask = pa.array([v is None for v in values], pa.bool_())
    if not children:
        return pa.array([None if v is None else {} for v in values], arrow_type(type_))
    return pa.StructArray.from_arrays(children, fields=list(arrow_type(type_)), mask=mask)


def python_values(column: Any, type_: Type) -> list[Any]:
    """The canonical Python values of an Arrow array or column: the inverse of :func:`array_of_values`."""
    return [_python(v, type_) for v in column.to_pylist()]


def _python(value: Any, type_: Type) -> Any:
    if value is None:
        return None
    if type_.kind is TypeKind.STRUCT:
        return [_python(v, f.type) for v, f in zip(value.values(), type_.fields, strict=True)]
    if type_.kind is TypeKind.ARRAY and type_.element is not None:
        return [_python(v, type_.element) for v in value]
    if type_.kind is TypeKind.RANGE and type_.element is not None:
        return {side: _python(v, type_.element) for side, v in value.items()}
    if type_.kind is TypeKind.TIMESTAMP:
        return value.astimezone(dt.UTC)
    return value


__all__ = [
    "array_of_values",
    "fit",
    "parameter",
    "parse_cell",
    "parse_row",
    "python_values",
    "table_from_rows",
]
