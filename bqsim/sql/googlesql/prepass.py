"""What happens to a SQL text before GoogleSQL reads it.

BigQuery reads the backticked name ``p.d.t`` as three names where GoogleSQL reads one: :func:`prepare` splits it and
keeps a map so that positions in errors are those of the user's text. It also bounds length and nesting.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from bqsim.errors import BigQueryError

MAX_CHAIN = 1500
TAB = 8

_STRING = (
    r"'''(?:(?:[^'\\]++|\\.|'(?!''))*+'''|.*\Z)"
    r'|"""(?:(?:[^"\\]++|\\.|"(?!""))*+"""|.*\Z)'
    r"|'(?:[^'\\\n]++|\\.)*+'?"
    r'|"(?:[^"\\\n]++|\\.)*+"?'
)
_COMMENT = r"\#[^\n]*+|--[^\n]*+|/\*(?:.*?\*/|.*\Z)"
_NAME = re.compile(f"(?:{_STRING}|{_COMMENT})|`((?:[^`\\\\\n]++|\\\\.)*+)`", re.DOTALL)
# Everything that nesting depends on, one token a match.
_STRUCTURE = re.compile(
    f"(?:{_STRING}|{_COMMENT}|`(?:[^`\\\\\n]++|\\\\.)*+`?)|([(\\[])|([)\\]])|(,|;|\\b(?:AND|OR|CASE|WHEN|THEN|ELSE|SELECT|FROM)\\b)"
    r"|(\|\||[-+*/|&^<>=]+)|(\b(?:UNION|EXCEPT|INTERSECT|NOT)\b)",
    re.DOTALL | re.IGNORECASE,
)
_TOKEN = re.compile(
    rf"(?P<space>\s++|{_COMMENT})|(?P<string>{_STRING})|(?P<name>`(?:[^`\\\n]++|\\.)*+`?|[A-Za-z_]\w*+)"
    r"|(?P<number>\d[\w.]*+)|(?P<system>@@)|(?P<other>.)",
    re.DOTALL,
)
_AS = re.compile(r"\bas\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text ready for GoogleSQL. ``splits`` are the positions in ``sql`` after which ``inserted`` characters more
    than in ``original`` have passed."""

    sql: str
    original: str
    splits: tuple[int, ...] = ()
    inserted: tuple[int, ...] = ()

    def original_offset(self, offset: int) -> int:
        """The position in the original text of a position in ``sql`` (characters)."""
        index = bisect_right(self.splits, offset)
        return offset - self.inserted[index - 1] if index else offset

    def original_position(self, line: int, column: int) -> tuple[int, int]:
        """Line and column (from 1) in the original text."""
        if not self.splits:
            return line, column
        return position_of(self.original, self.original_offset(offset_of(self.sql, line, column)))


def prepare(sql: str, max_chars: int, max_nesting: int) -> Prepared:
    """Check the bounds and split dotted names."""
    if len(sql) > max_chars:
        raise BigQueryError(
            "invalid",
            f"The query is too large. The maximum standard SQL query length is {max_chars / 1024:.2f}K characters, "
            "including comments and white space characters.",
            location="query",
        )
    if "\0" in sql:
        # GoogleSQL reads a NUL as the end of the text.
        line, column = position_of(sql, sql.index("\0"))
        raise BigQueryError(
            "invalidQuery",
            f'Syntax error: Illegal input character "\\000" at [{line}:{column}]',
            location="query",
        )
    check_nesting(sql, max_nesting)
    if "`" not in sql:
        return Prepared(sql, sql)
    pieces: list[str] = []
    splits: list[int] = []
    inserted: list[int] = []
    done = added = 0
    for match in _NAME.finditer(sql):
        body = match[1]
        if (
            body is None
            or "." not in body
            or "/" in body
            or "\\" in body
            or _AS.search(sql, match.start() - 32 if match.start() > 32 else 0, match.start())
        ):
            continue
        start = match.start(1)
        for at in _dots(body):
            pieces.append(sql[done : start + at])
            pieces.append("`.`")
            done = start + at + 1
            # Positions from the second name on lie after the two backticks that this dot gained.
            splits.append(start + at + added + 2)
            added += 2
            inserted.append(added)
    pieces.append(sql[done:])
    return Prepared("".join(pieces), sql, tuple(splits), tuple(inserted))


def _dots(body: str) -> list[int]:
    """The dots that separate the names of a path; a domain-scoped project (``example.com:p``) is one name."""
    after = body.find(":") + 1
    dots = [at for at in range(after, len(body)) if body[at] == "."]
    whole = all(body[a + 1 : b] for a, b in zip([-1, *dots], [*dots, len(body)], strict=True))
    return dots if whole else []


def check_nesting(sql: str, max_nesting: int) -> None:
    """Refuse texts that nest deeper than the analyzer's stack holds."""
    brackets = sql.count("(") + sql.count("[")
    if brackets <= max_nesting and len(sql) < 4 * MAX_CHAIN:
        return
    chains = [0]
    for match in _STRUCTURE.finditer(sql):
        group = match.lastindex
        if group == 1:
            chains.append(0)
            if len(chains) > max_nesting:
                raise too_complex()
        elif group == 2:
            if len(chains) > 1:
                chains.pop()
        elif group == 3:
            chains[-1] = 0
        elif group is not None:
            chains[-1] += 1
            if chains[-1] > MAX_CHAIN:
                raise too_complex()


def too_complex() -> BigQueryError:
    return BigQueryError(
        "resourcesExceeded",
        "Resources exceeded during query execution: Not enough resources for query planning - too many subqueries or "
        "query is too complex.",
        location="query",
    )


def offset_of(text: str, line: int, column: int) -> int:
    """The character offset of a line and column as GoogleSQL counts them: from 1, tabs to multiples of 8."""
    at = 0
    for _ in range(line - 1):
        end = text.find("\n", at)
        if end < 0:
            break
        at = end + 1
    reached = 1
    while reached < column and at < len(text):
        reached += TAB - (reached - 1) % TAB if text[at] == "\t" else 1
        at += 1
    return at


def position_of(text: str, offset: int) -> tuple[int, int]:
    """Line and column (from 1, tabs to multiples of 8) of a character offset."""
    start = text.rfind("\n", 0, offset) + 1
    column = 1
    for character in text[start:offset]:
        column += TAB - (column - 1) % TAB if character == "\t" else 1
    return text.count("\n", 0, start) + 1, column
