"""Hypothesis strategies for types and their canonical Python values."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from bqsim.types import (
    BIGNUMERIC,
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    INTERVAL,
    JSON,
    NUMERIC,
    STRING,
    TIME,
    TIMESTAMP,
    Type,
    TypeKind,
    array_of,
    range_of,
    struct_of,
)

_texts = st.text(st.characters(codec="utf-8"), max_size=12)
_datetimes = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=5,
)


def _decimals(digits: int, scale: int) -> st.SearchStrategy[Decimal]:
    return st.integers(-(10**digits) + 1, 10**digits - 1).map(lambda n: Decimal(n).scaleb(-scale, _WIDE))


_WIDE = Context(prec=100)

SCALARS: dict[Type, st.SearchStrategy[Any]] = {
    INT64: st.integers(-(2**63), 2**63 - 1),
    FLOAT64: st.floats(),
    NUMERIC: _decimals(38, 9) | st.integers(-5, 5).map(Decimal),
    BIGNUMERIC: st.integers(-(2**255), 2**255 - 1).map(lambda n: Decimal(n).scaleb(-38, _WIDE))
    | st.integers(-5, 5).map(Decimal),
    BOOL: st.booleans(),
    STRING: _texts,
    BYTES: st.binary(max_size=8),
    DATE: st.dates(),
    TIME: st.times(),
    DATETIME: _datetimes | _datetimes.map(lambda d: d.replace(microsecond=0)),
    TIMESTAMP: (_datetimes | _datetimes.map(lambda d: d.replace(microsecond=0))).map(
        lambda d: d.replace(tzinfo=dt.UTC)
    ),
    INTERVAL: st.builds(
        lambda m, d, n: pa.MonthDayNano([m, d, n]),
        st.integers(-120_000, 120_000),
        st.integers(-3_660_000, 3_660_000),
        (st.integers(-(10**15), 10**15) | st.integers(-(10**6), 10**6).map(lambda n: n * 1000)).map(
            lambda micros: micros * 1000
        ),
    ),
    JSON: _json.map(lambda v: json.dumps(v, sort_keys=True, separators=(",", ":"), ensure_ascii=False)),
}


def types(nested: bool = True) -> st.SearchStrategy[Type]:
    scalars = st.sampled_from(list(SCALARS)) | st.sampled_from([range_of(DATE), range_of(TIMESTAMP)])
    if not nested:
        return scalars
    return st.recursive(
        scalars,
        lambda inner: (
            inner.filter(lambda t: not t.is_array).map(array_of)
            | st.lists(inner, min_size=1, max_size=3).map(
                lambda ts: struct_of(*((f"f{i}", t) for i, t in enumerate(ts)))
            )
        ),
        max_leaves=4,
    )


def values(type_: Type, nulls: bool = True) -> st.SearchStrategy[Any]:
    if type_.kind is TypeKind.ARRAY and type_.element is not None:
        own: st.SearchStrategy[Any] = st.lists(values(type_.element), max_size=3)
    elif type_.kind is TypeKind.STRUCT:
        own = st.tuples(*(values(f.type) for f in type_.fields)).map(list)
    elif type_.kind is TypeKind.RANGE and type_.element is not None:
        bound = values(type_.element)
        own = st.tuples(bound, bound).map(lambda pair: {"start": pair[0], "end": pair[1]})
    else:
        own = SCALARS[type_]
    return st.none() | own if nulls else own


@st.composite
def columns(draw: st.DrawFn, nested: bool = True) -> tuple[Type, list[Any]]:
    type_ = draw(types(nested))
    return type_, draw(st.lists(values(type_), max_size=6))
