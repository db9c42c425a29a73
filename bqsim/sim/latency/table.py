"""The latency models by name: their parameters, units and limits, as users write them.

Each model has one or more forms, told apart by their parameters: ``{median, sigma}`` or two percentiles such
as ``{p50, p95}``. Percentiles are hit exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from . import distributions as d
from .base import Distribution
from .distributions import Point
from .gamma import LARGEST_SHAPE, LEAST_SHAPE

_APART = "these percentiles are too far apart for this model; try quantiles"
PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named value: ``unit`` is ``duration`` (seconds once read) or ``number``."""

    name: str
    unit: str
    least: float = 0.0
    most: float | None = None
    above: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a model.

    Either named ``parameters`` or between ``percentiles`` and ``most`` percentiles; ``build`` gets the
    values in the order of the parameters, or the percentiles as ascending points.
    """

    build: Callable[..., Distribution]
    parameters: tuple[Parameter, ...] = ()
    percentiles: int = 0
    most: int = 0
    ends: bool = False

    @property
    def written(self) -> str:
        if self.percentiles:
            several = f"{_COUNT.get(self.percentiles, str(self.percentiles))} percentile"
            more = "s or more" if self.most > self.percentiles else "s" if self.percentiles > 1 else ""
            example = "p50" if self.percentiles == 1 else "p50 and p95"
            return f"{several}{more} such as {example}"
        return " and ".join(parameter.name for parameter in self.parameters)


_COUNT = {1: "one", 2: "two"}


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    about: str
    forms: tuple[Form, ...]

    @property
    def written(self) -> str:
        """``lognormal takes median and sigma; or two percentiles such as p50 and p95``."""
        return f"{self.name} takes {'; or '.join(form.written for form in self.forms)}"


class BadParameters(ValueError):
    """Parameters that make no model; ``key`` is the one to blame, if one is."""

    def __init__(self, problem: str, key: str | None = None) -> None:
        super().__init__(problem)
        self.key = key


def span(name: str, *, above: bool = False) -> Parameter:
    return Parameter(name, "duration", above=above)


def number(name: str, least: float = 0.0, most: float | None = None, *, above: bool = False) -> Parameter:
    return Parameter(name, "number", least, most, above)


def _uniform(low: float, high: float) -> Distribution:
    if high < low:
        raise BadParameters("'to' must not be below 'from'", "to")
    return d.Uniform(low, high)


def _two(build: Callable[[Point, Point], Distribution]) -> Form:
    return Form(build, percentiles=2, most=2)


_SHAPE = number("shape", LEAST_SHAPE, LARGEST_SHAPE)

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model("fixed", "always the same", (Form(d.Fixed, (span("value"),)),)),
        Model(
            "uniform",
            "anything between two bounds alike",
            (Form(_uniform, (span("from"), span("to"))), _two(d.Uniform.through)),
        ),
        Model(
            "normal",
            "a bell curve; below 0 counts as 0",
            (Form(d.Normal, (span("mean"), span("deviation"))), _two(d.Normal.through)),
        ),
        Model(
            "lognormal",
            "a skewed bell, the usual shape of latencies",
            (
                Form(d.LogNormal, (span("median", above=True), number("sigma", most=10))),
                Form(d.LogNormal.of_moments, (span("mean", above=True), span("deviation"))),
                _two(d.LogNormal.through),
            ),
        ),
        Model(
            "gamma",
            "waiting for several things one after another",
            (
                Form(d.Gamma, (_SHAPE, span("scale", above=True))),
                Form(d.Gamma.of_mean, (span("mean", above=True), _SHAPE)),
                Form(d.Gamma.of_moments, (span("mean", above=True), span("deviation", above=True))),
                _two(d.Gamma.through),
            ),
        ),
        Model(
            "exponential",
            "waiting for something that may come at any moment",
            (
                Form(d.Exponential, (span("mean"),)),
                Form(d.Exponential.through, percentiles=1, most=1),
            ),
        ),
        Model(
            "pareto",
            "a long tail above a minimum",
            (
                Form(d.Pareto, (span("minimum", above=True), number("alpha", above=True))),
                _two(d.Pareto.through),
            ),
        ),
        Model(
            "quantiles",
            "a table of percentiles, straight between them",
            (Form(lambda *points: d.Quantiles.through(points), percentiles=2, most=1000, ends=True),),
        ),
    )
}


def build(model: Model, values: Mapping[str, float]) -> Distribution:
    """The model with parameters in seconds and plain numbers. Raises :class:`BadParameters`."""
    form = _form(model, values)
    if not form.percentiles:
        return _made(form, [_within(parameter, values[parameter.name]) for parameter in form.parameters])
    points = _points(model, form, values)
    made = _made(form, points)
    if any(0.0 < p < 1.0 and abs(made.quantile(p) - seconds) > 1e-9 * seconds for p, seconds in points):
        raise BadParameters(_APART)
    return made


def _form(model: Model, values: Mapping[str, float]) -> Form:
    shares = [name for name in values if PERCENTILE.fullmatch(name)]
    for form in model.forms:
        if form.percentiles:
            if len(shares) == len(values) and form.percentiles <= len(shares) <= form.most:
                return form
        elif set(values) == {parameter.name for parameter in form.parameters}:
            return form
    raise BadParameters(f"{model.written}, not {' and '.join(values) or 'nothing'}")


def _within(parameter: Parameter, value: float) -> float:
    low = parameter.least
    if value < low or (parameter.above and value == low):
        raise BadParameters(f"must be {'above' if parameter.above else 'at least'} {low:g}", parameter.name)
    if parameter.most is not None and value > parameter.most:
        raise BadParameters(f"must be at most {parameter.most:g}", parameter.name)
    return value


def _points(model: Model, form: Form, values: Mapping[str, float]) -> list[Point]:
    points = sorted((float(name[1:]) / 100.0, seconds, name) for name, seconds in values.items())
    for (p, low, name), (q, high, after) in pairwise(points):
        if p == q:
            raise BadParameters(f"is the same percentile as {name}", after)
        if high < low or (high == low and not form.ends):
            raise BadParameters(f"must {'not be below' if form.ends else 'be above'} {name}", after)
    for p, seconds, name in points:
        if not (0.0 <= p <= 1.0 if form.ends else 0.0 < p < 1.0):
            most = "p0 to p100" if form.ends else "above p0 and below p100"
            raise BadParameters(f"percentiles of {model.name} go {'from ' if form.ends else ''}{most}", name)
        if seconds < 0.0 or (seconds == 0.0 and not form.ends):
            raise BadParameters(f"must be {'at least' if form.ends else 'above'} 0", name)
    return [(p, seconds) for p, seconds, _ in points]


def _made(form: Form, arguments: Sequence[Any]) -> Distribution:
    try:
        return form.build(*arguments)
    except BadParameters:
        raise
    except (OverflowError, ZeroDivisionError):
        raise BadParameters(_APART) from None
    except ValueError as error:
        raise BadParameters(str(error)) from None
