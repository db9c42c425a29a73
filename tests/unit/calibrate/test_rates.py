"""Rates and their intervals."""

from __future__ import annotations

import pytest

from bqsim.calibrate.rates import rate, wilson


def test_interval() -> None:
    # Wilson's interval of 5 in 100.
    assert wilson(5, 100) == pytest.approx((0.02154, 0.11175), abs=1e-4)
    low, high = wilson(0, 50)
    assert low == 0.0 and 0.05 < high < 0.08


def test_rates() -> None:
    found = rate("bigquery.jobs.insert", "503", 3, 60)
    assert (found.rate, found.known, found.by_chance) == (0.05, "backendError", True)
    assert not rate("QUERY jobs", "invalidQuery", 3, 60).by_chance
    with pytest.raises(ValueError):
        rate("x", "y", 3, 2)
