"""Reads latencies as users write them.

A latency is a duration (``120ms``), or a mapping of one model and what is added to it::

    {lognormal: {p50: 120ms, p95: 400ms}, per_mib: 5ms, floor: 20ms, cap: 2s, correlation: 0.8}
    {mixture: [{weight: 9, latency: 80ms}, {weight: 1, latency: {pareto: {minimum: 1s, alpha: 2}}}]}
    {preset: bigquery-2026-08.run, ramp: {points: [[0s, 1], [10m, 5]]}}

What is added applies in the order of :data:`ADDED`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bqsim.sim.scenario.durations import parse_duration
from bqsim.sim.scenario.spelling import unknown

from .base import Latency
from .combine import Bounded, Mixture, Plus, Sum, Term
from .correlate import LARGEST_CORRELATION, Correlated, CorrelatedInTime
from .distributions import Fixed
from .presets import PRESETS, preset
from .schedule import ENDS, Ramp, Schedule, Trace
from .table import MODELS, PERCENTILE, BadParameters, build

Path = tuple[str | int, ...]


class LatencyError(ValueError):
    """A latency that cannot be read. ``path`` leads to the value to blame, ``problem`` says what is wrong."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{'.'.join(map(str, path))}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


def read_latency(value: Any, path: Path = ()) -> Latency:
    """The model that ``value`` (of YAML, JSON or Python) describes. Raises :class:`LatencyError`.

    >>> read_latency("120ms")
    Fixed(seconds=0.12)
    """
    if not isinstance(value, Mapping):
        return Fixed(_duration(value, path))
    for key in value:
        if key not in MODELS and key not in MADE_OF and key not in ADDED:
            raise LatencyError((*path, str(key)), unknown("latency", str(key), (*MODELS, *MADE_OF, *ADDED)))
    names = [key for key in value if key not in ADDED]
    if not names:
        raise LatencyError(path, f"a latency needs a model: {', '.join((*MODELS, *MADE_OF))}")
    if len(names) > 1:
        raise LatencyError(
            path, f"has two models, {names[0]} and {names[1]}; join them with 'sum' or 'mixture'"
        )
    name = names[0]
    model = MADE_OF.get(name, _plain)(value[name], (*path, name))
    for key, add in ADDED.items():
        if key in value:
            model = add(model, value[key], (*path, key))
    if isinstance(model, Bounded) and model.cap is not None and model.cap < model.floor:
        raise LatencyError((*path, "cap"), "must not be below floor")
    return model


def _plain(value: Any, path: Path) -> Latency:
    model = MODELS[str(path[-1])]
    known = {parameter.name: parameter for form in model.forms for parameter in form.parameters}
    if not isinstance(value, Mapping):
        single = [form for form in model.forms if len(form.parameters) == 1]
        if not single:
            raise LatencyError(path, model.written)
        value = {single[0].parameters[0].name: value}
    values: dict[str, float] = {}
    for key, item in value.items():
        where = (*path, str(key))
        if not isinstance(key, str) or not (key in known or PERCENTILE.fullmatch(key)):
            raise LatencyError(where, unknown(f"parameter of {model.name}", str(key), tuple(known)))
        timed = key not in known or known[key].unit == "duration"
        values[key] = _duration(item, where) if timed else _number(item, where)
    try:
        return build(model, values)
    except BadParameters as error:
        raise LatencyError((*path, error.key) if error.key else path, str(error)) from None


