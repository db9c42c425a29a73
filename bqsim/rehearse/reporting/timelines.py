"""What slots did over time, in as few buckets as a chart or a document needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bqsim.sim.slots.jobs import Floats, Place, Usage

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
# How long a bucket is told to be, where it can.
_ROUND = (
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in (1, 2, 7, 14, 28, 91, 182, 364)),
)
# Means over a bucket, and what is the most in it.
MEANS = ("used", "borrowed", "scaled", "running", "queued")
PEAKS = ("peak_scaled", "peak_queued")


@dataclass(frozen=True, slots=True)
class Timeline:
    """A place over time: arrays by bucket of ``bucket_s`` seconds. Slots and jobs are means over the bucket,
    but for the peaks."""

    place: Place
    bucket_s: float
    used: Floats
    borrowed: Floats
    scaled: Floats
    running: Floats
    queued: Floats
    peak_scaled: Floats
    peak_queued: Floats

    @property
    def active(self) -> bool:
        """Whether anything happened there."""
        return any(getattr(self, name).any() for name in (*MEANS, *PEAKS))


def timelines(usage: Usage, most: int, *, least_s: float = 0.0, day: int | None = None) -> list[Timeline]:
    """Each place of ``usage`` in at most ``most`` buckets of at least ``least_s``, in its order; of
    ``day`` alone, counted from 0, where one is given."""
    rows = _rows(usage, day)
    count = max(0, rows.stop - rows.start)
    merged = _merged(count, most, usage.bucket_ms / 1000, least_s)
    starts = np.arange(0, count, merged)
    widths = np.diff(np.append(starts, count)) * usage.bucket_ms
    out = []
    for at, place in enumerate(usage.places):
        columns = {}
        for name in MEANS:
            sums = getattr(usage, f"{name}_ms")[at, rows]
            columns[name] = np.add.reduceat(sums, starts) / widths if count else np.zeros(0)
        for name in PEAKS:
            column = getattr(usage, name)[at, rows]
            columns[name] = np.maximum.reduceat(column, starts) if count else np.zeros(0)
        if not place.edition:
            # Slots on demand are nobody's: they are not lent.
            columns["borrowed"] = np.zeros_like(columns["used"])
        out.append(Timeline(place, usage.bucket_ms * merged / 1000, **columns))
    return out


def days(usage: Usage) -> float:
    """How long it took, in days."""
    return _count(usage) * usage.bucket_ms / 1000 / DAY


def busiest(usage: Usage) -> int | None:
    """The day on which the most slots were used; None where days cannot be told apart."""
    each = round(DAY * 1000 / usage.bucket_ms)
    if each < 12 or _count(usage) <= each:
        return None
    used = usage.used_ms.sum(axis=0)
    return int(np.argmax(np.add.reduceat(used, np.arange(0, len(used), each))))


def _count(usage: Usage) -> int:
    return int(usage.used_ms.shape[1]) if usage.used_ms.ndim == 2 else 0


def _rows(usage: Usage, day: int | None) -> slice:
    count = _count(usage)
    if day is None:
        return slice(0, count)
    each = round(DAY * 1000 / usage.bucket_ms)
    return slice(min(count, day * each), min(count, (day + 1) * each))


def _merged(count: int, most: int, bucket_s: float, least_s: float) -> int:
    """How many buckets become one: for a round time if any is a multiple of theirs."""
    least = max(1, math.ceil(count / max(1, most)), math.ceil(least_s / bucket_s))
    times = (time / bucket_s for time in _ROUND)
    # One bucket can stay as it is.
    return next((round(n) for n in times if n >= least and n.is_integer()), least) if least > 1 else 1
