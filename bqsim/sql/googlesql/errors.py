"""GoogleSQL's error texts, worded as BigQuery words them."""

from __future__ import annotations

import re

from bqsim.errors import BigQueryError, invalid_query, unsupported

from .builtins import GROUP, REFUSED
from .host import SqlError, Trapped
from .prepass import PATH, Path, Prepared, offset_of, too_complex
from .routines import EXTERNAL_GROUP, SQL_GROUP

_AT = re.compile(r" \[at (\d+):(\d+)\]")
_GROUPS = re.compile(rf"\b(?:{EXTERNAL_GROUP}\w*|{SQL_GROUP}|{GROUP}|ZetaSQL):", re.IGNORECASE)
_TABLE_NOT_FOUND = re.compile(r"Table not found: (.*?)(?:; Did you mean .*)?(?: \[at \d+:\d+\])?", re.DOTALL)
_FUNCTION_NOT_FOUND = re.compile(
    r"Function not found: (.*?)(?:; Did you mean .*)? \[at (\d+):(\d+)\]", re.DOTALL
)
_UNRECOGNIZED = re.compile(r"Unrecognized name: ([\w`]+) \[at (\d+):(\d+)\]")
_MISSING = re.compile(r"(?:Table-valued f|F)unction not found: ([\w.`]+)")
_WHOLE = re.compile(r"`[^`\\]*`")
_PART = re.compile(r"`((?:[^`\\]|\\.)*)`|([^.`]+)")


# Functions that are defined by SQL have no mode for errors either.
_NOT_SAFE = re.compile(
    r"SQL function inliner cannot inline (?:aggregate )?function ([\w.]+) with SAFE mode modifier"
)
_COLLATION = re.compile(r"COLLATE has invalid collation name '([^']*)'")
# The collation that BigQuery has beside the empty name; GoogleSQL's module lacks the data for it.
CASE_INSENSITIVE = "und:ci"

# What the evaluator words otherwise than BigQuery.
_BOUNDS = re.compile(r"Array index (-?)\d+ is out of bounds\Z")
_RUN_TIME_TEXTS = {"More than one element": "Scalar subquery produced more than one element"}


def from_sql_error(error: SqlError, prepared: Prepared, start: tuple[int, int] = (1, 1)) -> BigQueryError:
    """The user's error for a refused text; ``start`` is where the text begins in what the user sent."""

    def position(match: re.Match[str]) -> str:
        line, column = prepared.original_position(int(match[1]), int(match[2]))
        if line == 1:
            column += start[1] - 1
        return f" at [{line + start[0] - 1}:{column}]"

    collation = _COLLATION.match(error.message)
    if collation is not None:
        return bad_collation(collation[1])
    missing = _MISSING.match(error.message)
    name = missing[1].replace("`", "").upper() if missing is not None else ""
    if name in REFUSED:
        return unsupported(name)
    if "RET_CHECK failure" in error.message:
        return unsupported("The statement")
    message = _unsplit_name(_GROUPS.sub("", error.message), prepared)
    message = _unsplit_function(message, prepared)
    message = _NOT_SAFE.sub(r"Function `\1` does not support SAFE error mode", message)
    return invalid_query(_AT.sub(position, message))


def bad_collation(name: str) -> BigQueryError:
    """The error for a collation other than the empty one."""
    if name == CASE_INSENSITIVE:
        return unsupported(f"Collation '{name}'")
    return invalid_query(f"Collation '{name}' in collate function is not supported.")


def _unsplit_name(message: str, prepared: Prepared) -> str:
    """ "Unrecognized name" names a dotted backticked name whole; it is none of a table in an expression."""
    match = _UNRECOGNIZED.fullmatch(message) if prepared.splits else None
    if match is None:
        return message
    line, column = prepared.original_position(int(match[2]), int(match[3]))
    written = _WHOLE.match(prepared.original, offset_of(prepared.original, line, column))
    return f"Unrecognized name: {written[0]}{message[match.end(1) :]}" if written else message


def _unsplit_function(message: str, prepared: Prepared) -> str:
    """ "Function not found" names the path as it was written, so with its dotted backticked names whole."""
    match = _FUNCTION_NOT_FOUND.fullmatch(message) if prepared.splits else None
    if match is None:
        return message
    line, column = prepared.original_position(int(match[2]), int(match[3]))
    written = PATH.match(prepared.original, offset_of(prepared.original, line, column))
    return f"Function not found: {written[0]}{message[match.end(1) :]}" if written else message


def run_time_error(error: SqlError) -> BigQueryError:
    """The user's error for a query that failed while it ran; such errors carry no position."""
    collation = _COLLATION.match(error.message)
    if collation is not None:
        return bad_collation(collation[1])
    message = _AT.sub("", _GROUPS.sub("", error.message))
    message = _BOUNDS.sub(lambda m: f"{m[0]} ({'underflow' if m[1] else 'overflow'})", message)
    return invalid_query(_RUN_TIME_TEXTS.get(message, message))


def missing_table(error: SqlError) -> Path | None:
    """The path in GoogleSQL's "Table not found"; None when the error is another."""
    match = _TABLE_NOT_FOUND.fullmatch(error.message)
    if match is None:
        return None
    return tuple(part[0] or part[1] for part in _PART.findall(match[1]))


def from_trap(trap: Trapped) -> BigQueryError:
    """The user's error for a text that GoogleSQL could not finish."""
    return too_complex()
