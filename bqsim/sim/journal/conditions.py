"""Conditions on calls: what ``where=`` of a verification may ask, and how far a call is from it."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bqsim.sim.scenario.spelling import unknown

from .events import CallEvent

# What a call has, by the name that conditions use.
VALUES: Mapping[str, Callable[[CallEvent], Any]] = {
    "id": lambda e: e.id,
    "time_us": lambda e: e.time_us,
    "duration_us": lambda e: e.duration_us,
    "transport": lambda e: e.transport,
    "method": lambda e: e.method,
    "resource": lambda e: e.resource,
    "caller": lambda e: e.caller,
    "client": lambda e: e.client,
    "scope": lambda e: e.scope,
    "fingerprint": lambda e: e.fingerprint,
    "occurrence": lambda e: e.occurrence,
    "attempt": lambda e: e.attempt,
    "request_id": lambda e: e.request_id,
    "job_id": lambda e: e.job_id,
    "labels": lambda e: dict(e.labels),
    "ok": lambda e: e.outcome.ok,
    "outcome": lambda e: e.outcome.kind,
    "reason": lambda e: e.outcome.reason,
    "status": lambda e: e.outcome.status,
    "http": lambda e: e.outcome.http,
    "network": lambda e: e.outcome.network,
    "message": lambda e: e.outcome.message,
    "storage_code": lambda e: e.outcome.storage_code,
    "rule": lambda e: [d.rule for d in e.decisions if d.rule],
    "effect": lambda e: [d.effect for d in e.decisions if d.effect],
    "quota": lambda e: [d.quota for d in e.decisions if d.quota],
    "recording": lambda e: [d.recording for d in e.decisions if d.recording],
}
# Members of these are named with a dot: ``labels.team``, ``facts.rows``.
OPEN: Mapping[str, Callable[[CallEvent], Mapping[str, Any]]] = {
    "labels": lambda e: e.labels,
    "facts": lambda e: e.facts,
}
# Facts that have a name of their own.
FACTS = ("sql", "statement_type", "job_type", "project", "location", "rows", "bytes", "offset")
# Texts given for these are patterns, as they are in rules.
GLOBS = frozenset({"method", "resource", "caller", "client"})
REGEXPS = frozenset({"sql", "facts.sql"})


class Missing:
    """The value of a fact or label that a call does not have."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing asked of a call: ``name`` is a key of ``where``, ``expected`` its value."""

    name: str
    expected: Any
    value: Callable[[CallEvent], Any]
    accepts: Callable[[Any], bool]

    def holds(self, event: CallEvent) -> bool:
        return self.accepts(self.value(event))

    def near(self, event: CallEvent) -> bool:
        """:meth:`holds` for explanations, which look at all calls: a function that cannot deal with a call
        that it was not written for refuses it."""
        try:
            return self.holds(event)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return False

    def distance(self, event: CallEvent) -> float:
        """0 when it holds, else from 0.5 (a value that is nearly right) to 1."""
        if self.near(event):
            return 0.0
        return 1.0 - 0.5 * _likeness(self.expected, self.value(event))

    def failure(self, event: CallEvent) -> list[str]:
        """Lines that say what is wrong with the call; empty when nothing is."""
        if self.near(event):
            return []
        actual = self.value(event)
        return [
            f"{self.name}: expected {shown(self.expected)}, was {shown(actual)}",
            *_diff(self.expected, actual),
        ]


def conditions(method: str, where: Where = None) -> tuple[Condition, ...]:
    """The conditions of a method (a glob) and ``where``.

    ``where`` is a mapping from names (``reason``, ``sql``, ``labels.team``, ``facts.rows``) to what is
    expected of them, or a function of the call. Expected is a value, a pattern object, a collection of
    values of which one must be right, or a function of the value. Raises ``ValueError`` for a name that
    calls do not have: it would never match.
    """
    found = [] if method == "*" else [_condition("method", method)]
    if where is None:
        return tuple(found)
    if callable(where):
        return (*found, Condition(_name(where), where, _itself, _truth(where)))
    return (*found, *(_condition(name, expected) for name, expected in where.items()))


Where = Mapping[str, Any] | Callable[[CallEvent], object] | None


def _condition(name: str, expected: Any) -> Condition:
    return Condition(name, expected, _value(name), _acceptance(name, expected))


