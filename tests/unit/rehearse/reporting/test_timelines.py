"""Slots over time in fewer buckets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bqsim.rehearse.reporting.timelines import busiest, days, timelines
from bqsim.sim.slots.jobs import Place, Usage

from . import fakes


def used(buckets: int) -> Usage:
    rows = np.arange(1.0, buckets + 1)[None, :]
    ms = rows * 60_000
    place = Place("r", "ENTERPRISE", "US", "", 0, 0)
    return Usage((place,), 60_000.0, buckets * 60_000.0, ms, ms, ms, ms, ms, rows, rows)


@pytest.mark.parametrize(
    ("buckets", "most", "bucket_s", "first"),
    [(3, 10, 60, 1), (4, 2, 120, 1.5), (7, 2, 300, 3), (1440, 100, 900, 8)],
    ids=["as they are", "pairs", "fives", "a day"],
)
def test_buckets_are_merged_to_round_times(buckets: int, most: int, bucket_s: int, first: float) -> None:
    (one,) = timelines(used(buckets), most)
    assert (one.bucket_s, one.used[0]) == (bucket_s, first)
    assert len(one.used) <= most
    assert one.peak_queued[0] == bucket_s / 60


def test_the_last_bucket_is_a_mean_over_what_it_has() -> None:
    (one,) = timelines(used(7), 2)
    assert one.used.tolist() == [3, 6.5]
    assert one.peak_scaled.tolist() == [5, 7]


def test_the_mean_of_all_is_kept() -> None:
    usage = fakes.usage()
    for at, one in enumerate(timelines(usage, 96)):
        assert one.used.mean() == pytest.approx(usage.used_ms[at].mean() / usage.bucket_ms)
        assert one.active


def test_more_buckets_than_any_round_time() -> None:
    (one,) = timelines(used(100_000), 1)
    assert len(one.used) == 1


def test_nothing_at_all() -> None:
    none = np.zeros((1, 0))
    place = Place("r", "", "", "", 0, 0)
    (one,) = timelines(Usage((place,), 1.0, 0.0, none, none, none, none, none, none, none), 5)
    assert len(one.used) == 0
    assert not one.active
    assert timelines(fakes.empty().settings[0].usage, 5) == []


def test_a_day_of_its_own_is_the_busiest() -> None:
    usage = fakes.usage(days=5)
    day = busiest(usage)
    assert day is not None
    sums = usage.used_ms.sum(axis=0).reshape(5, 1440).sum(axis=1)
    assert sums[day] == sums.max()
    (first, *_) = timelines(usage, 96, day=day)
    assert (len(first.used), first.bucket_s) == (96, 900)
    assert first.used.mean() * 1440 == pytest.approx(
        usage.used_ms[0, day * 1440 : day * 1440 + 1440].sum() / 6e4
    )


def test_there_is_no_busiest_day_of_one_or_of_long_buckets() -> None:
    assert busiest(fakes.usage(days=1)) is None
    assert busiest(fakes.empty().settings[0].usage) is None
    coarse = replace(fakes.usage(days=5), bucket_ms=86_400_000.0)
    assert busiest(coarse) is None
    assert days(fakes.usage(days=5)) == 5


def test_the_last_day_may_be_short() -> None:
    short = fakes.usage(days=1.5)
    (one, *_) = timelines(short, 1000, day=1)
    assert len(one.used) == 720
    (none, *_) = timelines(short, 1000, day=7)
    assert len(none.used) == 0


def test_buckets_can_be_asked_to_be_long() -> None:
    (one, *_) = timelines(fakes.usage(days=14), 120, least_s=86_400)
    assert (one.bucket_s, len(one.used)) == (86_400, 14)


def test_buckets_of_odd_lengths_are_merged_all_the_same() -> None:
    odd = replace(used(100), bucket_ms=7_000.0)
    (one,) = timelines(odd, 10)
    assert len(one.used) <= 10
