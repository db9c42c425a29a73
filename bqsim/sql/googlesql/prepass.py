"""What happens to a SQL text before GoogleSQL reads it.

BigQuery reads the backticked name ``p.d.t`` as three names where GoogleSQL reads one: :func:`prepare`
splits it and keeps a map, so that positions in errors are those of the user's text. It also bounds length
and nesting, and :func:`names_in` lists the names that a text might mean.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from bqsim.errors import BigQueryError

MAX_CHAIN = 1500
TAB = 8

Path = tuple[str, ...]

STRING_LITERAL = (
    r"'''(?:(?:[^'\\]++|\\.|'(?!''))*+'''|.*\Z)"
    r'|"""(?:(?:[^"\\]++|\\.|"(?!""))*+"""|.*\Z)'
    r"|'(?:[^'\\\n]++|\\.)*+'?"
    r'|"(?:[^"\\\n]++|\\.)*+"?'
)
COMMENT = r"\#[^\n]*+|--[^\n]*+|/\*(?:.*?\*/|.*\Z)"
_SKIP = f"{STRING_LITERAL}|{COMMENT}"
QUOTED = r"`(?:[^`\\\n]++|\\.)*+`"
_QUOTED_NAME = re.compile(f"(?:{_SKIP})|{QUOTED}", re.DOTALL)
# What nesting depends on: opening and closing brackets, what ends a chain of operators, operators.
_STRUCTURE = re.compile(
    f"(?:{_SKIP}|{QUOTED})|([(\\[])|([)\\]])"
    r"|([,;]|\b(?:AND|OR|CASE|WHEN|THEN|ELSE|SELECT|FROM)\b)"
    r"|(\|\||[-+*/|&^<>=]+|\b(?:UNION|EXCEPT|INTERSECT|NOT)\b)",
    re.DOTALL | re.IGNORECASE,
)
_NAME = rf"(?:{QUOTED}|[^\W\d]\w*+)"
_NAMES = re.compile(
    rf"(?:{_SKIP}|@@?[\w.]*+|\d[\w.]*+)|((?:{_NAME})(?:-\w+)*+(?:\s*+\.\s*+{_NAME})*+)(\s*+\()?",
    re.DOTALL,
)
# A path as it is written.
PATH = re.compile(rf"{_NAME}(?:\s*+\.\s*+{_NAME})*+", re.DOTALL)
_PART = re.compile(rf"{QUOTED}|[^\s.`]+")
_AS = re.compile(r"\bas\s*\Z", re.IGNORECASE)
_SET = re.compile(r"\s*=")
_SEMICOLON = re.compile(f"(?:{_SKIP}|{QUOTED})|(;)", re.DOTALL)
_LEAD = re.compile(rf"(?:\s++|{COMMENT}|\()*+([A-Za-z_]\w*+)(\s*+:)?", re.DOTALL)
_BLANK = re.compile(rf"(?:\s++|;|{COMMENT})*+\Z", re.DOTALL)
_SCRIPT_WORDS = frozenset(
    [
        "BEGIN",
        "BREAK",
        "CALL",
        "CASE",
        "COMMIT",
        "CONTINUE",
        "DECLARE",
        "EXECUTE",
        "FOR",
        "IF",
        "ITERATE",
        "LEAVE",
        "LOOP",
        "RAISE",
        "REPEAT",
        "RETURN",
        "ROLLBACK",
        "SET",
        "START",
        "WHILE",
    ]
)


@dataclass(frozen=True)
class Prepared:
    """A text ready for GoogleSQL.

    ``splits`` are positions in ``sql``; from ``splits[i]`` on it has ``inserted[i]`` characters more than
    ``original``.
    """

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
        return LineStarts(self.original).position(self.original_offset(offset_of(self.sql, line, column)))

    @cached_property
    def names(self) -> Names:
        return names_in(self.sql)


@dataclass(frozen=True, slots=True)
class Names:
    """What might be a name in a text: all ``paths``, and those before an opening bracket as ``calls``."""

    paths: frozenset[Path]
    calls: frozenset[Path]

    def mentioned(self) -> frozenset[Path]:
        """Every beginning of up to three names of every path, folded."""
        return frozenset(
            fold(path[:size]) for path in self.paths | self.calls for size in range(1, min(len(path), 3) + 1)
        )


def fold(path: Path) -> Path:
    """A path without regard to case."""
    return tuple(name.casefold() for name in path)


def prepare(sql: str, max_chars: int, max_nesting: int) -> Prepared:
    """Check the bounds and split dotted names."""
    if len(sql) > max_chars:
        raise BigQueryError(
            "invalid",
            f"The query is too large. The maximum standard SQL query length is {max_chars / 1024:.2f}K"
            " characters, including comments and white space characters.",
            location="query",
        )
    if "\0" in sql:
        line, column = LineStarts(sql).position(sql.index("\0"))
        raise BigQueryError(
            "invalidQuery",
            f'Syntax error: Illegal input character "\\000" at [{line}:{column}]',
            location="query",
        )
    if not sql.isascii():
        _check_unicode(sql)
    check_nesting(sql, max_nesting)
    return _split(sql) if "`" in sql else Prepared(sql, sql)


def _check_unicode(sql: str) -> None:
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        line, column = LineStarts(sql).position(error.start)
        message = f"Syntax error: The text is not valid Unicode at [{line}:{column}]"
        raise BigQueryError("invalidQuery", message, location="query") from None


def _split(sql: str) -> Prepared:
    pieces: list[str] = []
    splits: list[int] = []
    inserted: list[int] = []
    done = added = 0
    for match in _QUOTED_NAME.finditer(sql):
        start, end = match.span()
        if sql[start] != "`" or "." not in (body := sql[start + 1 : end - 1]):
            continue
        # IAM roles hold slashes, and an alias is one name whatever it holds.
        if "/" in body or "\\" in body or _AS.search(sql, max(0, start - 32), start):
            continue
        # Options of projects are one name too: `region-us.default_time_zone` = …
        if body[:7].casefold() == "region-" and _SET.match(sql, end):
            continue
        for dot in _dots(body):
            at = start + 1 + dot
            pieces += (sql[done:at], "`.`")
            done = at + 1
            added += 2
            splits.append(done + added)
            inserted.append(added)
    pieces.append(sql[done:])
    return Prepared("".join(pieces), sql, tuple(splits), tuple(inserted))


def _dots(body: str) -> list[int]:
    """The dots between the names of a path; a domain-scoped project (``example.com:p``) is one name."""
    dots = [at for at in range(body.find(":") + 1, len(body)) if body[at] == "."]
    whole = all(body[a + 1 : b] for a, b in zip([-1, *dots], [*dots, len(body)], strict=True))
    return dots if whole else []


def names_in(sql: str) -> Names:
    """The paths in a text, without looking at what they are: keywords and columns are among them."""
    paths: set[Path] = set()
    calls: set[Path] = set()
    for match in _NAMES.finditer(sql):
        text = match[1]
        if text is None:
            continue
        if "." not in text and "`" not in text:
            path: Path = (text,)
        else:
            path = tuple(p[1:-1] if p[0] == "`" else p for p in _PART.findall(text))
            if "-" in path[0] and text[0] != "`":
                # a-b.c is a project's table or a difference.
                paths.add((path[0].rpartition("-")[2], *path[1:]))
        (calls if match[2] else paths).add(path)
    return Names(frozenset(paths), frozenset(calls))


_POSITIONAL = re.compile(f"(?:{_SKIP}|{QUOTED})|(\\?)", re.DOTALL)


def positional_parameters(sql: str) -> tuple[int, ...]:
    """Where the positional parameters of a text stand."""
    return tuple(match.start() for match in _POSITIONAL.finditer(sql) if match[1]) if "?" in sql else ()


def is_single_statement(sql: str) -> bool:
    """Whether a text is certainly one statement that is no scripting statement; told without parsing it."""
    lead = _LEAD.match(sql)
    if lead is None or lead[2] or lead[1].upper() in _SCRIPT_WORDS:
        return False
    if ";" not in sql:
        return True
    for match in _SEMICOLON.finditer(sql):
        if match[1]:
            return _BLANK.match(sql, match.end()) is not None
    return True


def leading_keyword(sql: str) -> str:
    """The first word of a text in upper case, comments and brackets skipped; empty without one."""
    lead = _LEAD.match(sql)
    return lead[1].upper() if lead else ""


def check_nesting(sql: str, max_nesting: int) -> None:
    """Refuse texts that nest deeper than the analyzer's stack holds."""
    if len(sql) < 2 * MAX_CHAIN and sql.count("(") + sql.count("[") <= max_nesting:
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
    """What BigQuery answers when a query cannot be planned."""
    return BigQueryError(
        "resourcesExceeded",
        "Resources exceeded during query execution: Not enough resources for query planning - too many "
        "subqueries or query is too complex.",
        location="query",
    )


class ByteOffsets:
    """Turns positions in the UTF-8 form of a text into positions in its characters."""

    def __init__(self, text: str) -> None:
        self._after: list[int] = []
        self._extra: list[int] = []
        if text.isascii():
            return
        extra = 0
        for match in re.finditer(r"[^\x00-\x7f]", text):
            size = len(match[0].encode("utf-8", "surrogatepass"))
            extra += size - 1
            self._after.append(match.end() + extra)
            self._extra.append(extra)

    def character(self, offset: int) -> int:
        index = bisect_right(self._after, offset)
        return offset - self._extra[index - 1] if index else offset


class LineStarts:
    """Turns positions in a text into lines and columns as GoogleSQL counts them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column from 1, tabs reaching to multiples of 8."""
        line = bisect_right(self._starts, offset)
        start = self._starts[line - 1]
        column = 1
        if "\t" not in self._text[start:offset]:
            return line, column + offset - start
        for character in self._text[start:offset]:
            column += TAB - (column - 1) % TAB if character == "\t" else 1
        return line, column


def offset_of(text: str, line: int, column: int) -> int:
    """The position in a text of a line and column as GoogleSQL counts them."""
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
