"""Functions and clauses that keep results out of the cache (page *Use cached query results*)."""

from __future__ import annotations

import re

# Their results differ from call to call.
FUNCTIONS = frozenset(
    {
        "CURRENT_DATE", "CURRENT_DATETIME", "CURRENT_TIME", "CURRENT_TIMESTAMP", "RAND", "GENERATE_UUID",
        "SESSION_USER", "ERROR", "EXTERNAL_OBJECT_TRANSFORM", "ML.GENERATE_TEXT",
    }
)  # fmt: skip
_NAMES = re.compile(
    r"\b(" + "|".join(re.escape(n) for n in sorted(FUNCTIONS)) + r")\b\s*(\(?)", re.IGNORECASE
)
# These may be called without parentheses.
_BARE = frozenset({"CURRENT_DATE", "CURRENT_DATETIME", "CURRENT_TIME", "CURRENT_TIMESTAMP"})


def volatile_functions(normal: str) -> tuple[str, ...]:
    """The functions in a text in its normal form, by name."""
    found = set()
    for match in _NAMES.finditer(normal):
        name = match[1].upper()
        before = normal[: match.start()].rstrip()
        if before.endswith((".", " AS")):
            continue
        if match[2] or name in _BARE:
            found.add(name)
    return tuple(sorted(found))
