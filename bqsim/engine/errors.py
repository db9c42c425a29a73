"""The engine's failures, worded as BigQuery words them.

Engine SQL that must fail with a given text calls ``error('bq:<text>')``, and kernels raise
``BigQueryError``; both arrive here as engine exceptions with the mark ``bq:``. The engine's own failures
are recognised by their class and first words (:data:`RULES`). What is on no rule is a defect of bqsim: the
user gets an id, the log gets the rest.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from bqsim.errors import BigQueryError, Internal, invalid_query
from bqsim.sim.draws import Draws

from .protocol import Interrupted

log = logging.getLogger(__name__)

# Marks a text for the user inside an engine exception.
MARK = "bq:"

_ids = Draws()


@dataclass(frozen=True, slots=True)
class Rule:
    """``pattern`` is searched in the engine's text; ``make`` words the failure from the match."""

    pattern: re.Pattern[str]
    make: Callable[[re.Match[str]], BigQueryError]


def _rule(pattern: str, make: Callable[[re.Match[str]], BigQueryError]) -> Rule:
    return Rule(re.compile(pattern, re.DOTALL | re.IGNORECASE), make)


_OPERATORS = {"addition": "+", "subtraction": "-", "multiplication": "*"}
_TYPES = {
    "BOOLEAN": "bool",
    "BIGINT": "int64",
    "INT64": "int64",
    "HUGEINT": "int64",
    "INT128": "int64",
    "DOUBLE": "double",
    "FLOAT": "double",
    "VARCHAR": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIME": "time",
}


def _overflow(match: re.Match[str]) -> BigQueryError:
    kind = "numeric" if match[2].upper().startswith("DEC") else "int64"
    return invalid_query(f"{kind} overflow: {match[3]} {_OPERATORS[match[1].lower()]} {match[4]}")


def _engine_type(name: str) -> str:
    return "numeric" if name.upper().startswith("DEC") else _TYPES.get(name.upper(), name.lower())


def _cast(match: re.Match[str]) -> BigQueryError:
    return invalid_query(f"Bad {_engine_type(match[2])} value: {match[1]}")


def _resources(_: re.Match[str]) -> BigQueryError:
    text = (
        "Resources exceeded during query execution: The query could not be executed in the allotted memory. "
        "Peak usage: 100% of limit."
    )
    return BigQueryError("resourcesExceeded", text, location="query")


def _says(text: str) -> Callable[[re.Match[str]], BigQueryError]:
    return lambda _: invalid_query(text)


RULES: tuple[Rule, ...] = (
    _rule(
        r"overflow in (addition|subtraction|multiplication) of (\w+)[^(]*\((-?[\d.]+) \S+ (-?[\d.]+)\)",
        _overflow,
    ),
    _rule(r"overflow in (?:addition|subtraction|multiplication) of DECIMAL", _says("numeric overflow")),
    _rule(
        r"overflow in (?:addition|subtraction|multiplication) of (?:date|timestamp|time|interval)",
        _says("Date/time arithmetic overflow"),
    ),
    _rule(r"overflow in negation", _says("int64 overflow: -(-9223372036854775808)")),
    _rule(r"overflow on abs\(-9223372036854775808\)", _says("int64 overflow: ABS(-9223372036854775808)")),
    _rule(r"division by zero", _says("division by zero")),
    _rule(
        r"sum is out of range|out of range of (?:int64|hugeint|int128)|overflow in hugeint",
        _says("int64 overflow"),
    ),
    _rule(
        r"could not (?:cast|convert) (?:value|string) (?:of type )?'?([^']*?)'? (?:with value .*? )?to (\w+)",
        _cast,
    ),
    _rule(
        r"type \w+ with value (\S+) can't be cast .*?destination type (\w+)",
        lambda m: invalid_query(f"{_engine_type(m[2])} out of range: {m[1]}"),
    ),
    _rule(
        r"casting value \"?([^\"]+?)\"? to type (\w+).*? failed: value is out of range",
        lambda m: invalid_query(f"{_engine_type(m[2])} out of range: {m[1]}"),
    ),
    _rule(
        r"more than one row returned by a subquery", _says("Scalar subquery produced more than one element")
    ),
    _rule(r"is too long|string value is too (?:big|large)", _says("String is too long")),
    _rule(
        r"max_expression_depth|recursion limit",
        lambda _: BigQueryError(
            "resourcesExceeded",
            "Resources exceeded during query execution: Not enough resources for query planning - "
            "too many subqueries or query is too complex.",
            location="query",
        ),
    ),
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
    if isinstance(error, Interrupted):
        return BigQueryError("stopped", "Job execution was cancelled: User requested cancellation")
    text = str(error)
    name = type(error).__name__
    if name != "Internal" and MARK in text:
        return invalid_query(text[text.index(MARK) + len(MARK) :])
    if name in _OUT_OF_MEMORY:
        return _resources(_ANY)
    if name in _VALUE_FAILURES or name == "ArrowInvalid":
        for rule in RULES:
            match = rule.pattern.search(text)
            if match:
                return rule.make(match)
    return internal(error)


_ANY: re.Match[str] = re.match("", "")  # type: ignore[assignment]


def internal(error: BaseException) -> BigQueryError:
    """Log a defect with a fresh id, and give the user only the id."""
    error_id = _ids.hex_id("internal error", 16)
    cause = error.__cause__ if isinstance(error, Internal) and error.__cause__ else error
    log.error("internal error %s: %s", error_id, error, exc_info=cause)
    return BigQueryError(
        "internalError",
        f"An internal error occurred and the request could not be completed. Error: {error_id}",
    )
