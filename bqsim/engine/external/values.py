"""Values on their way to an external function and back: columns of the engine and what JSON holds.

JavaScript gets (page *User-defined functions*, type encodings): INT64, NUMERIC and BIGNUMERIC as numbers when
they are whole and within ±2^53, else as text; BYTES in base64; DATE and TIMESTAMP as numbers from which the
runtime makes Date objects; JSON as text that the runtime parses; ARRAY and STRUCT as arrays. A remote
function gets the texts of TO_JSON_STRING instead.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from bqsim.types import Type, TypeKind
from bqsim.types.parse import parse_text

SAFE = 1 << 53
_DAY_MS = 86_400_000

Encode = Callable[[Any, Type], list[Any]]
Encoders = Mapping[TypeKind, Encode]


def encoded(column: Any, type_: Type, encoders: Encoders) -> list[Any]:
    """The cells of an engine column as JSON values, NULL as None."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_null(column.type):
        return [None] * len(column)
    if type_.is_array:
        return _array(column, type_, encoders)
    if type_.is_struct:
        return _struct(column, type_, encoders)
    return encoders[type_.kind](column, type_)


def _plain(column: Any, _: Type) -> list[Any]:
    return list(column.to_pylist())


def _int64(column: Any, _: Type) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if any(v is not None and not -SAFE <= v <= SAFE for v in values):
        return [v if v is None or -SAFE <= v <= SAFE else str(int(v)) for v in values]
    return [v if v is None else int(v) for v in values]


def _float64(column: Any, _: Type) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return [v if v is None or v - v == 0 else _special(v) for v in values]


def _special(value: float) -> str:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _number(value: Decimal) -> int | str:
    if value == value.to_integral_value() and abs(value) <= SAFE:
        return int(value)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _numeric(column: Any, _: Type) -> list[Any]:
    return [None if v is None else _number(Decimal(v)) for v in column.to_pylist()]


def _bignumeric(column: Any, type_: Type) -> list[Any]:
    import pyarrow as pa

    from bqsim.engine.convert import blob_to_decimal256

    return _numeric(column if pa.types.is_decimal(column.type) else blob_to_decimal256(column), type_)


def _bytes(column: Any, _: Type) -> list[Any]:
    return [None if v is None else base64.b64encode(v).decode() for v in column.to_pylist()]


def _date(column: Any, _: Type) -> list[Any]:
    import pyarrow as pa

    days = column.cast(pa.int32()).to_pylist()
    return [None if d is None else d * _DAY_MS for d in days]


def _timestamp(column: Any, _: Type) -> list[Any]:
    """(milliseconds, microseconds beyond them) since the epoch."""
    import pyarrow as pa

    micros = column.cast(pa.timestamp("us")).cast(pa.int64()).to_pylist()
    return [None if v is None else list(divmod(v, 1000)) for v in micros]


def _array(column: Any, type_: Type, encoders: Encoders) -> list[Any]:
    assert type_.element is not None
    import pyarrow.compute as pc

    items = encoded(column.flatten(), type_.element, encoders)
    lists: list[list[Any] | None] = []
    at = 0
    for length in pc.list_value_length(column).to_pylist():
        if length is None:
            lists.append(None)
            continue
        lists.append(items[at : at + length])
        at += length
    return lists


def _struct(column: Any, type_: Type, encoders: Encoders) -> list[Any]:
    parts = zip(column.flatten(), type_.fields, strict=True)
    fields = [encoded(values, f.type, encoders) for values, f in parts]
    valid = column.is_valid().to_pylist()
    rows = zip(*fields, strict=True) if fields else iter([()] * len(valid))
    return [list(row) if ok else None for ok, row in zip(valid, rows, strict=True)]


def _timestamp_text(column: Any, _: Type) -> list[Any]:
    import pyarrow as pa

    moments = column.cast(pa.timestamp("us")).to_pylist()
    return [None if v is None else f"{v.isoformat()}Z" for v in moments]


def _isoformat(column: Any, _: Type) -> list[Any]:
    return [None if v is None else v.isoformat() for v in column.to_pylist()]


def _json(column: Any, _: Type) -> list[Any]:
    return [None if v is None else json.loads(v) for v in column.to_pylist()]


_COMMON: dict[TypeKind, Encode] = {
    TypeKind.INT64: _int64,
    TypeKind.FLOAT64: _float64,
    TypeKind.NUMERIC: _numeric,
    TypeKind.BIGNUMERIC: _bignumeric,
    TypeKind.BOOL: _plain,
    TypeKind.STRING: _plain,
    TypeKind.BYTES: _bytes,
}
JAVASCRIPT: Encoders = {
    **_COMMON,
    TypeKind.DATE: _date,
    TypeKind.TIMESTAMP: _timestamp,
    TypeKind.JSON: _plain,
}
REMOTE: Encoders = {
    **_COMMON,
    TypeKind.DATE: _isoformat,
    TypeKind.DATETIME: _isoformat,
    TypeKind.TIME: _isoformat,
    TypeKind.TIMESTAMP: _timestamp_text,
    TypeKind.JSON: _json,
}


