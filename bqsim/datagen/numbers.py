"""Numbers and times: their bounds as integers of a unit, and the sources over them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Any

import numpy as np

from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import from_numpy
from bqsim.types.values import parse_cell

from .chance import MAX_SIZE
from .render import Domain, Render, decimals, integers, ranges, times
from .sources import Distributed, Shuffled, Source, Steps
from .spec import ColumnSpec, Distribution, Sequence, SpecError

_HUGE = (1 << 62) - 1
_WIDE = Context(prec=120)
_EXACT = (ROUND_HALF_EVEN, True)
_STEP_NUMBERS = (TypeKind.INT64, TypeKind.NUMERIC, TypeKind.BIGNUMERIC)
# Ticks in one unit of a sequence's step.
_STEP_TIMES = {TypeKind.DATE: 1, TypeKind.DATETIME: 1_000_000, TypeKind.TIMESTAMP: 1_000_000}
_DEFAULT_HIGH = {
    TypeKind.INT64: 1_000_000,
    TypeKind.FLOAT64: 1.0,
    TypeKind.NUMERIC: Decimal("9999.99"),
    TypeKind.BIGNUMERIC: Decimal("9999.99"),
}
_PLACES = 2
_DAY_US = 86_400_000_000
_EPOCH = dt.datetime(1970, 1, 1)
_FIRST, _LAST = dt.datetime(2020, 1, 1), dt.datetime(2025, 1, 1)
_RANGE_END = dt.datetime(9999, 11, 30)


def number_source(path: str, field: Field, spec: ColumnSpec, rng: np.random.Generator) -> Source:
    """INT64, FLOAT64, NUMERIC or BIGNUMERIC between bounds, or by a distribution."""
    distribution = spec.distribution or Distribution()
    places = _places(path, field, spec)
    low, high = _bounds(path, field, spec, distribution)
    floats = field.kind is TypeKind.FLOAT64
    if floats and places is None:
        return Distributed(path, distribution, (low, high), lambda values: values, from_numpy, rng)
    units = 10 ** (places or 0)
    uniform = distribution.kind == "uniform" and not floats
    least = _unit(path, low, places or 0, ROUND_CEILING, uniform)
    greatest = _unit(path, high, places or 0, ROUND_FLOOR, uniform)
    if least > greatest:
        raise SpecError(path, f"no value with {places} decimals lies between {low} and {high}")
    if uniform:
        return _uniform(path, field, (least, greatest), places or 0, rng)

    def finish(values: Any) -> Any:
        rounded = np.clip(np.rint(values * units), -_HUGE, _HUGE).astype(np.int64)
        return np.clip(rounded, least, greatest)

    render = _divided(units) if floats else _renders(field.kind, places or 0)
    bounds = (None if low is None else float(low), None if high is None else float(high))
    return Distributed(path, distribution, bounds, finish, render, rng)


def _uniform(
    path: str, field: Field, bounds: tuple[int, int], places: int, rng: np.random.Generator
) -> Source:
    least, size = bounds[0], bounds[1] - bounds[0] + 1
    if size > MAX_SIZE:
        raise SpecError(path, "min and max are too far apart: at most 2^62 values may lie between them")
    render = _renders(field.kind, places)
    return Shuffled(Domain(size, lambda values: render(values + least)), rng)


def _divided(units: int) -> Render:
    return lambda values: from_numpy(values / units)


def _renders(kind: TypeKind, places: int) -> Render:
    return integers if kind is TypeKind.INT64 else decimals(kind, places)


def _places(path: str, field: Field, spec: ColumnSpec) -> int | None:
    """How many decimals values have; None when floats are not rounded."""
    if field.kind is TypeKind.INT64:
        return 0
    if field.kind is TypeKind.FLOAT64:
        return spec.decimals
    own = 9 if field.kind is TypeKind.NUMERIC else 38
    most = own if field.precision is None else field.scale or 0
    if spec.decimals is not None and spec.decimals > most:
        raise SpecError(path, f"at most {most} decimals fit, not {spec.decimals}")
    return min(_PLACES, most) if spec.decimals is None else spec.decimals


def _bounds(path: str, field: Field, spec: ColumnSpec, distribution: Distribution) -> tuple[Any, Any]:
    """The least and the greatest value; None where a distribution has no bound."""
    low, high = (_number(path, field, b) for b in (spec.low, spec.high))
    limit: Any = None
    if field.precision is not None:
        limit = Decimal(10**field.precision - 1).scaleb(-(field.scale or 0), _WIDE)
    if distribution.kind == "uniform":
        usual: Any = _DEFAULT_HIGH[field.kind]
        if low is None:
            low = type(usual)(0) if high is None or high >= 0 else 2 * high
        if high is None:
            high = usual if low < usual else 2 * low
    if limit is not None:
        low = -limit if low is None else max(low, -limit)
        high = limit if high is None else min(high, limit)
    if low is not None and high is not None and low > high:
        raise SpecError(path, f"min {low} is greater than max {high}")
    if isinstance(low, float) and isinstance(high, float) and not np.isfinite(high - low):
        raise SpecError(path, f"min {low} and max {high} are too far apart")
    return low, high


def _number(path: str, field: Field, bound: Any) -> Any:
    if bound is None:
        return None
    try:
        number = parse_cell(bound, replace(field, mode=Mode.REQUIRED))
    except BigQueryError as error:
        raise SpecError(path, error.message) from None
    if isinstance(number, float) and not np.isfinite(number):
        raise SpecError(path, f"{bound} is no bound of numbers")
    return number


def _unit(path: str, bound: Any, places: int, rounding: str, strict: bool) -> int:
    """A bound in units of 10^-``places``; when not ``strict``, far ones and None are where 64 bits end."""
    if bound is None:
        return -_HUGE if rounding == ROUND_CEILING else _HUGE
    exact = Decimal(repr(bound)) if isinstance(bound, float) else Decimal(bound)
    units = int(exact.scaleb(places, _WIDE).to_integral_value(rounding, _WIDE))
    if not -_HUGE <= units <= _HUGE:
        if strict:
            raise SpecError(path, f"{bound} with {places} decimals is beyond 62 bits")
        return max(-_HUGE, min(units, _HUGE))
    return units


def time_source(path: str, field: Field, spec: ColumnSpec, rng: np.random.Generator) -> Source:
    """DATE, TIME, DATETIME, TIMESTAMP or RANGE from ``low`` to before ``high``."""
    kind = field.kind if field.kind is not TypeKind.RANGE else field.range_element or TypeKind.DATE
    low = _ticks(path, field, kind, spec.low)
    high = _ticks(path, field, kind, spec.high)
    usual = (0, _DAY_US) if kind is TypeKind.TIME else (_tick(_FIRST, kind), _tick(_LAST, kind))
    span = usual[1] - usual[0]
    if low is None:
        low = usual[0] if high is None or high > usual[0] else high - span
    if high is None:
        high = usual[1] if low < usual[1] else low + span
    if kind is TypeKind.TIME:
        low, high = max(low, 0), min(high, _DAY_US)
    if field.kind is TypeKind.RANGE:
        high = min(high, _tick(_RANGE_END, kind))
    if low >= high:
        raise SpecError(path, f"from {spec.low} is not before to {spec.high}")
    if field.kind is TypeKind.RANGE:
        return Shuffled(ranges(kind, low, high), rng)
    return Shuffled(Domain(high - low, times(kind, low)), rng)


def _ticks(path: str, field: Field, kind: TypeKind, bound: Any) -> int | None:
    """Days or microseconds of a bound."""
    return None if bound is None else _tick(_number(path, Field(field.name, kind), bound), kind)


def _tick(moment: Any, kind: TypeKind) -> int:
    if isinstance(moment, dt.time):
        clock = dt.timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second)
        return clock // dt.timedelta(microseconds=1) + moment.microsecond
    if isinstance(moment, dt.datetime):
        ticks = (moment.replace(tzinfo=None) - _EPOCH) // dt.timedelta(microseconds=1)
        return ticks // _DAY_US if kind is TypeKind.DATE else ticks
    return int((moment - _EPOCH.date()).days)


def step_source(path: str, field: Field, sequence: Sequence) -> Source:
    """A sequence of numbers or times."""
    if field.kind in _STEP_TIMES:
        start = _FIRST if sequence.start is None else _number(path, field, sequence.start)
        step = round(sequence.step * _STEP_TIMES[field.kind])
        low, high = (_tick(end, field.kind) for end in (dt.datetime.min, dt.datetime.max))
        return Steps(times(field.kind), _tick(start, field.kind), _checked(path, step), low, high)
    if field.kind not in _STEP_NUMBERS:
        raise SpecError(path, f"a sequence is of numbers or times, not of {field.kind.value}")
    places = 0
    if field.kind is not TypeKind.INT64:
        places = (field.scale or 0) if field.precision is not None else _PLACES
    first = 1 if sequence.start is None else _number(path, field, sequence.start)
    start = _unit(path, first, places, *_EXACT)
    step = _unit(path, sequence.step, places, *_EXACT)
    if Decimal(step).scaleb(-places, _WIDE) != Decimal(repr(sequence.step)):
        raise SpecError(path, f"step {sequence.step} has more than {places} decimals")
    limit = 10**field.precision - 1 if field.precision is not None else _HUGE
    limit = min(limit, _HUGE)
    return Steps(_renders(field.kind, places), start, _checked(path, step), -limit, limit)


def _checked(path: str, step: int) -> int:
    if step == 0:
        raise SpecError(path, "the step of a sequence must not be zero")
    return step
