"""Days of Pacific time: quotas that administrators set start again at its midnight."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
SECOND_US = 1_000_000


def _midnight_us(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=PACIFIC).timestamp()) * SECOND_US


def pacific_day(now_us: int) -> tuple[int, int]:
    """Start and end of the Pacific day of ``now_us``, in microseconds: 23, 24 or 25 hours apart."""
    day = datetime.fromtimestamp(now_us // SECOND_US, PACIFIC).date()
    return _midnight_us(day), _midnight_us(day + timedelta(days=1))


class Days:
    """The Pacific day of a time, kept while it lasts. Not thread-safe."""

    def __init__(self) -> None:
        self._start = self._end = 0

    def of(self, now_us: int) -> tuple[int, int]:
        if not self._start <= now_us < self._end:
            self._start, self._end = pacific_day(now_us)
        return self._start, self._end
