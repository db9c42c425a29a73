from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.rehearse.streams.queues import Buckets, Levels, Queue, Window

AMOUNTS = st.lists(st.floats(0, 1e9), min_size=1, max_size=60)


@given(AMOUNTS, st.sampled_from([0.0, 50.0, 100.0]))
def test_percentiles_are_within_a_thousandth(values: list[float], percent: float) -> None:
    levels = Levels()
    for one in np.array_split(np.array(values), 3):
        levels.add(one)
    ordered = sorted(values)
    true = ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]
    assert levels.percentile(percent) == pytest.approx(true if percent else levels.percentile(0), rel=1.1e-3)
    assert levels.percentile(100) == max(values)


def test_percentiles_are_by_weight() -> None:
    levels = Levels()
    levels.add(np.array([1.0, 10.0]), np.array([99.0, 1.0]))
    levels.add_zeros(100.0)
    assert levels.total == 200
    assert levels.percentile(50) == 0.0
    assert levels.percentile(99) == pytest.approx(1.0, rel=2e-3)
    assert levels.percentile(100) == 10.0
    assert math.isnan(Levels().percentile(50))


@given(AMOUNTS, st.integers(1, 30), st.integers(1, 7))
def test_a_window_adds_up_the_last_seconds(values: list[float], seconds: int, block: int) -> None:
    window = Window(seconds)
    found = [
        one
        for at in range(0, len(values), block)
        for one in window.sums(np.array(values[at : at + block])).tolist()
    ]
    true = [sum(values[max(0, at - seconds + 1) : at + 1]) for at in range(len(values))]
    assert found == pytest.approx(true, rel=1e-9, abs=1e-3)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=60),
    st.integers(1, 20),
    st.integers(0, 40),
    st.integers(1, 9),
)
def test_what_waits_is_what_a_bucket_has_no_room_for(
    values: list[int], rate: int, depth: int, block: int
) -> None:
    queue = Queue(float(rate), float(depth))
    found: list[float] = []
    for at in range(0, len(values), block):
        some = np.array(values[at : at + block], float)
        waiting = queue.waiting(some)
        found += [0.0] * len(some) if waiting is None else waiting.tolist()
    level, true = 0, []
    for one in values:
        level = max(0, level + one - rate)
        true.append(max(0, level - depth))
    assert found == true


def test_stretches_keep_their_largest_value() -> None:
    buckets = Buckets(10, 4)
    assert buckets.length == 3
    buckets.add(np.array([1.0, 2.0]))
    buckets.add(np.array([5.0, 4.0, 3.0, 0.0, 7.0, 0.0, 0.0, 9.0]))
    assert buckets.told() == [5.0, 4.0, 7.0, 9.0]


def test_values_beyond_single_precision_are_values() -> None:
    levels = Levels()
    levels.add(np.array([1.0, 2e40, 3e50]))
    assert levels.largest == 3e50
    assert levels.percentile(30) == pytest.approx(1.0, rel=1e-3)
    assert levels.percentile(99) == 3e50
