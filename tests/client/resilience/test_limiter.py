"""The rate limiter, and places for interactive queries."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqclient import Runtime
from bqclient.errors import RateLimitError
from bqclient.resilience.limiter import RateLimiter, Throttle
from bqclient.runtime import Deadline


class Still(Runtime):
    """A clock that only its own sleeps move."""

    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


def test_a_burst_passes_and_the_rest_waits_its_turn() -> None:
    time = Still()
    limiter = RateLimiter(time, rate=10, burst=3)

    async def work() -> list[float]:
        return [round(await limiter.take(Deadline(time)), 6) for _ in range(6)]

    assert asyncio.run(work()) == [0, 0, 0, 0.1, 0.1, 0.1]


@given(rate=st.floats(0.5, 1000), burst=st.integers(1, 50), calls=st.integers(1, 200))
def test_no_more_than_the_rate_and_a_burst(rate: float, burst: int, calls: int) -> None:
    time = Still()
    limiter = RateLimiter(time, rate, burst)

    async def work() -> None:
        for _ in range(calls):
            await limiter.take(Deadline(time))

    asyncio.run(work())
    assert calls <= burst + time.at * rate + 1e-6 * calls + 1e-6


def test_a_turn_after_the_deadline_is_refused_and_takes_nothing() -> None:
    time = Still()
    limiter = RateLimiter(time, rate=1, burst=1)

    async def work() -> float:
        await limiter.take(Deadline(time))
        for _ in range(3):
            with pytest.raises(RateLimitError) as raised:
                await limiter.take(Deadline(time, at=0.5))
            assert raised.value.retry_after == pytest.approx(1)
        return await limiter.take(Deadline(time))

    assert asyncio.run(work()) == pytest.approx(1)


def test_places() -> None:
    async def work() -> tuple[int, int]:
        throttle = Throttle(2)
        most = running = 0

        async def one(batch: bool) -> None:
            nonlocal most, running
            async with throttle.place(batch=batch):
                running += 1
                most = max(most, running)
                await asyncio.sleep(0)
                running -= 1

        await asyncio.gather(*(one(False) for _ in range(9)))
        interactive, most = most, 0
        await asyncio.gather(*(one(True) for _ in range(9)))
        assert not throttle.full
        return interactive, most

    assert asyncio.run(work()) == (2, 9)
