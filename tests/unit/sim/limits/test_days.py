"""Pacific midnight, also when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.limits.days import PACIFIC, Days, pacific_day

HOUR = 3_600_000_000


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("now", "start", "end", "hours"),
    [
        ("2026-01-15T07:59:59", "2026-01-14T08:00:00", "2026-01-15T08:00:00", 24),
        ("2026-01-15T08:00:00", "2026-01-15T08:00:00", "2026-01-16T08:00:00", 24),
        ("2026-07-15T06:59:59", "2026-07-14T07:00:00", "2026-07-15T07:00:00", 24),
        ("2026-03-08T12:00:00", "2026-03-08T08:00:00", "2026-03-09T07:00:00", 23),
        ("2026-11-01T12:00:00", "2026-11-01T07:00:00", "2026-11-02T08:00:00", 25),
    ],
)
def test_day(now: str, start: str, end: str, hours: int) -> None:
    assert pacific_day(us(now)) == (us(start), us(end))
    assert us(end) - us(start) == hours * HOUR


@given(st.integers(0, 4_000_000_000_000_000))
def test_days_follow_one_another(now: int) -> None:
    start, end = pacific_day(now)
    assert start <= now < end
    assert end - start in (23 * HOUR, 24 * HOUR, 25 * HOUR)
    assert pacific_day(start) == pacific_day(end - 1) == (start, end)
    assert pacific_day(end)[0] == end
    assert datetime.fromtimestamp(end // 1_000_000, PACIFIC).strftime("%H:%M:%S") == "00:00:00"


def test_the_day_is_kept_and_left() -> None:
    days = Days()
    morning = us("2026-03-08T12:00:00")
    assert days.of(morning) == days.of(morning + HOUR) == pacific_day(morning)
    assert days.of(morning + 24 * HOUR) == pacific_day(morning + 24 * HOUR)
    assert days.of(morning) == pacific_day(morning)
