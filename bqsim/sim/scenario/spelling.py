"""Nearest valid spellings, for messages about words that are not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def nearest(given: str, choices: Iterable[str]) -> str | None:
    """The choice that ``given`` most likely means; None when none is near."""
    folded: dict[str, str] = {}
    for choice in choices:
        folded.setdefault(_fold(choice), choice)
    found = difflib.get_close_matches(_fold(given), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def unknown(what: str, given: str, choices: Sequence[str]) -> str:
    """``unknown level 'jbo'; did you mean 'job'?``, or the choices when none is near."""
    quoted = given if given.startswith("'") else f"'{given}'"
    if near := nearest(given, choices):
        return f"unknown {what} {quoted}; did you mean '{near}'?"
    if not choices:
        return f"unknown {what} {quoted}"
    listed = ", ".join(choices[:12]) + (", …" if len(choices) > 12 else "")
    return f"unknown {what} {quoted}; it can be {listed}"


def _fold(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")
