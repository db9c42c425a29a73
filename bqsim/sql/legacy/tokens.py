"""The tokens of legacy SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bqsim.errors import BigQueryError, invalid_query

TRY_STANDARD = (
    "[Try using standard SQL (https://cloud.google.com/bigquery/docs/reference/standard-sql/"
    "enabling-standard-sql)]"
)
HINT = "set useLegacySql to false or begin the query with #standardSQL, and write GoogleSQL"

# Words with a place in the grammar; they are no names unless they stand in brackets.
KEYWORDS = frozenset(
    """ALL AND AS ASC BETWEEN BY CASE CONTAINS CROSS DESC DISTINCT EACH ELSE END FLATTEN FROM FULL GROUP
    HAVING IGNORE IN INNER IS JOIN LEFT LIMIT NOT NULL OMIT ON OR ORDER OUTER OVER PARTITION RIGHT ROLLUP
    SELECT THEN UNION WHEN WHERE WITH WITHIN""".split()  # noqa: SIM905
)
# Keywords that are functions, too.
_CALLED = frozenset({"LEFT", "RIGHT"})

_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|//[^\n]*|\#[^\n]*|/\*.*?\*/)
    |(?P<string>[rR]?'(?:[^'\\\n]|\\.)*'|[rR]?"(?:[^"\\\n]|\\.)*")
    |(?P<bracket>\[[^\]\n]*\])
    |(?P<tick>`[^`\n]*`)
    |(?P<float>(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
    |(?P<integer>\d+)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<operator><>|!=|<=|>=|==|<<|>>|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is a group of the tokens' pattern or ``end``; ``word`` is a keyword in upper case or empty."""

    kind: str
    text: str
    line: int
    column: int

    @property
    def word(self) -> str:
        upper = self.text.upper()
        return upper if self.kind == "name" and upper in KEYWORDS else ""


def refused(what: str) -> BigQueryError:
    """The error for a part of legacy SQL that has no exact translation."""
    return invalid_query(f"{what} in legacy SQL is not supported by bqsim: {HINT}")


def unexpected(token: Token, expected: str) -> BigQueryError:
    """The error for a token where the grammar wants another."""
    if token.kind == "end":
        shown = "<EOF>"
    else:
        upper = token.text.upper()
        known = token.word or (token.kind == "operator") or upper in ("CREATE", "DELETE", "INSERT", "UPDATE")
        image = f'"{upper}"' if known else "<ID>" if token.kind == "name" else f"<{token.kind.upper()}>"
        shown = f' {image} "{token.text} "'
    return invalid_query(
        f'Encountered "{shown}" at line {token.line}, column {token.column}. Was expecting: {expected}'
    )


def tokens(sql: str) -> list[Token]:
    """The tokens of a text, with one of kind ``end`` at its end."""
    found: list[Token] = []
    line, start = 1, 0
    for match in _TOKEN.finditer(sql):
        kind, text = str(match.lastgroup), match[0]
        token = Token(kind, text, line, match.start() - start + 1)
        line += text.count("\n")
        if "\n" in text:
            start = match.start() + text.rindex("\n") + 1
        if kind != "skip":
            found.append(token)
    found.append(Token("end", "", line, len(sql) - start + 1))
    return found


def is_call(token: Token, following: Token) -> bool:
    """Whether a token begins a function call."""
    named = token.kind == "name" and (not token.word or token.word in _CALLED)
    return named and following.text == "("


def string_value(token: Token) -> str:
    """The value of a string literal."""

    def escaped(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPES:
            raise refused(f"The escape sequence {match[0]}")
        return _ESCAPES[match[1]]

    if token.text[0] in "rR":
        return token.text[2:-1]
    return re.sub(r"\\(.)", escaped, token.text[1:-1], flags=re.DOTALL)
