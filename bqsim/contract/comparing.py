"""Two answers compared, field by field."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

MISSING, EXTRA, TYPE, VALUE, ORDER, COUNT = "missing", "extra", "type", "value", "order", "count"
# Sums of floating-point numbers depend on the order in which they are added up.
FLOAT_TOLERANCE = 1e-9

Same = Callable[[str, Any], bool]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs at ``path`` (``job.statistics.query.cacheHit``, ``rows[3].name``): ``kind`` is ``missing``
    (expected, not found), ``extra``, ``type``, ``value``, ``order`` or ``count`` (of a list). ``rule`` is the
    id of the rule that allows it, '' for none."""

    path: str
    kind: str
    expected: Any = None
    found: Any = None
    rule: str = ""

    def by(self, rule: str) -> Difference:
        """The same, allowed by a rule."""
        return replace(self, rule=rule)

    def __str__(self) -> str:
        if self.kind == MISSING:
            return f"{self.path}: missing; expected {shown(self.expected)}"
        if self.kind == EXTRA:
            return f"{self.path}: not expected; found {shown(self.found)}"
        if self.kind == TYPE:
            return (
                f"{self.path}: {type_name(self.expected)} expected, {type_name(self.found)} found: "
                f"{shown(self.expected)} became {shown(self.found)}"
            )
        if self.kind == ORDER:
            return f"{self.path}: the same rows in another order; the first other one is {shown(self.found)}"
        what = f"{self.path}: " + ("how many there are: " if self.kind == COUNT else "")
        return f"{what}expected {shown(self.expected)}, found {shown(self.found)}"


def differences(expected: Any, found: Any, path: str, same: Same, extra: bool = True) -> Iterator[Difference]:
    """What differs between two JSON values. ``same`` compares a recorded text that may hold symbols;
    ``extra``: whether members that were not expected count."""
    if isinstance(expected, str):
        if isinstance(found, str) or "${" in expected:
            if not same(expected, found):
                yield Difference(path, VALUE, expected, found)
        else:
            yield Difference(path, TYPE, expected, found)
    elif type_name(expected) != type_name(found):
        yield Difference(path, TYPE, expected, found)
    elif isinstance(expected, Mapping):
        for name, value in expected.items():
            inside = f"{path}.{name}" if path else str(name)
            if name not in found:
                if value not in ({}, [], None):
                    yield Difference(inside, MISSING, value)
            else:
                yield from differences(value, found[name], inside, same, extra)
        if extra:
            for name, value in found.items():
                if name not in expected and value not in ({}, [], None):
                    yield Difference(f"{path}.{name}" if path else str(name), EXTRA, None, value)
    elif isinstance(expected, list):
        if len(expected) != len(found):
            yield Difference(path, COUNT, len(expected), len(found))
        for at, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from differences(one, other, f"{path}[{at}]", same, extra)
    elif not equal(expected, found):
        yield Difference(path, VALUE, expected, found)


def equal(one: Any, other: Any, tolerance: float = FLOAT_TOLERANCE) -> bool:
    """Whether two values of rows or JSON are the same; floating-point numbers up to ``tolerance``."""
    if isinstance(one, float) and isinstance(other, float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return one == other or math.isclose(one, other, rel_tol=tolerance, abs_tol=0)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(v, other[k], tolerance) for k, v in one.items())
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(equal(a, b, tolerance) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)


def number(value: Any) -> float | None:
    """A number, also one that the API writes as a string; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def type_name(value: Any) -> str:
    """The JSON type of a value."""
    for kinds, name in (
        ((bool,), "a boolean"),
        ((int, float), "a number"),
        ((str,), "a string"),
        ((list, tuple), "a list"),
        ((Mapping,), "an object"),
        ((type(None),), "null"),
    ):
        if isinstance(value, kinds):
            return name
    return type(value).__name__


def shown(value: Any, most: int = 120) -> str:
    """A value in one line of at most ``most`` characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else text[: most - 1] + "…"
