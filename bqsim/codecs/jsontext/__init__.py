"""Parts of JSON texts, of whole Arrow columns at once."""

from __future__ import annotations

from .reader import (
    AWRY,
    Elements,
    Located,
    canonical,
    elements,
    indented,
    locate,
    skeletons,
    spliced,
    without_nulls,
)

__all__ = [
    "AWRY",
    "Elements",
    "Located",
    "canonical",
    "elements",
    "indented",
    "locate",
    "skeletons",
    "spliced",
    "without_nulls",
]
