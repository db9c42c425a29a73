"""The hash of a query that ignores comments, literals and parameters."""

from __future__ import annotations

import hashlib
import re

from bqsim.sql.googlesql.prepass import COMMENT, QUOTED, STRING_LITERAL

_TOKEN = re.compile(
    rf"((?:{COMMENT}|\s++)++)|({QUOTED})|((?<!\w)(?:[rR][bB]?|[bB][rR]?)?(?:{STRING_LITERAL}))"
    r"|((?<![\w.@$])(?:0[xX][0-9a-fA-F]+|\d++(?:\.\d*+)?(?:[eE][+-]?\d++)?))|(@\w++|\?)",
    re.DOTALL,
)


def normalized_literals(sql: str) -> str:
    """A hexadecimal hash; texts that differ in blanks, comments, literals and parameters only have one."""

    def replaced(match: re.Match[str]) -> str:
        if match.lastindex == 1:
            return " "
        return match[0] if match.lastindex == 2 else "?"

    text = _TOKEN.sub(replaced, sql).strip().rstrip("; ").casefold()
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
