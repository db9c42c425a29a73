"""Rules for column names."""

from __future__ import annotations

import unicodedata

MAX_NAME_LENGTH = 300
# Case-insensitive prefixes that column names must not have (page *Specifying a schema*, column names).
RESERVED_PREFIXES = (
    "_PARTITION",
    "_TABLE_",
    "_FILE_",
    "_ROW_TIMESTAMP",
    "__ROOT__",
    "_COLIDENTIFIER",
    "_CHANGE_",
)
# Flexible column names: letters, marks and digits of any script, and these.
_SPECIAL = frozenset("_ &%=+:'<>#|-")
_CATEGORIES = ("L", "M", "N", "Pc")


def name_problem(name: str) -> str | None:
    """Why ``name`` cannot name a column, in BigQuery's words; None when it can."""
    if not name or len(name) > MAX_NAME_LENGTH or not all(map(_allowed, name)):
        return (
            f'Invalid field name "{name}". Fields must contain the allowed characters, and be at most '
            f"{MAX_NAME_LENGTH} characters long. For allowed characters, please refer to "
            "https://cloud.google.com/bigquery/docs/schemas#column_names"
        )
    folded = name.upper()
    if folded.startswith("_") and folded.startswith(RESERVED_PREFIXES):
        listed = ", ".join(RESERVED_PREFIXES[:-1])
        return (
            f'Invalid field name "{name}". Field names are not allowed to start with the (case-insensitive) '
            f"prefixes {listed} and {RESERVED_PREFIXES[-1]}"
        )
    return None


def _allowed(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char in _SPECIAL
    return unicodedata.category(char).startswith(_CATEGORIES)
