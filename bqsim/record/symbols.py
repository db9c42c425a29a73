"""Symbols: what stands in cassettes for identities that every run makes anew.

A symbol is ``${kind}``, ``${kind:n}`` for the n-th (from 2) of its kind in an operation, and either with
``@<key>.<occurrence>`` when another operation made it: ``${job@4f1c0a22b3d4e5f6.1}``. A ``${`` of
the text itself is written ``${$}{``. ``${project}``, ``${host}``, hidden datasets and names given by the user
are of the whole cassette.

Times and measures are told apart by where they stood: ``${time:job.statistics.startTime.ms}``; their values
are in the operation's measures. What ends a time is its form: ``s``, ``ms``, ``us``, ``ns`` since the epoch;
``iso``, ``iso3``, ``iso6`` for RFC 3339 with so many digits of the second; ``http``. Values of times are
seconds since the operation began. A symbol that ends in ``.json`` stands alone in its text, for JSON that is
no text: a number, a list.

``${job}`` is the job of an operation, ``${job:2}`` and further are those that a script started;
``${stream}``, ``${stream:2}`` … are the streams of a session in their order. An etag stands for itself in
every result; requests name the operation that told it first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# What a symbol may stand for.
KINDS: Mapping[str, str] = {
    "project": "the project of the calls",
    "number": "a project's number",
    "name": "a name that the user has chosen to be one: datasets, buckets, accounts",
    "job": "a job's id, also where it is part of others",
    "request": "a request id",
    "page": "a page token",
    "upload": "an upload's id",
    "session": "a read session's id",
    "stream": "a read or write stream's id",
    "sqlsession": "a session of SQL",
    "table": "an anonymous table, or one that the service named",
    "dataset": "a hidden dataset",
    "etag": "an etag",
    "generation": "a generation or metageneration of an object",
    "time": "a time that the service told",
    "measure": "a figure that differs from run to run",
    "insert": "an insert id",
    "random": "a name that the application makes anew for every run",
    "host": "the address of the service",
}

# What symbols end in that stand for JSON which is no text.
JSON_VALUE = ".json"

_SYMBOL = re.compile(r"\$\{(" + "|".join(KINDS) + r")(?::([A-Za-z0-9_.\-]+))?(?:@([0-9a-f]{16}\.\d+))?\}")
_DOLLAR = "${$}"
_ANY = re.compile(re.escape(_DOLLAR) + "|" + _SYMBOL.pattern)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol: its ``kind``, its ``which`` ('' for the first) and ``of``, the operation that made it ('' for
    the one that it is in)."""

    kind: str
    which: str = ""
    of: str = ""

    def __str__(self) -> str:
        which = f":{self.which}" if self.which else ""
        return "${" + self.kind + which + (f"@{self.of}" if self.of else "") + "}"


def escaped(text: str) -> str:
    """``text`` as it is written between symbols."""
    return text.replace("${", _DOLLAR + "{")


@lru_cache(maxsize=65536)
def parsed(text: str) -> tuple[str | Symbol, ...]:
    """Text and symbols in turn; ``${$}`` is read as ``$``."""
    parts: list[str | Symbol] = []
    at, plain = 0, ""
    for found in _ANY.finditer(text):
        plain += text[at : found.start()]
        at = found.end()
        if found.group() == _DOLLAR:
            plain += "$"
            continue
        if plain:
            parts.append(plain)
            plain = ""
        parts.append(Symbol(found[1], found[2] or "", found[3] or ""))
    plain += text[at:]
    if plain:
        parts.append(plain)
    return tuple(parts)


def rendered(value: Any, bind: Callable[[Symbol], Any]) -> Any:
    """``value`` (JSON) with what ``bind`` has for each symbol in its texts and keys: a text, or for a symbol
    that ends in ``.json`` and stands alone what it stands for."""
    if isinstance(value, str):
        if "${" not in value:
            return value
        parts = parsed(value)
        if len(parts) == 1 and isinstance(parts[0], Symbol) and parts[0].which.endswith(JSON_VALUE):
            return bind(parts[0])
        return "".join(part if isinstance(part, str) else bind(part) for part in parts)
    if isinstance(value, dict):
        return {rendered(name, bind): rendered(item, bind) for name, item in value.items()}
    if isinstance(value, list):
        return [rendered(item, bind) for item in value]
    return value


def symbols_of(value: Any) -> set[Symbol]:
    """All symbols in the texts of ``value``."""
    found: set[Symbol] = set()

    def keep(symbol: Symbol) -> str:
        found.add(symbol)
        return ""

    rendered(value, keep)
    return found
