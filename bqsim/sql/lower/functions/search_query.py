"""Search queries and text analyzers: how their texts are read (pages *Search functions*, *Text analysis*)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bqsim.errors import BigQueryError, invalid_query

LOG, NO_OP, PATTERN = "LOG_ANALYZER", "NO_OP_ANALYZER", "PATTERN_ANALYZER"
DELIMITERS = (
    *"[]<>(){}|!;,'\"*&?+/:=@.-$%\\_\n\r \t",
    *[
        "%21",
        "%26",
        "%2526",
        "%3B",
        "%3b",
        "%7C",
        "%7c",
        "%20",
        "%2B",
        "%2b",
        "%3D",
        "%3d",
        "%2520",
        "%5D",
        "%5d",
        "%5B",
        "%5b",
        "%3A",
        "%3a",
        "%0A",
        "%0a",
    ],
    *["%2C", "%2c", "%28", "%29"],
)
DEFAULT_PATTERN = r"\b\w{2,}\b"
MAX_DELIMITER = 16
_RESERVED = frozenset("[]<>(){}|!'\"*&?+/:=-\\~^")
_RESERVED_WORDS = frozenset({"NOT", "IN", "NEAR"})
_MODES = ("NONE", "LOWER", "UNICODE_LOWER", "ICU_NORMALIZE")
_FORMS = ("NFC", "NFKC", "NFD", "NFKD")


@dataclass(frozen=True, slots=True)
class Filter:
    """A token filter: a normalization ``mode`` (with its ``form`` and ``folds``), or the ``stop_words``."""

    mode: str = "NONE"
    form: str = "NFKC"
    folds: bool = True
    stop_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Analyzer:
    """A text analyzer with its options. ``delimiters`` are those of LOG_ANALYZER, the longest first."""

    name: str = LOG
    delimiters: tuple[str, ...] = ()
    pattern: str = DEFAULT_PATTERN
    filters: tuple[Filter, ...] = (Filter("LOWER"),)


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a search query: of one ``kind`` (SINGLE, PHRASE or EXACT)."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Logic:
    """AND or OR of parts."""

    operator: str
    parts: tuple[Any, ...]


def analyzer_of(name: str | None, options: str | None, function: str) -> Analyzer:
    """The analyzer of the arguments of a function or of the options of an index."""
    name = LOG if name is None else name
    if name not in (LOG, NO_OP, PATTERN):
        raise invalid_query(f"Invalid analyzer '{name}' in {function}")
    given = {} if options is None else _options(options, function)
    allowed = {LOG: {"delimiters", "token_filters"}, PATTERN: {"patterns", "token_filters"}, NO_OP: set()}[
        name
    ]
    for key in given:
        if key not in allowed:
            raise _bad(function, f"option '{key}' is not supported by {name}")
    if name == NO_OP:
        return Analyzer(NO_OP, filters=())
    delimiters = _texts(given.get("delimiters", list(DELIMITERS)), "delimiters", function)
    for delimiter in delimiters:
        if not delimiter or len(delimiter) > MAX_DELIMITER or not delimiter.isascii():
            raise _bad(function, "delimiters must be ASCII strings of 1 to 16 characters")
    patterns = _texts(given.get("patterns", [DEFAULT_PATTERN]), "patterns", function)
    if len(patterns) != 1:
        raise _bad(function, "patterns must contain exactly one regular expression")
    filters = given.get("token_filters")
    return Analyzer(
        name,
        tuple(sorted(set(delimiters), key=lambda d: (-len(d), d))),
        patterns[0],
        (Filter("LOWER"),) if filters is None else _filters(filters, function),
    )


def _options(text: str, function: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _bad(function, "it is not a JSON object")
    return found


def _bad(function: str, why: str) -> BigQueryError:
    return invalid_query(f"Invalid analyzer_options in {function}: {why}")


def _texts(value: Any, name: str, function: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise _bad(function, f"{name} must be a non-empty array of strings")
    return value


def _filters(value: Any, function: str) -> tuple[Filter, ...]:
    if not isinstance(value, list):
        raise _bad(function, "token_filters must be an array of objects")
    return tuple(_filter(one, function) for one in value)


def _filter(value: Any, function: str) -> Filter:
    if not isinstance(value, dict) or len(value) != 1:
        raise _bad(function, "a token filter must be an object with either 'normalizer' or 'stop_words'")
    [(kind, body)] = value.items()
    if kind == "stop_words":
        return Filter(stop_words=tuple(_texts(body, "stop_words", function)))
    if kind != "normalizer" or not isinstance(body, dict):
        raise _bad(function, f"unknown token filter '{kind}'")
    unknown = set(body) - {"mode", "icu_normalize_mode", "icu_case_folding"}
    mode = body.get("mode", "NONE")
    form = body.get("icu_normalize_mode", "NFKC")
    folds = body.get("icu_case_folding", True)
    if unknown or mode not in _MODES or form not in _FORMS or not isinstance(folds, bool):
        raise _bad(function, "invalid normalizer")
    if mode != "ICU_NORMALIZE" and len(body) > 1:
        raise _bad(function, "icu_normalize_mode and icu_case_folding require the mode ICU_NORMALIZE")
    return Filter(mode, form, folds)


# Search queries


def parse_query(query: str) -> Term | Logic | None:
    """The terms of a search query with the logic between them; None without any."""
    words = _words(query)
    reader = _Reader(words)
    found = reader.either()
    if reader.at < len(words):
        raise _syntax("unbalanced parentheses")
    return found


def _syntax(why: str) -> BigQueryError:
    return invalid_query(f"Invalid search query of SEARCH: {why}")


def _words(query: str) -> list[Term | str]:
    """Terms, brackets and operators."""
    found: list[Term | str] = []
    at = 0
    while at < len(query):
        char = query[at]
        if char.isspace():
            at += 1
        elif char in "()":
            found.append(char)
            at += 1
        elif char in '`"':
            text, at = _quoted(query, at, char)
            found.append(Term("EXACT" if char == "`" else "PHRASE", text))
        else:
            text, at, escaped = _single(query, at)
            if text in ("AND", "OR") and not escaped:
                found.append(text)
            elif text in _RESERVED_WORDS and not escaped:
                raise _syntax(f"the reserved word {text} must be enclosed in backticks")
            else:
                found.append(Term("SINGLE", text))
    return found


def _quoted(query: str, at: int, quote: str) -> tuple[str, int]:
    text = ""
    at += 1
    while at < len(query):
        if query[at] == "\\" and query[at + 1 : at + 2] == quote:
            text += quote
            at += 2
        elif query[at] == quote:
            return text, at + 1
        else:
            text += query[at]
            at += 1
    raise _syntax(f"unclosed {quote}")


def _single(query: str, at: int) -> tuple[str, int, bool]:
    text, escaped = "", False
    while at < len(query) and not query[at].isspace() and query[at] not in "()":
        char = query[at]
        if char == "\\" and query[at + 1 : at + 2] in _RESERVED | {"`"} and at + 1 < len(query):
            text += query[at + 1]
            escaped = True
            at += 2
            continue
        if char in _RESERVED:
            raise _syntax(f"the reserved character {char} must be escaped by a backslash")
        if char == "`":
            break
        text += char
        at += 1
    return text, at, escaped


class _Reader:
    """OR binds weaker than AND and white space."""

    def __init__(self, words: list[Term | str]) -> None:
        self._words = words
        self.at = 0

    def _next(self) -> Term | str | None:
        return self._words[self.at] if self.at < len(self._words) else None

    def either(self) -> Term | Logic | None:
        parts = [self.all()]
        while self._next() == "OR":
            self.at += 1
            parts.append(self.all())
        if len(parts) > 1 and None in parts:
            raise _syntax("OR needs an expression on both sides")
        return parts[0] if len(parts) == 1 else Logic("OR", tuple(parts))

    def all(self) -> Term | Logic | None:
        parts: list[Any] = []
        while (word := self._next()) is not None and word not in (")", "OR"):
            if word == "AND":
                self.at += 1
                if not parts or self._next() in (None, ")", "AND", "OR"):
                    raise _syntax("AND needs an expression on both sides")
            elif word == "(":
                self.at += 1
                inner = self.either()
                if self._next() != ")":
                    raise _syntax("unbalanced parentheses")
                self.at += 1
                if inner is not None:
                    parts.append(inner)
            else:
                self.at += 1
                parts.append(word)
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else Logic("AND", tuple(parts))
