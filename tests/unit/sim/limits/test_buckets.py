"""Buckets against a model in fractions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.limits.buckets import Bucket, DayCount

SECOND = 1_000_000


@dataclass
class Model:
    """Tokens left, refilled continuously up to the amount."""

    amount: int
    period_us: int
    left: Fraction
    at_us: int = 0

    def refill(self, now_us: int) -> None:
        gained = Fraction(self.amount * (now_us - self.at_us), self.period_us)
        self.left = min(Fraction(self.amount), self.left + gained)
        self.at_us = now_us

    def take(self, cost: int, debt: bool) -> bool:
        enough = self.left >= min(cost, self.amount) if debt else self.left >= cost
        if enough:
            self.left -= cost
        return enough


STEPS = st.lists(st.tuples(st.integers(0, 30 * SECOND), st.integers(1, 40)), max_size=60)


@given(
    st.integers(1, 30), st.sampled_from([1, 7, SECOND, 10 * SECOND, 86_400 * SECOND]), st.booleans(), STEPS
)
def test_bucket_is_the_model(amount: int, period_us: int, debt: bool, steps: list[tuple[int, int]]) -> None:
    bucket, model, now = Bucket(amount, period_us, 0), Model(amount, period_us, Fraction(amount)), 0
    for step, cost in steps:
        now += step
        bucket.settle(amount, now)
        model.refill(now)
        fits = bucket.fits(cost, debt)
        if not fits:
            _check_wait(bucket, cost, debt, now)
        assert fits == model.take(cost, debt)
        if fits:
            bucket.take(cost)
        assert Fraction(bucket.used, period_us) == amount - model.left
    assert bucket.idle_us >= now


def _check_wait(bucket: Bucket, cost: int, debt: bool, now: int) -> None:
    """After the wait it fits, and not one microsecond earlier."""
    wait = bucket.wait_us(cost, debt)
    if wait is None:
        assert cost > bucket.amount
        return
    for early, fits in ((1, False), (0, True)):
        later = Bucket(bucket.amount, bucket.period_us, bucket.at_us, bucket.used)
        later.settle(bucket.amount, now + wait - early)
        assert later.fits(cost, debt) == fits


@given(st.integers(1, 50), st.integers(1, 100), st.integers(0, 10 * SECOND))
def test_an_idle_bucket_has_nothing_used(amount: int, cost: int, step: int) -> None:
    bucket = Bucket(amount, SECOND, 0)
    bucket.take(cost)
    bucket.settle(amount, min(step, bucket.idle_us))
    idle = bucket.idle_us
    bucket.settle(amount, idle - 1)
    assert bucket.used > 0 or idle == bucket.at_us
    bucket.settle(amount, idle)
    assert bucket.used == 0


def test_time_that_has_passed_changes_nothing() -> None:
    bucket = Bucket(5, SECOND, 100)
    bucket.take(5)
    bucket.settle(5, 50)
    assert (bucket.used, bucket.at_us) == (5 * SECOND, 100)


def test_fill_takes_what_is_there() -> None:
    bucket = Bucket(5, SECOND, 0)
    bucket.fill(3)
    assert bucket.tokens == 3
    bucket.fill(3)
    assert bucket.tokens == 5
    bucket.take(2)
    bucket.fill(3)
    assert bucket.tokens == 7


def test_a_larger_amount_takes_effect_at_once() -> None:
    bucket = Bucket(5, 10 * SECOND, 0)
    bucket.take(5)
    assert not bucket.fits(1)
    bucket.settle(50, 0)
    assert bucket.fits(45)
    assert not bucket.fits(46)


@pytest.mark.parametrize(("cost", "wait"), [(1, 900), (100, 900), (101, None)])
def test_day_count(cost: int, wait: int | None) -> None:
    count = DayCount(100, 1_000)
    assert count.fits(100)
    count.take(100)
    assert not count.fits(cost)
    assert count.wait_us(cost, 100) == wait
    count.settle(100, 999, 2_000)
    assert count.used == 100
    count.settle(100, 1_000, 2_000)
    assert (count.used, count.end_us) == (0, 2_000)