def unsupported_part(type_: Type, encoders: Encoders, nested: bool = True) -> Type | None:
    """The part of a type that a function cannot take or give; None when it can."""
    if nested and type_.is_array and type_.element is not None:
        return unsupported_part(type_.element, encoders)
    if nested and type_.is_struct:
        parts = (unsupported_part(f.type, encoders) for f in type_.fields)
        return next((part for part in parts if part is not None), None)
    return None if type_.kind in encoders else type_


# The way back. What came back is JSON that was made fit the type; texts are parsed here.


class Unfit(Exception):
    """A value that is none of its type."""

    def __init__(self, value: Any, type_: Type) -> None:
        super().__init__(f"{value} {type_}")
        self.value = value
        self.type = type_


def decoded(values: Sequence[Any], type_: Type) -> Any:
    """An engine column of results: of the engine's type for scalar types, JSON text for ARRAY and STRUCT.

    Raises :class:`Unfit` for a value that is none of the type.
    """
    import pyarrow as pa

    if type_.is_array or type_.is_struct:
        return pa.array([None if v is None else json.dumps(_nested(v, type_)) for v in values], pa.string())
    return _column(values, type_)


def _column(values: Sequence[Any], type_: Type) -> Any:
    import pyarrow as pa

    from bqsim.engine.convert import decimal256_to_blob
    from bqsim.types.arrow import arrow_type

    plain = _PLAIN.get(type_.kind)
    fits = plain is not None and all(v.__class__ in plain for v in values)
    cells = values if fits else [_cell(v, type_) for v in values]
    target = pa.timestamp("us") if type_.kind is TypeKind.TIMESTAMP else arrow_type(type_)
    try:
        array = pa.array(cells, target)
    except (pa.ArrowInvalid, OverflowError):
        raise Unfit(next(v for v in values if v is not None), type_) from None
    return decimal256_to_blob(array) if type_.kind is TypeKind.BIGNUMERIC else array


_NONE = type(None)
_PLAIN: dict[TypeKind, frozenset[type]] = {
    TypeKind.INT64: frozenset({int, _NONE}),
    TypeKind.FLOAT64: frozenset({int, float, _NONE}),
    TypeKind.BOOL: frozenset({bool, _NONE}),
    TypeKind.STRING: frozenset({str, _NONE}),
    TypeKind.JSON: frozenset({str, _NONE}),
}


def _cell(value: Any, type_: Type) -> Any:
    if value is None:
        return None
    try:
        parsed = parse_text(value if isinstance(value, str) else str(value), type_)
    except (ValueError, ArithmeticError):
        raise Unfit(value, type_) from None
    return parsed.replace(tzinfo=None) if type_.kind is TypeKind.TIMESTAMP else parsed


def _nested(value: Any, type_: Type) -> Any:
    """A value inside of an ARRAY or STRUCT, as the engine reads it from JSON: BYTES and BIGNUMERIC in hex."""
    if value is None:
        return None
    if type_.is_array and type_.element is not None:
        return [_nested(v, type_.element) for v in value]
    if type_.is_struct:
        cells = zip(value, type_.fields, strict=True)
        return {f"_{i}": _nested(v, f.type) for i, (v, f) in enumerate(cells, start=1)}
    if type_.kind in _HEX:
        return _column([value], type_)[0].as_py().hex()
    cell = _cell(value, type_)
    return cell if type_.kind in _PLAIN and cell == cell and cell not in _INFINITE else str(cell)


_HEX = frozenset({TypeKind.BYTES, TypeKind.BIGNUMERIC})
_INFINITE = (float("inf"), float("-inf"))


def engine_structure(type_: Type) -> Any:
    """What the engine is told of the JSON that an ARRAY or STRUCT comes back in."""
    from bqsim.engine.convert import engine_type

    if type_.is_array and type_.element is not None:
        return [engine_structure(type_.element)]
    if type_.is_struct:
        return {f"_{i}": engine_structure(f.type) for i, f in enumerate(type_.fields, start=1)}
    return "VARCHAR" if type_.kind in _HEX else engine_type(type_)


def from_hex(sql: str, type_: Type) -> str:
    """Engine SQL that makes of a value of :func:`engine_structure` one of the type."""
    if not _has_hex(type_):
        return sql
    if type_.is_array and type_.element is not None:
        return f"list_transform({sql}, lambda x: {from_hex('x', type_.element)})"
    if type_.is_struct:
        fields = (
            f"_{i} := " + from_hex(f"({sql})._{i}", f.type) for i, f in enumerate(type_.fields, start=1)
        )
        return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(fields)}) END"
    return f"unhex({sql})"


def _has_hex(type_: Type) -> bool:
    if type_.element is not None:
        return _has_hex(type_.element)
    return type_.kind in _HEX or any(_has_hex(f.type) for f in type_.fields)
