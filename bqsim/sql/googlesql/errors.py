"""GoogleSQL's error texts, worded as BigQuery words them."""

from __future__ import annotations

import re

from bqsim.errors import BigQueryError, invalid_query

from .builtins import GROUP
from .host import SqlError, Trapped
from .prepass import Path, Prepared, too_complex
from .routines import EXTERNAL_GROUP, SQL_GROUP

_AT = re.compile(r" \[at (\d+):(\d+)\]")
_GROUPS = re.compile(rf"\b(?:{EXTERNAL_GROUP}|{SQL_GROUP}|{GROUP}|ZetaSQL):", re.IGNORECASE)
_TABLE_NOT_FOUND = re.compile(r"Table not found: (.*?)(?:; Did you mean .*)?(?: \[at \d+:\d+\])?", re.DOTALL)
_PART = re.compile(r"`((?:[^`\\]|\\.)*)`|([^.`]+)")


def from_sql_error(error: SqlError, prepared: Prepared, start: tuple[int, int] = (1, 1)) -> BigQueryError:
    """The user's error for a refused text; ``start`` is where the text begins in what the user sent."""

    def position(match: re.Match[str]) -> str:
        line, column = prepared.original_position(int(match[1]), int(match[2]))
        if line == 1:
            column += start[1] - 1
        return f" at [{line + start[0] - 1}:{column}]"

    return invalid_query(_AT.sub(position, _GROUPS.sub("", error.message)))


def missing_table(error: SqlError) -> Path | None:
    """The path in GoogleSQL's "Table not found"; None when the error is another."""
    match = _TABLE_NOT_FOUND.fullmatch(error.message)
    if match is None:
        return None
    return tuple(part[0] or part[1] for part in _PART.findall(match[1]))


def from_trap(trap: Trapped) -> BigQueryError:
    """The user's error for a text that GoogleSQL could not finish."""
    return too_complex()
