"""Durations as users write them: ``90m``, ``1h30m``, ``500ms``, ``2.5`` (seconds)."""

from __future__ import annotations

import re
from datetime import timedelta

from .spelling import clip

# In microseconds: whole numbers of them add up without error.
UNITS: dict[str, int] = {
    "w": 604_800_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}

_PART = r"[0-9]+(?:\.[0-9]+)?(?:ms|us|[wdhms])"
DURATION_PATTERN = rf"^(?:(?:{_PART})+|[0-9]+(?:\.[0-9]+)?)$"
_WRITTEN = re.compile(rf"(-?)((?:{_PART})+)")
_PARTS = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|us|[wdhms])")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_LONGEST = 100 * 366 * 86_400.0


def parse_duration(value: str | float | timedelta) -> float:
    """Seconds of a written duration, a number of seconds or a timedelta.

    >>> parse_duration("1h30m")
    5400.0

    Raises ``ValueError``, worded for the user.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else _seconds(value)
    if seconds != seconds:
        raise ValueError("expected a duration such as '90m' or 2.5, not nan")
    if abs(seconds) > _LONGEST:
        raise ValueError(f"the duration '{clip(value)}' is longer than 100 years")
    return float(seconds)


def _seconds(value: str | float) -> float:
    if isinstance(value, int | float):
        return value
    text = value.strip().replace(" ", "")
    if _NUMBER.fullmatch(text):
        return float(text)
    written = _WRITTEN.fullmatch(text)
    if not written:
        raise ValueError(f"expected a duration such as '90m', '1h30m', '500ms' or 2.5, not '{clip(value)}'")
    total = sum(float(number) * UNITS[unit] for number, unit in _PARTS.findall(written[2])) / UNITS["s"]
    return -total if written[1] else total


def format_duration(seconds: float) -> str | float:
    """The shortest exact spelling: ``5400`` is ``"1h30m"``; what has no whole microseconds stays a number."""
    left = round(abs(seconds) * UNITS["s"])
    if not left or left / UNITS["s"] != abs(seconds):
        return int(seconds) if seconds == int(seconds) else seconds
    parts = []
    for unit, size in UNITS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if seconds < 0 else "") + "".join(parts)
