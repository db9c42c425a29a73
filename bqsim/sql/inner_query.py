"""The text of the query inside CREATE TABLE AS SELECT and INSERT."""

from __future__ import annotations

import re

from bqsim.sql.googlesql.prepass import Prepared

# Pieces of a statement: what is skipped (strings, quoted names, comments), brackets and words.
_PIECE = re.compile(
    r"""(?P<skip>[rRbB]{0,2}(?:'''.*?'''|\"\"\".*?\"\"\"|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
    r"|`(?:[^`\\]|\\.)*`|\#[^\n]*|--[^\n]*|/\*.*?\*/)"
    r"|(?P<open>\()|(?P<close>\))|(?P<word>[A-Za-z_@]\w*)",
    re.DOTALL,
)
_STARTS = frozenset({"SELECT", "WITH", "FROM"})


def query_start(sql: str, keyword: str | None) -> int | None:
    """Where the query of a statement begins.

    It follows ``keyword`` outside of brackets, or with None it begins with SELECT, WITH or FROM, also in
    a bracket of
    its own.
    """
    depth = 0
    bracket = -1
    for piece in _PIECE.finditer(sql):
        if piece.lastgroup == "open":
            if depth == 0:
                bracket = piece.start()
            depth += 1
        elif piece.lastgroup == "close":
            depth -= 1
        elif piece.lastgroup == "word":
            word = piece.group().upper()
            if keyword is not None:
                if depth == 0 and word == keyword:
                    return piece.end()
            elif word in _STARTS and depth <= 1:
                if depth == 0:
                    return piece.start()
                if sql[bracket + 1 : piece.start()].strip() == "":
                    return bracket
    return None


def original_tail(prepared: Prepared, start: int) -> str:
    """The user's own text from a position of the prepared text on."""
    return prepared.original[prepared.original_offset(start) :].rstrip().rstrip(";")
