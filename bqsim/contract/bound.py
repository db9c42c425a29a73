"""Symbols of recorded operations, as they stand for identities of one endpoint in one check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bqsim.record.symbols import Symbol, parsed, rendered
from bqsim.sim.draws import Draws

# Identities that may be any each time that they are seen.
_FREE = frozenset({"time", "measure", "page", "etag", "number", "host", "generation"})
# What the text of a symbol may be, where other text stands around it.
_PATTERNS = {"time": r"[^\"]+?", "measure": r"[^\"]+?", "page": r".*?", "host": r"\w+://[^/\s]+"}
_ANY = r"[^\s/'\"]+?"


class Unbound(LookupError):
    """A request needs an identity that no answer of this endpoint has told."""


class Bound:
    """The identities of one endpoint: fresh ones of requests, and those that its answers told."""

    def __init__(self, project: str, names: Mapping[str, str], draws: Draws) -> None:
        self.project, self.names, self._draws = project, names, draws
        self._values: dict[tuple[str, str, str], str] = {}

    def bind(self, symbol: Symbol, operation: str, value: str) -> None:
        """``symbol``, in ``operation``, is ``value`` from now on."""
        self._values[self._key(symbol, operation)] = value

    def value(self, symbol: Symbol, operation: str) -> str | None:
        """What ``symbol`` in ``operation`` is; None when nothing told so far."""
        if symbol.kind == "project":
            return self.project
        if symbol.kind == "name":
            return self.names.get(symbol.which)
        return self._values.get(self._key(symbol, operation))

    def rendered(self, value: Any, operation: str) -> Any:
        """A request's JSON with identities for symbols. :class:`Unbound` when one is not known."""

        def found(symbol: Symbol) -> str:
            known = self.value(symbol, operation)
            if known is None and symbol.kind in ("random", "request", "insert", "job"):
                known = self.fresh(symbol, operation)
            if known is None:
                raise Unbound(f"{symbol} is not known at this endpoint")
            return known

        return rendered(value, found)

    def fresh(self, symbol: Symbol, operation: str) -> str:
        """A new identity for ``symbol``, bound."""
        value = self._draws.hex_id(f"contract {symbol.kind}", 20)
        self.bind(symbol, operation, value)
        return value

    def matches(self, text: str, found: Any, operation: str) -> bool:
        """Whether a recorded ``text`` and what was ``found`` are the same, identities apart; those that were
        not known are bound to what was found."""
        parts = parsed(text)
        symbols = [part for part in parts if isinstance(part, Symbol)]
        if len(parts) == 1 and symbols and symbols[0].kind in ("time", "measure"):
            return found is not None
        if not symbols:
            return bool("".join(map(str, parts)) == found)
        if not isinstance(found, str):
            return False
        pattern = "".join(
            re.escape(part) if isinstance(part, str) else f"({self._pattern(part, operation)})"
            for part in parts
        )
        match = re.fullmatch(pattern, found, re.DOTALL)
        if match is None:
            return False
        for symbol, value in zip(symbols, match.groups(), strict=True):
            if symbol.kind not in ("time", "measure", "project", "name"):
                self.bind(symbol, operation, value)
        return True

    def _pattern(self, symbol: Symbol, operation: str) -> str:
        known = None if symbol.kind in _FREE else self.value(symbol, operation)
        return re.escape(known) if known is not None else _PATTERNS.get(symbol.kind, _ANY)

    @staticmethod
    def _key(symbol: Symbol, operation: str) -> tuple[str, str, str]:
        return symbol.kind, symbol.which, symbol.of or operation