def _duration(value: Any, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise LatencyError(path, f"expected a duration such as '120ms' or 0.12, not {_said(value)}")
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise LatencyError(path, str(error)) from None
    if seconds < 0.0:
        raise LatencyError(path, "must be at least 0")
    return seconds


def _number(value: Any, path: Path, least: float = 0.0, most: float | None = None) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise LatencyError(path, f"expected a number, not {_said(value)}")
    if value < least or (most is not None and value > most):
        limits = f"of at least {least:g}" if most is None else f"from {least:g} to {most:g}"
        raise LatencyError(path, f"expected a number {limits}, not {value}")
    return float(value)


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    return f"'{value}'" if isinstance(value, str) else str(value).lower()


def _list(value: Any, path: Path, of: str) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise LatencyError(path, f"expected a list of {of}")
    return value


def _fields(value: Any, path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise LatencyError(path, f"expected a mapping with {' and '.join(needed)}")
    for key in value:
        if key not in (*needed, *optional):
            raise LatencyError((*path, str(key)), unknown("field", str(key), (*needed, *optional)))
    for key in needed:
        if key not in value:
            raise LatencyError(path, f"needs '{key}'")
    return value


def _mixture(value: Any, path: Path) -> Latency:
    parts = [
        (_fields(part, (*path, i), ("weight", "latency")), (*path, i))
        for i, part in enumerate(_list(value, path, "weights and latencies"))
    ]
    weights = tuple(_number(part["weight"], (*where, "weight")) for part, where in parts)
    if not sum(weights):
        raise LatencyError(path, "at least one weight must be above 0")
    return Mixture(
        weights, tuple(read_latency(part["latency"], (*where, "latency")) for part, where in parts)
    )


def _sum(value: Any, path: Path) -> Latency:
    parts = _list(value, path, "latencies")
    return Sum(tuple(read_latency(part, (*path, i)) for i, part in enumerate(parts)))


def _trace(value: Any, path: Path) -> Latency:
    given = value if isinstance(value, Mapping) else {"values": value}
    given = _fields(given, path, ("values",), ("end",))
    where = (*path, "values")
    seconds = [
        _duration(one, (*where, i)) for i, one in enumerate(_list(given["values"], where, "durations"))
    ]
    end = given.get("end", "loop")
    if end not in ENDS:
        raise LatencyError((*path, "end"), unknown("end of a trace", str(end), ENDS))
    return Trace(tuple(seconds), end)


def _schedule(value: Any, path: Path) -> Latency:
    given = value if isinstance(value, Mapping) else {"entries": value}
    given = _fields(given, path, ("entries",), ("repeat",))
    where = (*path, "entries")
    entries = [
        (_fields(entry, (*where, i), ("at", "latency")), (*where, i))
        for i, entry in enumerate(_list(given["entries"], where, "times and latencies"))
    ]
    starts = [_duration(entry["at"], (*at, "at")) for entry, at in entries]
    repeat = _repeat(given, path, starts, where)
    return Schedule(
        tuple(starts),
        tuple(read_latency(entry["latency"], (*at, "latency")) for entry, at in entries),
        repeat,
    )


def _repeat(given: Mapping[str, Any], path: Path, times: Sequence[float], where: Path) -> float | None:
    """Checks that ``times`` ascend and end before the time at which they start over."""
    for i in range(1, len(times)):
        if times[i] <= times[i - 1]:
            raise LatencyError((*where, i), "must come after the one before")
    if "repeat" not in given:
        return None
    repeat = _duration(given["repeat"], (*path, "repeat"))
    if repeat <= 0.0 or repeat < times[-1]:
        raise LatencyError((*path, "repeat"), "must be above 0 and not below the last time")
    return repeat


def _preset(value: Any, path: Path) -> Latency:
    text = value if isinstance(value, str) else _said(value)
    name, _, part = text.rpartition(".")
    names = [f"{preset_name}.{part}" for preset_name in PRESETS for part in preset(preset_name).parts]
    if text not in names:
        raise LatencyError(path, unknown("latency preset", text, names))
    return preset(name).parts[part]


def _ramp(model: Latency, value: Any, path: Path) -> Latency:
    given = value if isinstance(value, Mapping) else {"points": value}
    given = _fields(given, path, ("points",), ("repeat",))
    where = (*path, "points")
    points = []
    for i, point in enumerate(_list(given["points"], where, "pairs of a time and a factor")):
        if isinstance(point, str) or not isinstance(point, Sequence) or len(point) != 2:
            raise LatencyError((*where, i), "expected a time and a factor, such as [10m, 5]")
        points.append((_duration(point[0], (*where, i, 0)), _number(point[1], (*where, i, 1))))
    repeat = _repeat(given, path, [time for time, _ in points], where)
    return Ramp(model, tuple(points), repeat)


def _correlation(model: Latency, value: Any, path: Path) -> Latency:
    if not isinstance(value, Mapping):
        correlation = _number(value, path, -1.0, 1.0)
        if correlation != 1.0 and abs(correlation) > LARGEST_CORRELATION:
            raise LatencyError(
                path, f"must be between -{LARGEST_CORRELATION} and {LARGEST_CORRELATION}, or 1"
            )
        return Correlated(model, correlation)
    given = _fields(value, path, ("over",), ("share",))
    over = _duration(given["over"], (*path, "over"))
    if over <= 0.0:
        raise LatencyError((*path, "over"), "must be above 0")
    return CorrelatedInTime(model, over, _number(given.get("share", 0.5), (*path, "share"), 0.0, 1.0))


def _term(measure: str, unit: float) -> Callable[[Latency, Any, Path], Latency]:
    def add(model: Latency, value: Any, path: Path) -> Latency:
        term = Term(measure, _duration(value, path) / unit)
        if isinstance(model, Plus):
            return Plus(model.model, (*model.terms, term))
        return Plus(model, (term,))

    return add


def _floor(model: Latency, value: Any, path: Path) -> Latency:
    return Bounded(model, _duration(value, path))


def _cap(model: Latency, value: Any, path: Path) -> Latency:
    cap = _duration(value, path)
    if isinstance(model, Bounded):
        return Bounded(model.model, model.floor, cap)
    return Bounded(model, 0.0, cap)


MADE_OF: dict[str, Callable[[Any, Path], Latency]] = {
    "mixture": _mixture,
    "sum": _sum,
    "trace": _trace,
    "schedule": _schedule,
    "preset": _preset,
}

ADDED: dict[str, Callable[[Latency, Any, Path], Latency]] = {
    "correlation": _correlation,
    "per_mib": _term("bytes", 2.0**20),
    "per_row": _term("rows", 1.0),
    "per_slot_second": _term("slot_ms", 1000.0),
    "ramp": _ramp,
    "floor": _floor,
    "cap": _cap,
}
