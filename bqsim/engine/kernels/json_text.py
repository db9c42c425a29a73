"""JSON texts: reading, writing and paths, as BigQuery's STRING and JSON functions have them.

A document is ``None``, ``True``, ``False``, a ``str``, a :class:`Number` (which keeps its text), a
``list``, or an
:class:`Object` (pairs in their order; keys may repeat, the first one counts).
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from json import encoder
from typing import Any, NoReturn

from bqsim.errors import invalid_query

_INT64 = range(-(1 << 63), 1 << 63)
_UINT64 = range(1 << 64)
_quote: Any = encoder.encode_basestring


class Number(str):
    """A JSON number, as its text."""

    __slots__ = ()


class Object(list[tuple[str, Any]]):
    """A JSON object's pairs."""

    __slots__ = ()

    def find(self, key: str) -> Any:
        """The value of the first pair with ``key``, ``MISSING`` when there is none."""
        for name, value in self:
            if name == key:
                return value
        return MISSING


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


_reader = json.JSONDecoder(
    object_pairs_hook=Object, parse_float=Number, parse_int=Number, parse_constant=_no_constant, strict=False
)
_strict_reader = json.JSONDecoder(
    object_pairs_hook=Object, parse_float=Number, parse_int=Number, parse_constant=_no_constant
)


def read(text: str) -> Any:
    """The document of a canonical JSON value."""
    return _reader.decode(text)


def quote(text: str) -> str:
    """A JSON string as a JSON value shows it."""
    return str(_quote(text))


def quote_text(text: str) -> str:
    """A JSON string as functions on STRING show it: the line separators are escaped too."""
    return quote(text).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def write(document: Any, string: Any = quote) -> str:
    """The text without spaces, pairs in their order."""
    if isinstance(document, Number):
        return str(document)
    if isinstance(document, str):
        return str(string(document))
    if isinstance(document, Object):
        return "{" + ",".join([f"{string(k)}:{write(v, string)}" for k, v in document]) + "}"
    if isinstance(document, list):
        return "[" + ",".join([write(v, string) for v in document]) + "]"
    return _CONSTANTS[document]


_CONSTANTS = {None: "null", True: "true", False: "false"}


def canonical(document: Any) -> Any:
    """A document with sorted keys, the first of equal ones kept."""
    if isinstance(document, Object):
        first: dict[str, Any] = {}
        for key, value in document:
            first.setdefault(key, value)
        return Object((k, canonical(first[k])) for k in sorted(first, key=str.encode))
    if isinstance(document, list):
        return [canonical(v) for v in document]
    return document


def double_text(value: float) -> str:
    """A finite FLOAT64 as a JSON value shows it: at least one fraction digit, exponents outside 1e-4 to
    1e15."""
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len((whole + fraction).lstrip("0")))
    digits = digits.rstrip("0")
    if not digits:
        return sign + "0.0"
    if len(digits) <= point <= 15:
        return sign + digits + "0" * (point - len(digits)) + ".0"
    if 0 < point <= 15:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -4 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    shown = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    return f"{sign}{shown}e{'-' if point < 1 else '+'}{abs(point - 1):02d}"


# Parsing to a JSON value.


