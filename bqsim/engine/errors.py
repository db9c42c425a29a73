"""The engine's failures, worded as BigQuery words them.

Engine SQL that must fail with a given text calls ``error('bq:<text>')``, and kernels raise
``BigQueryError``; both arrive here as engine exceptions with the mark ``bq:``. The engine's own failures
are recognised by their class and first words (:data:`RULES`). What is on no rule is a defect of bqsim: the
user gets an id, the log gets the rest.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from bqsim.errors import BigQueryError, Internal, invalid_query

from .protocol import Interrupted

log = logging.getLogger(__name__)

_EXCEEDED = "Resources exceeded during query execution"
# Marks a text for the user inside an engine exception.
MARK = "bq:"
_MARKED = re.compile(
    rf"Invalid Input Error: (?:Python exception occurred while executing the UDF: \w+: )?{MARK}", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Rule:
    """``pattern`` is searched in the engine's text; ``make`` words the failure from the match."""

    pattern: re.Pattern[str]
    make: Callable[[re.Match[str]], BigQueryError]


def _rule(pattern: str, make: Callable[[re.Match[str]], BigQueryError]) -> Rule:
    return Rule(re.compile(pattern, re.DOTALL | re.IGNORECASE), make)


_OPERATORS = {"addition": "+", "subtraction": "-", "multiplication": "*"}
# What GoogleSQL says of a text that is not a value of the type with this engine name.
_BAD_TEXTS = {
    "INT64": "Bad int64 value: {}",
    "DOUBLE": "Bad double value: {}",
    "BOOL": "Bad bool value: {}",
    "DECIMAL": "Invalid NUMERIC value: {}",
    "DATE": "Invalid date: '{}'",
    "TIMESTAMP": "Invalid timestamp: '{}'",
    "TIME": 'Invalid time string "{}"',
}
_NAMES = {"INT64": "int64", "INT128": "int64", "INT32": "int32", "DOUBLE": "double", "DECIMAL": "numeric"}


def _overflow(match: re.Match[str]) -> BigQueryError:
    """Operands of a DECIMAL come without their scale, so they are not told."""
    if match[2].upper() == "DECIMAL":
        return invalid_query("numeric overflow")
    return invalid_query(f"int64 overflow: {match[3]} {_OPERATORS[match[1].lower()]} {match[4]}")


def _bad_text(match: re.Match[str]) -> BigQueryError:
    return invalid_query(_BAD_TEXTS.get(match[2].upper(), "Bad value: {}").format(match[1]))


def _bad_field(match: re.Match[str]) -> BigQueryError:
    return invalid_query(_BAD_TEXTS[match[1].upper()].format(match[2]))


def _out_of_range(match: re.Match[str]) -> BigQueryError:
    kind = _NAMES.get(match[2].upper(), match[2].lower())
    if kind == "int64" and match[1].lstrip("-").isdigit():
        return invalid_query("int64 overflow")
    return invalid_query(f"{kind} out of range: {match[1]}")


def _resources() -> BigQueryError:
    text = (
        "Resources exceeded during query execution: The query could not be executed in the allotted memory. "
        "Peak usage: 100% of limit."
    )
    return BigQueryError("resourcesExceeded", text, location="query")


def _too_complex(_: re.Match[str]) -> BigQueryError:
    text = (
        "Resources exceeded during query execution: Not enough resources for query planning - "
        "too many subqueries or query is too complex."
    )
    return BigQueryError("resourcesExceeded", text, location="query")


def _says(text: str) -> Callable[[re.Match[str]], BigQueryError]:
    return lambda _: invalid_query(text)


