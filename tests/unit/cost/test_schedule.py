from __future__ import annotations

import pytest

from bqsim.cost.schedule import observed, scheduled


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("hourly", 730),
        ("@daily", 730 / 24),
        ("every 15 minutes", 2920),
        ("every 2h", 365),
        ("every 1h30m", 730 / 1.5),
        ("every day", 730 / 24),
        ("3 per day", 3 * 730 / 24),
        ("10 / month", 10),
        ("0 * * * *", 730),
        ("*/15 * * * *", 2920),
        ("0 6 * * 1-5", 730 / 24 * 5 / 7),
        ("30 2,14 * * *", 2 * 730 / 24),
        ("0 0 1 * *", 1),
        ("0 9 * * mon", 730 / 24 / 7),
        ("never", 0),
    ],
)
def test_schedules(text: str, runs: float) -> None:
    rate = scheduled(text)
    assert rate.per_month == pytest.approx(runs)
    assert (rate.low, rate.high, rate.source) == (rate.per_month, rate.per_month, "schedule")


@pytest.mark.parametrize("text", ["sometimes", "61 * * * *", "* * * *", "every never", "0 0 0 * *"])
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        scheduled(text)


def test_a_history_has_an_interval() -> None:
    hour = 3_600_000_000
    rate = observed([n * hour for n in range(73)], 73 * hour)
    assert rate.per_month == pytest.approx(730)
    assert rate.low < 730 < rate.high
    assert rate.source == "history"
    assert observed([], hour).source == "assumed"
