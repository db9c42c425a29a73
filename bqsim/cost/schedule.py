"""How often a query runs: schedules as people write them, and what a history tells."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bqsim.sim.scenario.durations import parse_duration

from .model import Rate
from .robust import rate_interval
from .units import HOURS_PER_MONTH

_WORDS = {
    "hourly": 1.0,
    "daily": 24.0,
    "weekly": 24.0 * 7,
    "monthly": float(HOURS_PER_MONTH),
    "yearly": float(HOURS_PER_MONTH) * 12,
}
_LENGTHS = {"minute": 1 / 60, "min": 1 / 60, "hour": 1.0, "day": 24.0, "week": 168.0}
_EVERY = re.compile(r"every\s+(?:(\d+(?:\.\d+)?)\s*)?([a-z]+)", re.IGNORECASE)
_TIMES = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:x|times|runs)?\s*(?:/|per|a|an)\s*(hour|day|week|month|year)", re.IGNORECASE
)
_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("weekday", 0, 7),
)
_NAMES = {
    name: str(n % 12 + 1)
    for n, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    )
} | {name: str(n) for n, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}


def scheduled(text: str) -> Rate:
    """The rate of ``hourly``, ``every 15 minutes``, ``every 2h``, ``3 per day`` or a cron line of five
    fields.

    ValueError for other texts, which names the forms.
    """
    given = " ".join(text.strip().lower().split())
    if not given or given in ("never", "manual", "on demand"):
        return Rate(0.0, 0.0, 0.0, "schedule")
    count = _per_month(given.removeprefix("@"))
    return Rate(count, count, count, "schedule")


def _per_month(text: str) -> float:
    if text in _WORDS:
        return HOURS_PER_MONTH / _WORDS[text]
    if times := _TIMES.fullmatch(text):
        hours = {**_LENGTHS, "month": HOURS_PER_MONTH, "year": 12 * HOURS_PER_MONTH}[times[2]]
        return float(times[1]) * HOURS_PER_MONTH / hours
    if len(text.split()) == 5:
        return _cron(text)
    if text.startswith("every "):
        every = _EVERY.fullmatch(text)
        unit = every[2].removesuffix("s") if every else ""
        known = every is not None and unit in _LENGTHS
        apart = float(every[1] or 1) * _LENGTHS[unit] if every and known else _span_hours(text)
        if apart:
            return HOURS_PER_MONTH / apart
    raise ValueError(
        f"{text!r} is no schedule: write hourly, daily, every 15 minutes, 3 per day or a cron line of five"
        " fields"
    )


def _span_hours(text: str) -> float | None:
    try:
        seconds = parse_duration(text.removeprefix("every").strip().replace(" ", ""))
    except ValueError:
        return None
    return seconds / 3600 if seconds > 0 else None


def _cron(text: str) -> float:
    """Runs in a month of 730 hours: the share of minutes that fit, days of the month and weekdays either."""
    minute, hour, day, month, weekday = (
        _values(field, *shape) for field, shape in zip(text.split(), _FIELDS, strict=True)
    )
    weekdays = {n % 7 for n in weekday}
    fields = text.split()
    days_share, weekdays_share = len(day) / (365 / 12), len(weekdays) / 7
    free_day, free_weekday = fields[2].startswith("*"), fields[4].startswith("*")
    if free_day:
        share = weekdays_share
    elif free_weekday:
        share = min(1.0, days_share)
    else:
        share = 1 - (1 - min(1.0, days_share)) * (1 - weekdays_share)
    return len(minute) * len(hour) * share * len(month) / 12 * HOURS_PER_MONTH / 24


def _values(text: str, what: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        low, dash, high = (_NAMES.get(p, p) for p in span.partition("-"))
        try:
            first, last = (least, most) if span == "*" else (int(low), int(high) if dash else int(low))
            stride = int(step) if step else 1
        except ValueError:
            raise ValueError(f"{part!r} is no {what} of a cron line") from None
        if step and not dash and span != "*":
            last = most
        if not (least <= first <= last <= most) or stride < 1:
            raise ValueError(f"{part!r} is no {what} of a cron line: it goes from {least} to {most}")
        found |= set(range(first, last + 1, stride))
    return found


def observed(started_us: Sequence[int], span_us: int) -> Rate:
    """The rate of runs that a history of ``span_us`` microseconds has; one bound is from chance alone."""
    count = len(started_us)
    hours = span_us / 3_600_000_000
    if not count or hours <= 0:
        return Rate(float(count or 1), 0.0, float(count or 1), "history") if count else Rate()
    scale = HOURS_PER_MONTH / hours
    low, high = rate_interval(count)
    return Rate(count * scale, low * scale, high * scale, "history")