def parse(text: str, exact: bool) -> str:
    """The canonical text of a JSON value; with ``exact``, a number that FLOAT64 cannot hold fails."""
    try:
        document = _strict_reader.decode(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(_why(text, error)) from None
    if "\\u" in text:
        _check_surrogates(document, text)
    return write(_numbers(canonical(document), exact))


def _invalid(why: str) -> Exception:
    return invalid_query(f"Invalid input to PARSE_JSON: {why}")


def _why(text: str, error: Exception) -> str:
    if not text.strip(" \t\r\n"):
        return (
            "attempting to parse an empty input; "
            "check that your input string or stream contains the expected JSON"
        )
    at = getattr(error, "pos", len(text))
    if at >= len(text.rstrip(" \t\r\n")):
        expected = "object key - unexpected end of input; expected string literal"
        if not text.rstrip(" \t\r\n").endswith(("{", ",")) or text.lstrip().startswith("["):
            expected = "value - unexpected end of input; expected '[', '{', or a literal"
        return f"syntax error while parsing {expected}"
    return f"syntax error while parsing value - invalid literal; last read: '{text[: at + 1]}'"


def _check_surrogates(document: Any, text: str) -> None:
    try:
        write(document).encode()
    except UnicodeEncodeError:
        raise _invalid(
            "syntax error while parsing value - invalid string: surrogate U+D800..U+DBFF must be followed by "
            f"U+DC00..U+DFFF; last read: '{text}'"
        ) from None


def _numbers(document: Any, exact: bool) -> Any:
    if isinstance(document, Number):
        return number(document, exact)
    if isinstance(document, Object):
        return Object((k, _numbers(v, exact)) for k, v in document)
    if isinstance(document, list):
        return [_numbers(v, exact) for v in document]
    return document


def number(text: str, exact: bool) -> Number:
    """The number that a JSON value keeps: a 64-bit integer, or a FLOAT64."""
    from decimal import Decimal

    if text.lstrip("-").isdigit():
        value = int(text)
        if value in _INT64 or value in _UINT64:
            return Number(value)
    double = float(text)
    if double in (float("inf"), float("-inf")):
        raise _invalid(f"number overflow parsing '{text}'")
    shown = double_text(double)
    if exact and Decimal(text) != Decimal(shown):
        raise _invalid(f"Input number: {text} cannot round-trip through string representation")
    return Number(shown)


# Paths.

_STANDARD = re.compile(
    r'\.(?P<name>[^.\[\]"\'*]+)|\[\s*(?P<index>-?\d+)\s*\]|\."(?P<quoted>(?:\\.|[^"\\])*)"'
)
_LEGACY = re.compile(
    r"\.(?P<name>[^.\[\]\"'*]+)|\[\s*(?P<index>[^.\[\]\"'*]+?)\s*\]|\['(?P<quoted>(?:\\.|[^'\\])*)'\]"
)
_UNSUPPORTED = re.compile(r"(\.\.)|\.(\*)|\[\s*(\*)\s*\]|\.?(@)")


@lru_cache(maxsize=4096)
def path(text: str, legacy: bool = False) -> tuple[str, ...]:
    """The keys and indexes of a path; legacy paths write ``['key']`` where the others write ``."key"``."""
    if not text.startswith("$"):
        raise invalid_query("JSONPath must start with '$'")
    tokens: list[str] = []
    at = 1
    form = _LEGACY if legacy else _STANDARD
    while at < len(text):
        match = form.match(text, at)
        if match is None:
            if legacy and text[at:] == ".":
                break
            unsupported = _UNSUPPORTED.match(text, at)
            if unsupported is not None:
                raise invalid_query(
                    f"Unsupported operator in JSONPath: {unsupported[unsupported.lastindex or 0]}"
                )
            raise invalid_query(f"Invalid token in JSONPath at: {text[at:]}")
        quoted = match["quoted"]
        if quoted is not None:
            tokens.append(re.sub(r"\\(.)", r"\1", quoted))
        else:
            tokens.append(match["name"] if match["name"] is not None else match["index"])
        at = match.end()
    return tuple(tokens)


def child(document: Any, token: str) -> Any:
    """The member or element that a path token names."""
    if isinstance(document, Object):
        return document.find(token)
    if isinstance(document, list) and token.isdigit() and int(token) < len(document):
        return document[int(token)]
    return MISSING


def at_path(document: Any, tokens: tuple[str, ...]) -> Any:
    for token in tokens:
        document = child(document, token)
        if document is MISSING:
            return MISSING
    return document


# STRING input: read leniently, and only as far as needed.


def extract(text: str, tokens: tuple[str, ...]) -> Any:
    """The document at a path of a JSON-formatted STRING, ``MISSING`` when it is not there or not readable."""
    if "\\u" not in text:
        try:
            document = _reader.decode(text)
        except (ValueError, RecursionError):
            document = MISSING
        if document is not MISSING:
            found = at_path(document, tokens)
            if found is not MISSING:
                return found
    try:
        _Lenient(text).value(tokens)
    except _Found as found_it:
        return found_it.document
    except (_Unreadable, IndexError, RecursionError):
        return MISSING
    return MISSING


class _Found(Exception):
    def __init__(self, document: Any) -> None:
        self.document = document


class _Unreadable(Exception):
    pass


_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class _Lenient:
    """A reader that takes quotes of both kinds and empty places in lists, and stops at the wanted
    document."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return self.text[self.at]

    def value(self, tokens: tuple[str, ...] | None) -> Any:
        """Read one value; raises :class:`_Found` when the path ``tokens`` ends in it (None: no path leads
        here)."""
        start = self.peek()
        document: Any
        if start == "{":
            document = self.object(tokens)
        elif start == "[":
            document = self.array(tokens)
        elif start in "\"'":
            document = self.string()
        else:
            document = self.scalar()
        if tokens == ():
            raise _Found(document)
        return document

    def object(self, tokens: tuple[str, ...] | None) -> Object:
        pairs = Object()
        self.at += 1
        while self.peek() != "}":
            if self.text[self.at] not in "\"'":
                raise _Unreadable
            key = self.string()
            if self.peek() != ":":
                raise _Unreadable
            self.at += 1
            pairs.append((key, self.value(tokens[1:] if tokens and tokens[0] == key else None)))
            if self.peek() == ",":
                self.at += 1
            elif self.text[self.at] != "}":
                raise _Unreadable
        self.at += 1
        return pairs

    def array(self, tokens: tuple[str, ...] | None) -> list[Any]:
        items: list[Any] = []
        self.at += 1
        while self.peek() != "]":
            if self.text[self.at] == ",":
                items.append(None)
            else:
                items.append(self.value(tokens[1:] if tokens and tokens[0] == str(len(items)) else None))
            if self.peek() == ",":
                self.at += 1
            elif self.text[self.at] != "]":
                raise _Unreadable
        self.at += 1
        return items

    def string(self) -> str:
        mark = self.text[self.at]
        self.at += 1
        parts: list[str] = []
        while self.text[self.at] != mark:
            letter = self.text[self.at]
            self.at += 1
            if letter != "\\":
                parts.append(letter)
                continue
            letter = self.text[self.at]
            self.at += 1
            if letter == "u":
                code = self.text[self.at : self.at + 4]
                if not re.fullmatch(r"[0-9a-fA-F]{4}", code):
                    raise _Unreadable
                self.at += 4
                point = int(code, 16)
                parts.append("\ufffd" if 0xD800 <= point < 0xE000 else chr(point))
            else:
                parts.append(_ESCAPES.get(letter, letter))
        self.at += 1
        return "".join(parts)

    def scalar(self) -> Any:
        for word, value in (("null", None), ("true", True), ("false", False)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            raise _Unreadable
        self.at = match.end()
        return Number(match[0])
