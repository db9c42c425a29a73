"""Whether what is said of a column can be, and fits its type."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bqsim.sim.scenario.spelling import unknown
from bqsim.types import Field, Mode, TypeKind

from .spec import LENGTH_KINDS, NUMBER_KINDS, ColumnSpec, Distribution, Lengths, SpecError

_NUMBERS = frozenset({TypeKind.INT64, TypeKind.FLOAT64, TypeKind.NUMERIC, TypeKind.BIGNUMERIC})
_TIMES = frozenset({TypeKind.DATE, TypeKind.TIME, TypeKind.DATETIME, TypeKind.TIMESTAMP, TypeKind.RANGE})
_STEPPED = frozenset(
    {
        TypeKind.INT64,
        TypeKind.NUMERIC,
        TypeKind.BIGNUMERIC,
        TypeKind.DATE,
        TypeKind.DATETIME,
        TypeKind.TIMESTAMP,
    }
)
_SCALARS = frozenset(TypeKind) - {TypeKind.STRUCT, TypeKind.ARRAY}

# Each option as users spell it, where it is, and the kinds of columns that take it.
_OPTIONS: tuple[tuple[str, Callable[[ColumnSpec], Any], frozenset[TypeKind]], ...] = (
    ("provider", lambda s: s.provider is not None, _SCALARS - {TypeKind.GEOGRAPHY}),
    ("pattern", lambda s: s.pattern is not None, frozenset({TypeKind.STRING})),
    ("values", lambda s: s.values, _SCALARS),
    ("sequence", lambda s: s.sequence is not None, _STEPPED),
    ("references", lambda s: s.references is not None, _SCALARS),
    ("distribution", lambda s: s.distribution is not None, _NUMBERS),
    ("decimals", lambda s: s.decimals is not None, _NUMBERS - {TypeKind.INT64}),
    ("min and max, from and to", lambda s: s.low is not None or s.high is not None, _NUMBERS | _TIMES),
    ("unique", lambda s: s.unique, _SCALARS),
    ("distinct", lambda s: s.distinct is not None, _SCALARS),
    ("skew", lambda s: s.skew, _SCALARS),
    ("fields", lambda s: s.fields, frozenset({TypeKind.STRUCT})),
)
_SOURCES = ("provider", "pattern", "values", "sequence", "references")
_NUMERIC = ("distribution", "decimals", "min and max, from and to")
# Options that say the same thing in two ways.
_EXCLUSIVE = (("unique", "distinct"), ("unique", "skew"), ("sequence", "distinct"), ("sequence", "skew"))
# (does it hold, what is wrong otherwise) of single options.
_RULES: tuple[tuple[Callable[[ColumnSpec], bool], str], ...] = (
    (lambda s: s.null_share is None or 0 <= s.null_share <= 1, "null_share is from 0 to 1"),
    (lambda s: s.distinct is None or s.distinct >= 1, "distinct is 1 or more"),
    (lambda s: s.skew >= 0 and math.isfinite(s.skew), "skew is 0 or more"),
    (lambda s: s.decimals is None or s.decimals >= 0, "decimals is 0 or more"),
    (lambda s: not s.weights or len(s.weights) == len(s.values), "there are as many weights as values"),
    (
        lambda s: (
            all(w >= 0 and math.isfinite(w) for w in s.weights) and (not s.weights or sum(s.weights) > 0)
        ),
        "weights are 0 or more, and not all 0",
    ),
    (lambda s: not (s.weights and s.skew), "weights and skew exclude each other"),
    (lambda s: not s.arguments or s.provider is not None, "arguments belong to a provider"),
    (lambda s: s.relation is None or s.references is not None, "relation belongs to references"),
    (lambda s: s.pattern is None or s.pattern.isascii(), "a pattern is of ASCII characters"),
    (lambda s: s.pattern != "", "a pattern is not empty"),
    (lambda s: s.sequence is None or math.isfinite(s.sequence.step), "step is a number"),
    (
        lambda s: s.references is None or all(s.references.partition(".")),
        "references is a table and a column: table.column",
    ),
)


def sources(spec: ColumnSpec) -> list[str]:
    """The options that say where values come from."""
    given = [name for name, has, _ in _OPTIONS if has(spec)]
    numbers = [name for name in given if name in _NUMERIC]
    return [name for name in given if name in _SOURCES] + numbers[:1]


def check(field: Field, spec: ColumnSpec, path: str) -> None:
    """Raise :class:`SpecError` when the column cannot be as ``spec`` says."""
    for holds, problem in _RULES:
        if not holds(spec):
            raise SpecError(path, problem)
    given = {name: kinds for name, has, kinds in _OPTIONS if has(spec)}
    for name, kinds in given.items():
        if field.kind not in kinds:
            raise SpecError(path, f"{name} is not for a column of type {field.kind.value}")
    several = sources(spec)
    if len(several) > 1:
        raise SpecError(path, f"{several[0]} and {several[1]} exclude each other")
    for one, other in _EXCLUSIVE:
        if one in given and other in given:
            raise SpecError(path, f"{one} and {other} exclude each other")
    _check_mode(field, spec, path)
    if spec.length is not None:
        _check_lengths(spec.length, path)
    if spec.distribution is not None:
        _check_distribution(spec.distribution, path)


def _check_mode(field: Field, spec: ColumnSpec, path: str) -> None:
    if spec.null_share and field.mode is Mode.REQUIRED:
        raise SpecError(path, "a REQUIRED column has no NULLs")
    if spec.null_share and field.mode is Mode.REPEATED:
        raise SpecError(path, "a REPEATED column has no NULLs; a length of 0 is an empty array")
    if spec.length is not None and field.mode is not Mode.REPEATED:
        raise SpecError(path, "length is for a REPEATED column")


def _check_lengths(lengths: Lengths, path: str) -> None:
    if lengths.kind not in LENGTH_KINDS:
        raise SpecError(path, unknown("distribution of lengths", lengths.kind, LENGTH_KINDS))
    if not 0 <= lengths.least <= lengths.greatest:
        raise SpecError(path, f"a length from {lengths.least} to {lengths.greatest} cannot be")
    if lengths.mean is not None and not 0 <= lengths.mean <= 1_000_000_000:
        raise SpecError(path, "the mean of lengths is 0 or more")


def _check_distribution(distribution: Distribution, path: str) -> None:
    if distribution.kind not in NUMBER_KINDS:
        raise SpecError(path, unknown("distribution", distribution.kind, NUMBER_KINDS))
    if not (math.isfinite(distribution.mean) and math.isfinite(distribution.deviation)):
        raise SpecError(path, "mean and deviation are numbers")
    if distribution.deviation < 0:
        raise SpecError(path, "deviation is 0 or more")
