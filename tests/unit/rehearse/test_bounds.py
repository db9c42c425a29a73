"""Tests of bounds by days: what they cover, that they are the same for a seed, and when there are none."""

from __future__ import annotations

import numpy as np
import pytest

from bqsim.rehearse.bounds import BY_DAY, BY_WEEKDAY, DRAWS, Days, bounds, drawn_by, note
from bqsim.rehearse.histogram import Histogram


def day(values: object) -> Histogram:
    made = Histogram()
    made.record(np.asarray(values, float))
    return made


def test_fewer_than_three_days_have_none_and_it_is_said() -> None:
    assert bounds(Days([day([1.0])] * 2, [1.0, 2.0]), 1) == {}
    assert note(2.5) == "no bounds: they take at least 3 whole days to draw from, and 2.5 were rehearsed"
    assert note(1).endswith("and 1 was rehearsed")
    assert note(0.9791667).endswith("and 0.979 were rehearsed")
    assert note(3) == ""


def test_days_that_are_alike_have_no_width() -> None:
    found = bounds(Days([day([1.0, 2.0, 3.0])] * 5, [7.0] * 5), 1)
    assert found == {
        "p50_duration_s": (2.000895, 2.000895),
        "p95_duration_s": (3.0, 3.0),
        "p99_duration_s": (3.0, 3.0),
        "cost_per_day": (7.0, 7.0),
    }


def test_the_mean_cost_lies_within_the_normal_interval() -> None:
    costs = np.random.default_rng(3).normal(100, 10, 400)
    low, high = bounds(Days([day([])] * 400, costs.tolist()), 9)["cost_per_day"]
    error = 1.645 * costs.std() / 20
    assert low == pytest.approx(costs.mean() - error, rel=0.003)
    assert high == pytest.approx(costs.mean() + error, rel=0.003)


def test_percentiles_are_those_of_the_days_drawn() -> None:
    draw = np.random.default_rng(8)
    values = [draw.lognormal(n % 5 / 5, 0.5, 300) for n in range(30)]
    found = bounds(Days([day(v) for v in values], [1.0] * 30), 5)
    again = np.random.default_rng(1)
    picked = [
        np.quantile(np.concatenate([values[n] for n in again.integers(0, 30, 30)]), 0.95)
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(picked, (0.05, 0.95))
    assert found["p95_duration_s"] == pytest.approx((low, high), rel=0.05)
    assert found["p50_duration_s"] < found["p95_duration_s"] < found["p99_duration_s"]


def test_the_same_for_a_seed_and_other_ones_for_another() -> None:
    days = [day([float(n + 1)] * 10) for n in range(9)]
    costs = [float(n * n) for n in range(9)]
    assert bounds(Days(days, costs), 4) == bounds(Days(days, costs), 4)
    assert bounds(Days(days, costs), 4) != bounds(Days(days, costs), 5)


def test_a_day_without_jobs_counts_as_a_day() -> None:
    found = bounds(Days([day([]), day([5.0]), day([5.0])], [0.0, 3.0, 3.0]), 2)
    assert found["p50_duration_s"] == (5.0, 5.0)
    assert found["cost_per_day"][0] < 2.0


def test_no_job_ended_well() -> None:
    assert set(bounds(Days([day([])] * 3, [1.0, 2.0, 3.0]), 2)) == {"cost_per_day"}


def weeks(count: int, sunday: float = 700.0) -> list[float]:
    """Costs of days of which every seventh has another one."""
    return [sunday if at % 7 == 6 else 10.0 for at in range(count * 7)]


@pytest.mark.parametrize(
    ("days", "weekly", "by"),
    [
        (2, True, ""),
        (3, True, BY_DAY),
        (13, True, BY_DAY),
        (14, True, BY_WEEKDAY),
        (365, True, BY_WEEKDAY),
        (14, False, BY_DAY),
    ],
)
def test_days_are_drawn_by_weekday_from_two_weeks_on(days: int, weekly: bool, by: str) -> None:
    assert drawn_by(days, weekly) == by


def test_weeks_that_are_alike_have_no_width_however_sundays_differ() -> None:
    costs = weeks(3)
    jobs = [day([float(at % 7)] * 20) for at in range(21)]
    found = bounds(Days(jobs, costs, weekly=True), 1)
    assert found["cost_per_day"] == pytest.approx((sum(costs) / 21,) * 2)
    for pair in found.values():
        assert pair[0] == pair[1]
    low, high = bounds(Days(jobs, costs), 1)["cost_per_day"]
    assert high > 1.3 * low, "days that are equally likely make more or fewer Sundays of it"


def test_every_draw_has_each_weekday_as_often_as_it_came() -> None:
    # 17 days: three of three weekdays, two of the others.
    held = [day([10.0 ** (at % 7)] * 12) for at in range(17)]
    for at in range(7):
        mine = [100.0 if other % 7 == at else 0.0 for other in range(17)]
        pair = bounds(Days(held, mine, weekly=True), 4)["cost_per_day"]
        assert pair == pytest.approx((sum(mine) / 17,) * 2)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_few_weeks_do_not_make_bounds_too_narrow(count: int) -> None:
    """The variance of a mean of independent days of seven kinds is that of each kind over its number."""
    draw = np.random.default_rng(count)
    costs = (np.tile(np.arange(7) * 100.0, count) + draw.normal(0, 10, count * 7)).tolist()
    kinds = np.asarray(costs).reshape(count, 7)
    error = np.sqrt((kinds.var(axis=0, ddof=1) / count).sum()) / 7
    low, high = bounds(Days([day([])] * count * 7, costs, weekly=True), 2)["cost_per_day"]
    assert (high - low) / 2 == pytest.approx(1.645 * error, rel=0.1)


def test_by_weekday_it_is_the_same_for_a_seed_and_other_ones_for_another() -> None:
    draw = np.random.default_rng(6)
    of = Days([day(draw.lognormal(1, 1, 40)) for _ in range(16)], draw.random(16).tolist(), weekly=True)
    assert bounds(of, 4) == bounds(of, 4)
    assert bounds(of, 4) != bounds(of, 5)


@pytest.mark.parametrize("weekly", [False, True])
def test_what_days_share_is_taken_off_what_they_have_together(weekly: bool) -> None:
    billed = [0.0, 20.0] * 7

    def paid(mean: np.ndarray) -> np.ndarray:
        return np.maximum(mean - 10.0, 0.0) * 2

    of = Days([day([])] * 14, [5.0] * 14, weekly, billed, paid)
    low, high = bounds(of, 3)["cost_per_day"]
    # As many days of either kind leave nothing to pay; by themselves the others would always pay.
    assert low == 5.0
    assert high > 5.0
    even = Days([day([])] * 14, [5.0] * 14, weekly, [14.0] * 14, paid)
    assert bounds(even, 3)["cost_per_day"] == (13.0, 13.0)
