"""Random expressions of a type."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from random import Random

from bqsim.types import Type

from .routes import GUARD
from .signatures import Call
from .values import LEAVES

_HOLE = re.compile(r"\{(\d)\}")
# How many of the calls get a SAFE. prefix, and how many arguments are calls themselves.
_SAFE_SHARE = 0.15
_NESTED_SHARE = 0.55


class Expressions:
    """Makes expressions out of ``calls``; the same seed makes the same expressions."""

    def __init__(self, calls: Iterable[Call], seed: int) -> None:
        self.random = Random(seed)
        self._by_result: dict[Type, dict[str, list[Call]]] = defaultdict(lambda: defaultdict(list))
        for call in calls:
            if call.template and all(isinstance(a, tuple) or a in LEAVES for a in call.arguments):
                self._by_result[call.result][call.name].append(call)
        self._guardable = {
            type_: {
                name: kept
                for name, calls in by_name.items()
                if (kept := [c for c in calls if not c.has_subquery])
            }
            for type_, by_name in self._by_result.items()
        }
        self.types = tuple(t for t in LEAVES if t in self._by_result)

    def leaf(self, type_: Type) -> str:
        return self.random.choice(LEAVES[type_])

    def expression(self, type_: Type, depth: int, guarded: bool = False) -> str:
        """An expression of ``type_`` with at most ``depth`` levels of calls, at least one if it is above 0."""
        by_name = self._by_result.get(type_)
        if depth <= 0 or not by_name:
            return self.leaf(type_)
        if guarded:
            by_name = self._guardable[type_]
        # Functions are equally likely, whatever number of signatures they have.
        call = self.random.choice(by_name[self.random.choice(tuple(by_name))])
        return self.call(call, depth, guarded)

    def call(self, call: Call, depth: int, guarded: bool = False) -> str:
        """One call with random arguments; holes beyond its arguments repeat the last of them.

        With ``guarded`` a failure of any call within is NULL there: which of several failures comes first,
        and what is not computed at all, is left to whoever computes.
        """

        def argument(match: re.Match[str]) -> str:
            wanted = call.arguments[min(int(match[1]), len(call.arguments) - 1)]
            if isinstance(wanted, tuple):
                return self.random.choice(wanted)
            nested = self.random.random() < _NESTED_SHARE
            return self.expression(wanted, depth - 1 if nested else 0, guarded)

        text = _HOLE.sub(argument, call.template)
        if guarded and not call.has_subquery:
            return f"{GUARD.upper()}({text})"
        if (
            call.name[0].isalpha()
            and self.random.random() < _SAFE_SHARE
            and text.startswith(call.name.upper() + "(")
        ):
            return text if call.name in _NO_SAFE else f"SAFE.{text}"
        return text

    def column(self, depth: int = 3, guarded: bool = False) -> str:
        """An expression of any type."""
        return self.expression(self.random.choice(self.types), depth, guarded)


# What has no SAFE. form, in GoogleSQL or in its evaluator.
_NO_SAFE = frozenset(
    "cast safe_cast extract case if coalesce ifnull nullif exists array struct make_interval "
    "array_first array_last array_slice array_filter array_transform format to_json".split()
)
