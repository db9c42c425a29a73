"""Nearest valid spellings, for messages about words that are not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_LISTED = 12
_SHOWN = 60


def nearest(given: str, choices: Iterable[str]) -> str | None:
    """The choice that ``given`` most likely means; None when none is near."""
    folded: dict[str, str] = {}
    for choice in choices:
        folded.setdefault(_fold(choice), choice)
    found = difflib.get_close_matches(_fold(given), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def unknown(what: str, given: object, choices: Sequence[str], of: str = "") -> str:
    """``unknown level 'jbo'[ of a rule]; did you mean 'job'?``, or the choices when none is near."""
    message = f"unknown {what} '{clip(given)}'{of and f' of {of}'}"
    if near := nearest(str(given), choices):
        return f"{message}; did you mean '{near}'?"
    if not choices:
        return message
    listed = ", ".join(choices[:_LISTED]) + (", …" if len(choices) > _LISTED else "")
    return f"{message}; it can be {listed}"


def clip(value: object) -> str:
    """A value as a message shows it: long ones are cut."""
    text = str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _fold(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")
