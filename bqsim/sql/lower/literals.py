"""Values of every type as engine literals."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from sqlglot import expressions as exp

from bqsim.errors import invalid_query
from bqsim.types import Type, TypeKind

from . import nodes
from .registry import Unsupported
from .types import engine_type

_BIGNUMERIC_SCALE = 38
_WIDE = Context(prec=80)


@dataclass(frozen=True, slots=True)
class Open:
    """The value of a variable that a plan leaves open: ``text`` stands for it in the engine SQL."""

    name: str

    @property
    def text(self) -> str:
        return f"\x02{self.name}\x02"


def literal(type_: Type, value: Any) -> exp.Expression:
    """The engine's literal of a value in canonical Python form; None is a NULL of the type."""
    return nodes.raw(literal_sql(type_, value))


def literal_sql(type_: Type, value: Any) -> str:
    if value is None:
        return f"CAST(NULL AS {engine_type(type_)})"
    if type_.kind is TypeKind.ARRAY:
        return _array(type_, value)
    if type_.kind is TypeKind.STRUCT:
        return _struct(type_, value)
    if type_.kind is TypeKind.RANGE:
        return _range(type_, value)
    return _SCALARS[type_.kind](value)


def int64(value: int) -> str:
    """A BIGINT: an untyped number would be 32 bits wide."""
    return f"{value}::BIGINT" if value >= 0 else f"CAST('{value}' AS BIGINT)"


def bignumeric_hex(value: Decimal) -> str:
    """Hexadecimal digits of a BIGNUMERIC in its order-preserving 32 byte form."""
    scaled = int(value.scaleb(_BIGNUMERIC_SCALE, _WIDE))
    return (scaled + (1 << 255)).to_bytes(32, "big").hex()


def _float64(value: float) -> str:
    if math.isfinite(value) and math.copysign(1.0, value) > 0:
        text = repr(value)
        return text if "e" in text else text + "e0"
    return f"CAST('{value!r}' AS DOUBLE)"


def _numeric(value: Decimal) -> str:
    return f"CAST('{value:f}' AS DECIMAL(38,9))"


def _bytes(value: bytes) -> str:
    return f"unhex('{value.hex()}')"


def _date(value: datetime.date) -> str:
    return f"DATE '{value.isoformat()}'"


def _time(value: datetime.time) -> str:
    return f"TIME '{value.isoformat()}'"


def _timestamp(value: datetime.datetime) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return f"TIMESTAMP '{value.isoformat(sep=' ')}'"


def _interval(value: Any) -> str:
    months, days, nanos = value
    if nanos % 1000:
        raise Unsupported("INTERVAL literal with nanoseconds")
    return f"(to_months({months}) + to_days({days}) + to_microseconds({nanos // 1000}))"


def _geography(value: str) -> str:
    from bqsim.types.geography.parse import parse_any
    from bqsim.types.geography.shapes import BadGeography, pack

    try:
        return _bytes(pack(parse_any(value)))
    except BadGeography as bad:
        raise invalid_query(f"Invalid geography value, error: {bad}") from None


_SCALARS: dict[TypeKind, Callable[[Any], str]] = {
    TypeKind.INT64: int64,
    TypeKind.FLOAT64: _float64,
    TypeKind.NUMERIC: _numeric,
    TypeKind.BIGNUMERIC: lambda v: f"unhex('{bignumeric_hex(v)}')",
    TypeKind.BOOL: lambda v: "true" if v else "false",
    TypeKind.STRING: nodes.quote,
    TypeKind.BYTES: _bytes,
    TypeKind.DATE: _date,
    TypeKind.TIME: _time,
    TypeKind.DATETIME: _timestamp,
    TypeKind.TIMESTAMP: _timestamp,
    TypeKind.INTERVAL: _interval,
    TypeKind.JSON: nodes.quote,
    TypeKind.GEOGRAPHY: _geography,
}


def _array(type_: Type, value: Any) -> str:
    assert type_.element is not None
    items = ", ".join([literal_sql(type_.element, v) for v in value])
    return f"CAST([{items}] AS {engine_type(type_)})"


def _struct(type_: Type, value: Any) -> str:
    if not type_.fields:
        raise Unsupported("STRUCT without fields")
    values = list(value.values()) if isinstance(value, dict) else list(value)
    fields = zip(type_.fields, values, strict=True)
    inner = ", ".join(f"_{i}: {literal_sql(f.type, v)}" for i, (f, v) in enumerate(fields, 1))
    return f"{{{inner}}}"


def _range(type_: Type, value: Any) -> str:
    assert type_.element is not None
    start, end = (value["start"], value["end"]) if isinstance(value, dict) else value
    return f'{{start: {literal_sql(type_.element, start)}, "end": {literal_sql(type_.element, end)}}}'
