"""Tests of bounds by days: what they cover, that they are the same for a seed, and when there are none."""

from __future__ import annotations

import numpy as np
import pytest

from bqsim.rehearse.bounds import DRAWS, bounds, note
from bqsim.rehearse.histogram import Histogram


def day(values: object) -> Histogram:
    made = Histogram()
    made.record(np.asarray(values, float))
    return made


def test_fewer_than_three_days_have_none_and_it_is_said() -> None:
    assert bounds([day([1.0])] * 2, [1.0, 2.0], 1) == {}
    assert note(2.5) == "no bounds: they take at least 3 whole days to draw from, and 2.5 were rehearsed"
    assert note(3) == ""


def test_days_that_are_alike_have_no_width() -> None:
    found = bounds([day([1.0, 2.0, 3.0])] * 5, [7.0] * 5, 1)
    assert found == {
        "p50_duration_s": (2.000895, 2.000895),
        "p95_duration_s": (3.0, 3.0),
        "p99_duration_s": (3.0, 3.0),
        "cost_per_day": (7.0, 7.0),
    }


def test_the_mean_cost_lies_within_the_normal_interval() -> None:
    costs = np.random.default_rng(3).normal(100, 10, 400)
    low, high = bounds([day([])] * 400, costs.tolist(), 9)["cost_per_day"]
    error = 1.645 * costs.std() / 20
    assert low == pytest.approx(costs.mean() - error, rel=0.003)
    assert high == pytest.approx(costs.mean() + error, rel=0.003)


def test_percentiles_are_those_of_the_days_drawn() -> None:
    draw = np.random.default_rng(8)
    values = [draw.lognormal(n % 5 / 5, 0.5, 300) for n in range(30)]
    found = bounds([day(v) for v in values], [1.0] * 30, 5)
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
    assert bounds(days, costs, 4) == bounds(days, costs, 4)
    assert bounds(days, costs, 4) != bounds(days, costs, 5)


def test_a_day_without_jobs_counts_as_a_day() -> None:
    found = bounds([day([]), day([5.0]), day([5.0])], [0.0, 3.0, 3.0], 2)
    assert found["p50_duration_s"] == (5.0, 5.0)
    assert found["cost_per_day"][0] < 2.0


def test_no_job_ended_well() -> None:
    assert set(bounds([day([])] * 3, [1.0, 2.0, 3.0], 2)) == {"cost_per_day"}
