"""GoogleSQL's error texts, worded as BigQuery words them."""

from __future__ import annotations

import re

from bqsim.errors import BigQueryError, invalid_query

from .host import SqlError, Trapped
from .prepass import Prepared, too_complex

_AT = re.compile(r" \[at (\d+):(\d+)\]")
_GROUPS = re.compile(
    r"\b(?:EXTERNAL_FUNCTION|Templated_SQL_Function|ZetaSQL|External_function):", re.IGNORECASE
)


def from_sql_error(error: SqlError, prepared: Prepared, start: tuple[int, int] = (1, 1)) -> BigQueryError:
    """The user's error for a refused text; ``start`` is where the text begins in what the user sent."""

    def position(match: re.Match[str]) -> str:
        line, column = prepared.original_position(int(match[1]), int(match[2]))
        if line == 1:
            column += start[1] - 1
        return f" at [{line + start[0] - 1}:{column}]"

    return invalid_query(_AT.sub(position, _GROUPS.sub("", error.message)))


def from_trap(trap: Trapped) -> BigQueryError:
    """The user's error for a text that the analyzer could not finish."""
    return too_complex()
