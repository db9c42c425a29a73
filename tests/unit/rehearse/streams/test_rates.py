from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from bqsim.rehearse.plan.model import Diurnal
from bqsim.rehearse.streams.rates import is_drawn, rows_by_second, seconds_of
from bqsim.rehearse.workloads.arrivals import arrival_times
from bqsim.sim.slots import seeds
from bqsim.sim.slots.jobs import Floats

from .plans import plan

DAY = 86_400


def rows(text: str, seconds: int, block: int = 1 << 15, seed: int = 1, week_ms: float = 0.0) -> Floats:
    stream = plan(f"row_bytes: 100, {text}").streams[0]
    chance = partial(seeds.generator, seed, "streams", stream.name)
    return np.concatenate([*rows_by_second(stream, chance, seconds, block, week_ms=week_ms)])


def test_a_constant_rate_is_the_same_in_each_second() -> None:
    found = rows("rows: {constant: 1234.5}", 5000, 1024)
    assert len(found) == 5000
    assert set(found) == {1234.5}


def test_bytes_are_rows_of_their_size() -> None:
    assert set(rows("bytes: {constant: 5000}", 10)) == {50.0}


def test_times_and_growth_multiply() -> None:
    grown = rows("rows: {constant: 10}, times: 3, growth: 2", 400 * DAY, 1 << 20)
    assert grown[0] == pytest.approx(30, rel=1e-4)
    assert grown[365 * DAY] == pytest.approx(60, rel=1e-3)


def test_a_day_has_the_hours_that_jobs_have() -> None:
    text = "rows: {diurnal: {per_s: 10, hours: [%s], days: [1, 2, 1, 1, 1, 1, 0]}}"
    found = rows(text % ", ".join(str(hour) for hour in range(24)), 2 * DAY)
    assert found[3600 * 5 + 17] == pytest.approx(50)
    assert found[DAY + 3600 * 5] == pytest.approx(100)
    later = rows(text % ", ".join(str(hour) for hour in range(24)), DAY, week_ms=6 * 86_400_000.0)
    assert not later.any()


def test_a_smooth_day_is_that_of_arrivals() -> None:
    found = rows("rows: {diurnal: {per_s: 5, peak_hour: 3, night_share: 0.1}}", DAY)
    chance = partial(seeds.generator, 1, "jobs")
    jobs = np.concatenate([*arrival_times(Diurnal(18_000.0, None, None, 3.0, 0.1), chance, DAY * 1e3)])
    by_hour = np.histogram(jobs / 3.6e6, 24, (0, 24))[0]
    assert found.reshape(24, 3600).sum(axis=1) == pytest.approx(by_hour, rel=0.06)


@pytest.mark.parametrize(
    "text",
    [
        "rows: {mmpp: [{per_s: 10, lasts: 1m}, {per_s: 900, lasts: 3.5s}]}",
        "rows: {bursts: {size: 1000, every: 97.3s, spread: 40s, first: 5s}}",
        "rows: {bursts: {size: 1000, every: 60s, spread: 60s, random: true}}",
        "rows: {bursts: {size: 1000, every: 3.3s}}",
        "rows: {diurnal: {per_s: 7}}",
    ],
)
def test_blocks_of_any_size_are_the_same(text: str) -> None:
    whole = rows(text, 20_000, 1 << 20)
    assert whole.sum() > 0
    assert rows(text, 20_000, 999) == pytest.approx(whole, rel=1e-9, abs=1e-6)


def test_phases_last_as_long_as_they_should() -> None:
    found = rows("rows: {mmpp: [{per_s: 10, lasts: 5m}, {per_s: 100, lasts: 1m}]}", 60 * DAY)
    assert found.mean() == pytest.approx((10 * 5 + 100) / 6, rel=0.03)
    assert found.min() == pytest.approx(10)
    assert found.max() == pytest.approx(100)


def test_a_burst_is_spread_evenly_and_nothing_of_it_is_lost() -> None:
    found = rows("rows: {bursts: {size: 600, every: 2m, first: 10.5s, spread: 60s}}", 240)
    assert found[:10].tolist() == [0.0] * 10
    assert found[10] == pytest.approx(5)
    assert found[11:70] == pytest.approx(np.full(59, 10.0))
    assert found[70] == pytest.approx(5)
    assert found.sum() == pytest.approx(1200)
    at_once = rows("rows: {bursts: {size: 600, every: 2m, first: 10.5s}}", 240)
    assert np.flatnonzero(at_once).tolist() == [10, 130]


def test_bursts_by_chance_come_as_often() -> None:
    found = rows("rows: {bursts: {size: 100, every: 1m, random: true}}", 10 * DAY)
    assert found.sum() / 100 == pytest.approx(10 * 1440, rel=0.03)
    other = rows("rows: {bursts: {size: 100, every: 1m, random: true}}", 10 * DAY, seed=2)
    assert not np.array_equal(found, other)


def test_what_is_drawn_is_known() -> None:
    drawn = plan("row_bytes: 1, rows: {mmpp: [{per_s: 1, lasts: 1m}]}").streams[0]
    fixed = plan("row_bytes: 1, rows: {bursts: {size: 1, every: 1m}}").streams[0]
    assert (is_drawn(drawn), is_drawn(fixed)) == (True, False)


def test_a_second_that_is_begun_counts() -> None:
    assert [seconds_of(one) for one in (0.0, 1.0, 1000.0, 1000.5, 60_000.0)] == [1, 1, 1, 2, 60]
