"""Values of every type, for hypothesis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from bqclient.models.schema import Field
from bqclient.values.types import Interval, Range

_INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_DATES = st.dates()
_DATETIMES = st.datetimes()
_TIMESTAMPS = st.datetimes(timezones=st.just(dt.UTC))


def _decimals(digits: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10**digits - 1
    return st.integers(-most, most).map(lambda n: Decimal(n).scaleb(-scale, _context(digits)))


def _context(digits: int) -> Any:
    from decimal import Context

    return Context(prec=digits + 2)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


def _signs() -> st.SearchStrategy[Interval]:
    # What 64 bits of nanoseconds hold in Arrow: whole hours of it.
    micros = 2_562_046 * 3600 * 1_000_000
    return st.builds(
        lambda m, d, u: Interval(m, d, u * 1000),
        st.integers(-120_000, 120_000),
        st.integers(-3_660_000, 3_660_000),
        st.integers(-micros, micros),
    )


SCALARS: Mapping[str, st.SearchStrategy[Any]] = {
    "INT64": _INT64,
    "FLOAT64": st.floats(allow_nan=True, allow_infinity=True),
    "BOOL": st.booleans(),
    "STRING": _TEXT,
    "BYTES": st.binary(max_size=12),
    "DATE": _DATES,
    "TIME": st.times(),
    "DATETIME": _DATETIMES,
    "TIMESTAMP": _TIMESTAMPS,
    "NUMERIC": _decimals(38, 9),
    "BIGNUMERIC": _decimals(76, 38),
    "INTERVAL": _signs(),
    # JSON's null and no value are both None in Python.
    "JSON": _JSON.filter(lambda v: v is not None),
    "GEOGRAPHY": st.sampled_from(["POINT(1 2)", "LINESTRING(0 0, 1 1)", "POINT(-122.35 47.62)"]),
}
_BOUNDS = {"DATE": _DATES, "DATETIME": _DATETIMES, "TIMESTAMP": _TIMESTAMPS}


@st.composite
def _ranges(draw: st.DrawFn, element: str) -> Range:
    start, end = draw(st.none() | _BOUNDS[element]), draw(st.none() | _BOUNDS[element])
    if start is not None and end is not None:
        if start == end:
            end = None
        elif end < start:
            start, end = end, start
    return Range(start, end, element)


def scalar_fields() -> list[Field]:
    """A field of every type without fields of its own, named by its type."""
    plain = [Field(f"c_{name.lower()}", name) for name in SCALARS]
    return plain + [Field(f"c_range_{e.lower()}", "RANGE", element=e) for e in _BOUNDS]


def values(field: Field, *, nulls: bool = True) -> st.SearchStrategy[Any]:
    """Values of a field."""
    if field.type == "STRUCT":
        one: Any = st.fixed_dictionaries({f.name: values(f, nulls=nulls) for f in field.fields})
    else:
        one = _ranges(field.element) if field.type == "RANGE" and field.element else SCALARS[field.type]
    if field.repeated:
        return st.lists(one, max_size=3)
    return st.none() | one if nulls and not field.required else one


def same(one: Any, other: Any) -> bool:
    """Equality in which NaN is NaN, and types count."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and one != one:
        return other != other
    return type(one) is type(other) and one == other
