from __future__ import annotations

from itertools import combinations

import pytest

from bqsim.cost.robust import (
    FALLEN,
    RISEN,
    SAME,
    UNDECIDED,
    Rules,
    chance_above,
    compare,
    quantile,
    rate_interval,
    spread,
)

WARM = [900.0, 500.0]
STEADY = [100.0, 104.0, 97.0, 101.0, 99.0, 103.0]


def test_a_single_run_never_decides() -> None:
    for n in range(1, 6):
        found = compare([100.0] * n, [9000.0] * n)
        assert found.verdict == UNDECIDED
        assert "7 runs are needed" in found.why


def test_a_rise_is_found_and_a_fall() -> None:
    higher = [1.5 * v for v in STEADY]
    risen = compare(WARM + STEADY, WARM + higher)
    assert risen.verdict == RISEN
    assert risen.confidence > 0.99
    assert risen.ratio == pytest.approx(0.5, abs=0.02)
    assert risen.interval[0] > 0
    assert compare(WARM + higher, WARM + STEADY).verdict == FALLEN


def test_noise_is_no_rise() -> None:
    other = [98.0, 103.0, 105.0, 99.0, 102.0, 100.0]
    assert compare(WARM + STEADY, WARM + other).verdict == SAME
    assert compare(WARM + STEADY, WARM + [v * 1.05 for v in STEADY]).verdict == SAME


def test_one_outlier_does_not_decide() -> None:
    assert compare(WARM + STEADY, [*WARM, *STEADY[:-1], 100_000.0]).verdict == SAME


def test_the_first_runs_are_left_out() -> None:
    assert compare(STEADY + STEADY, [9000.0, 8000.0, *STEADY]).verdict == SAME
    assert compare([9000.0, 8000.0, *STEADY], STEADY + STEADY).verdict == SAME


def test_a_wide_spread_needs_more() -> None:
    wide = [50.0, 400.0, 90.0, 300.0, 70.0, 250.0]
    found = compare(WARM + wide, WARM + [v * 1.3 for v in wide])
    assert found.verdict in (SAME, UNDECIDED)


def test_values_that_are_all_the_same() -> None:
    assert compare([5.0] * 8, [5.0] * 8).verdict == SAME
    assert compare([5.0] * 8, [10.0] * 8).verdict == RISEN


def test_rules_are_the_users() -> None:
    rules = Rules(discard=0, least=3, confidence=0.9)
    assert compare([1.0, 1.01, 0.99], [2.0, 2.01, 1.99], rules).verdict == RISEN


def test_the_chance_is_that_of_counting_all_orders() -> None:
    low, high = [1.0, 2.0, 5.0], [3.0, 4.0, 6.0, 7.0]
    ranks = range(7)
    wins = sum(a < b for a in low for b in high)
    outcomes = [
        sum(a < b for a in (r for r in ranks if r not in chosen) for b in chosen)
        for chosen in combinations(ranks, 4)
    ]
    assert chance_above(low, high) == pytest.approx(sum(w >= wins for w in outcomes) / len(outcomes))


def test_spreads() -> None:
    found = spread([1, 2, 3, 4, 100])
    assert (found.n, found.median, found.mad) == (5, 3, 1)
    assert spread([]).n == 0
    assert quantile([1, 2, 3], 0.5) == 2
    assert quantile([0, 10], 0.25) == 2.5


def test_intervals_of_counts() -> None:
    # The exact bounds of Poisson's distribution.
    low, high = rate_interval(10)
    assert low == pytest.approx(4.795, abs=0.05)
    assert high == pytest.approx(18.39, abs=0.05)
    assert rate_interval(0)[0] == 0