def _value(name: str) -> Callable[[CallEvent], Any]:
    if name in VALUES:
        return VALUES[name]
    if name in FACTS:
        return lambda event: event.facts.get(name, MISSING)
    group, dot, member = name.partition(".")
    if dot and member and group in OPEN:
        return lambda event: OPEN[group](event).get(member, MISSING)
    raise ValueError(unknown("condition", name, [*VALUES, *FACTS, "labels.<key>", "facts.<name>"]))


def _acceptance(name: str, expected: Any) -> Callable[[Any], bool]:
    if isinstance(expected, re.Pattern):
        return lambda actual: any(expected.search(str(item)) for item in _items(actual))
    if isinstance(expected, str):
        if name in REGEXPS:
            return _sql(expected)
        if name in GLOBS:
            return lambda actual: fnmatch.fnmatchcase(actual, expected)
        return lambda actual: expected in _items(actual)
    if isinstance(expected, Mapping):
        return lambda actual: (
            isinstance(actual, Mapping)
            and all(key in actual and actual[key] == value for key, value in expected.items())
        )
    if isinstance(expected, Collection) and not isinstance(expected, bytes):
        return lambda actual: any(item in expected for item in _items(actual))
    if callable(expected):
        return _truth(expected)
    return lambda actual: bool(actual == expected)


def _sql(expected: str) -> Callable[[Any], bool]:
    """A regular expression, or a piece of the text itself: ``COUNT(*)`` is meant as it stands."""
    try:
        pattern = re.compile(expected, re.IGNORECASE | re.DOTALL)
    except re.error:
        return lambda actual: isinstance(actual, str) and expected in actual
    return lambda actual: isinstance(actual, str) and (expected in actual or bool(pattern.search(actual)))


def _items(actual: Any) -> list[Any]:
    """Values of which one must be right: those of a list, or the value itself."""
    if isinstance(actual, list | tuple):
        return list(actual)
    return [] if actual is MISSING else [actual]


def _itself(event: CallEvent) -> Any:
    return event


def _truth(accepts: Callable[[Any], object]) -> Callable[[Any], bool]:
    def test(actual: Any) -> bool:
        return actual is not MISSING and bool(accepts(actual))

    return test


def _name(function: Callable[..., object]) -> str:
    name = str(getattr(function, "__name__", "condition"))
    return "the given function" if name == "<lambda>" else name


def _likeness(expected: Any, actual: Any) -> float:
    """From 0 to 1."""
    if isinstance(actual, CallEvent) or actual is MISSING:
        return 0.0
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        right = sum(1 for key, value in expected.items() if key in actual and actual[key] == value)
        return right / max(1, len(expected))
    if isinstance(expected, bool) or not isinstance(expected, str | int | float):
        return 0.0
    if isinstance(expected, str):
        return difflib.SequenceMatcher(None, expected[:400], str(actual)[:400]).ratio()
    if isinstance(actual, int | float):
        return 1.0 - min(1.0, abs(expected - actual) / (abs(expected) + abs(actual) or 1))
    return 0.0


def shown(value: Any, limit: int = 160) -> str:
    """A value as messages show it."""
    if isinstance(value, CallEvent):
        return "a call for which it is false"
    if isinstance(value, re.Pattern):
        return f"text like /{value.pattern}/"
    if callable(value):
        return f"what {_name(value)} accepts"
    if isinstance(value, set | frozenset):
        return "one of " + ", ".join(sorted(repr(item) for item in value))
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _diff(expected: Any, actual: Any) -> list[str]:
    """Lines that point at the difference of long texts or of mappings."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return [
            f"  {key}: expected {shown(value)}, was {shown(actual.get(key, MISSING))}"
            for key, value in expected.items()
            if key not in actual or actual[key] != value
        ]
    if not (isinstance(expected, str) and isinstance(actual, str)) or min(len(expected), len(actual)) < 40:
        return []
    if "\n" in expected + actual:
        lines = difflib.unified_diff(
            expected.splitlines(), actual.splitlines(), "expected", "was", lineterm="", n=1
        )
        return [f"  {line}" for line in lines][:30]
    same = next((i for i, (a, b) in enumerate(zip(expected, actual, strict=False)) if a != b), None)
    same = min(len(expected), len(actual)) if same is None else same
    start = max(0, same - 20)
    lead = "…" if start else ""
    return [
        f"  they differ at character {same + 1}:",
        f"  expected {lead}{expected[start : same + 40]}",
        f"  was      {lead}{actual[start : same + 40]}",
        "           " + " " * (len(lead) + same - start) + "^",
    ]