RULES: tuple[Rule, ...] = (
    _rule(
        r"overflow in (addition|subtraction|multiplication) of (\w+)(?:\(\d+\))? \((-?\d+) \S (-?\d+)\)",
        _overflow,
    ),
    _rule(r"overflow in \w+ of DECIMAL|overflow in hugeint", _says("numeric overflow")),
    _rule(r"overflow in negation", _says("int64 overflow: -(-9223372036854775808)")),
    _rule(r"overflow on abs\(-9223372036854775808\)", _says("int64 overflow: ABS(-9223372036854775808)")),
    _rule(r"sum is out of range|out of range of (?:int64|hugeint|int128)", _says("int64 overflow")),
    _rule(
        r"division by zero in expression \((-?\d+) (?:/|//) 0\)",
        lambda m: invalid_query(f"division by zero: {m[1]} / 0"),
    ),
    _rule(r"division by zero", _says("division by zero")),
    _rule(r"type \w+ with value (\S+) can't be cast .*?destination type (\w+)", _out_of_range),
    _rule(r"could not cast value (\S+?)(?:\.0+)? to (DECIMAL)", _out_of_range),
    _rule(r"could not convert string ['\"](.*?)['\"] to (\w+)", _bad_text),
    _rule(r"invalid (date|timestamp) field format: \"(.*?)\"", _bad_field),
    _rule(r"(date|timestamp|time) field value out of range: \"(.*?)\"", _bad_field),
    _rule(
        r"date and time not in timestamp range|(?:date|timestamp|interval)[^:]* out of range|"
        r"overflow in \w+ of (?:date|timestamp|time|interval)",
        _says("Date, time or interval is out of range"),
    ),
    _rule(
        r"more than one row returned by a subquery", _says("Scalar subquery produced more than one element")
    ),
    _rule(
        r"cannot create a string of size|string value is too (?:big|large)",
        _says("Output of a string function exceeds the maximum allowed size"),
    ),
    _rule(
        r"^Invalid Input Error: ((?:missing (?:closing )?[\])]|unexpected \)|trailing \\|"
        r"bad repetition operator|no argument for repetition operator|invalid (?:escape sequence|"
        r"character class|perl operator|named capture group|repetition size|UTF-8)).*)",
        lambda m: invalid_query(f"Cannot parse regular expression: {m[1]}"),
    ),
    _rule(r"max_expression_depth|recursion limit|max expression depth", _too_complex),
)

_OUT_OF_MEMORY = frozenset({"OutOfMemoryException", "MemoryError"})
# Rules speak only for failures of values; a failure to bind or parse engine SQL is a defect of the lowering.
_VALUE_FAILURES = frozenset(
    {
        "OutOfRangeException",
        "ConversionException",
        "InvalidInputException",
        "TypeMismatchException",
        "DataError",
    }
)


def map_error(error: BaseException) -> BigQueryError:
    """The user's view of any exception: itself when it already is one."""
    if isinstance(error, BigQueryError):
        return error
    if isinstance(error, Interrupted | InterruptedError):
        return BigQueryError("stopped", "Job execution was cancelled: User requested cancellation")
    text = str(error)
    name = type(error).__name__
    marked = _MARKED.match(text)
    if marked:
        return _worded(text[marked.end() :])
    if name in _OUT_OF_MEMORY:
        return _resources()
    if name == "TransactionException" and "conflict" in text.lower():
        return invalid_query("Could not serialize access due to concurrent update")
    if name in _VALUE_FAILURES or name == "ArrowInvalid":
        for rule in RULES:
            match = rule.pattern.search(text)
            if match:
                return rule.make(match)
    return internal(error)


def _worded(text: str) -> BigQueryError:
    """The failure that a text for the user tells of."""
    if text.startswith(_EXCEEDED):
        return BigQueryError("resourcesExceeded", text, location="query")
    return invalid_query(text)


def internal(error: BaseException) -> BigQueryError:
    """Log a defect with an id that follows from its text, and give the user only the id."""
    error_id = hashlib.blake2b(f"{type(error).__name__}: {error}".encode(), digest_size=8).hexdigest()
    cause = error.__cause__ if isinstance(error, Internal) and error.__cause__ else error
    log.error("internal error %s: %s", error_id, error, exc_info=cause)
    return BigQueryError(
        "internalError",
        f"An internal error occurred and the request could not be completed. Error: {error_id}",
    )
