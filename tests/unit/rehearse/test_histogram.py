"""Tests of HDR histograms: what they count, how near percentiles are, merging, and the written forms."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.rehearse import histogram as hdr
from bqsim.rehearse.histogram import Histogram, Histograms

SECONDS = st.lists(st.floats(0, 3e6), min_size=1, max_size=60)
PERCENTS = (0.0, 1.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0)


def of(values: object) -> Histogram:
    made = Histogram()
    made.record(np.asarray(values, float))
    return made


def nearest_rank(values: list[float], percent: float) -> float:
    at = max(1, math.ceil(percent / 100 * len(values) - 1e-9))
    return sorted(values)[at - 1]


@given(st.lists(st.integers(0, (1 << 53) - 1), min_size=1, max_size=50))
def test_a_value_lies_in_its_bucket(values: list[int]) -> None:
    whole = np.asarray(values, np.int64)
    buckets = hdr.bucket_of(whole)
    low, high = hdr.lowest(buckets), hdr.highest(buckets)
    assert np.all((low <= whole) & (whole <= high))
    assert np.all((high - low + 1) * 1000 <= np.maximum(low, 1000))
    assert buckets.max() < hdr.BUCKETS


def test_buckets_follow_each_other_without_gaps() -> None:
    buckets = np.arange(hdr.BUCKETS, dtype=np.int64)
    low, high = hdr.lowest(buckets), hdr.highest(buckets)
    assert low[0] == 0
    assert np.array_equal(low[1:], high[:-1] + 1)
    assert np.array_equal(hdr.bucket_of(low), buckets)
    assert np.array_equal(hdr.bucket_of(high), buckets)
    assert high[-1] == (1 << 53) - 1


@given(SECONDS)
def test_percentiles_are_within_a_thousandth(values: list[float]) -> None:
    made = of(values)
    for percent, told in zip(PERCENTS, made.percentiles(PERCENTS), strict=True):
        assert told == pytest.approx(nearest_rank(values, percent), rel=1e-3, abs=1e-6)


@given(SECONDS)
def test_mean_count_and_ends_are_exact(values: list[float]) -> None:
    made = of(values)
    whole = [round(v * 1e6) for v in values]
    assert made.count == len(values)
    assert made.mean == sum(whole) / len(whole) / 1e6
    assert (made.smallest, made.largest) == (min(whole) / 1e6, max(whole) / 1e6)
    assert made.total == sum(whole) / 1e6


@settings(max_examples=30)
@given(st.lists(SECONDS, min_size=1, max_size=4))
def test_merging_is_recording_all_in_any_order(parts: list[list[float]]) -> None:
    together = of([v for part in parts for v in part])
    assert Histogram.merged(map(of, parts)) == together
    assert Histogram.merged(map(of, reversed(parts))) == together


@given(SECONDS)
def test_json_and_back(values: list[float]) -> None:
    made = of(values)
    assert Histogram.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_counts_are_repetitions() -> None:
    once = Histogram()
    once.record([1.0, 2.0, 3.0], [2, 0, 1])
    assert once == of([1.0, 1.0, 3.0])
    once.record(1.0, 3)
    assert once.count == 6


def test_jobs_of_one_length_have_it_exactly_at_each_percentile() -> None:
    made = Histogram()
    made.record(12.345, 1000)
    assert set(made.percentiles(PERCENTS)) == {12.345}


def test_999_of_1000_are_not_above_the_percentile_99_9() -> None:
    made = of(np.arange(1, 1001) / 1e6)
    assert made.percentile(99.9) == 999e-6
    assert made.percentile(100) == 1e-3


def test_nothing_recorded() -> None:
    made = Histogram()
    made.record([])
    assert made.count == 0
    for value in (made.mean, made.smallest, made.largest, made.deviation, made.percentile(50)):
        assert math.isnan(value)
    assert Histogram.from_dict(made.to_dict()) == made
    assert list(made.buckets()) == []


def test_how_many_are_within_a_time() -> None:
    made = of([0.5, 1.0, 1.5, 90.0])
    assert [made.within(s) for s in (-1, 0, 0.5, 1.2, 3600, 8e9)] == [0, 0, 1, 2, 4, 4]


def test_weeks_and_microseconds_together() -> None:
    made = of([1e-6, 8 * 7 * 86400.0])
    assert made.percentile(50) == 1e-6
    assert made.percentile(100) == 8 * 7 * 86400.0


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, 1e12])
def test_what_is_no_time_is_refused(value: float) -> None:
    made = Histogram()
    with pytest.raises(ValueError, match="seconds of at least 0"):
        made.record([1.0, value])
    assert made.count == 0


def test_wrong_percentiles_counts_and_documents_are_refused() -> None:
    made = of([1.0])
    with pytest.raises(ValueError, match="between 0 and 100"):
        made.percentile(101)
    with pytest.raises(ValueError, match="at least 0 times"):
        made.record([1.0], [-1])
    written = made.to_dict()
    for wrong in (
        {},
        {**written, "unit": "ms"},
        {**written, "counts": [[-1, 2]]},
        {**written, "counts": None},
    ):
        with pytest.raises(ValueError, match=r"histogram"):
            Histogram.from_dict(wrong)


def test_deviation() -> None:
    values = np.random.default_rng(5).gamma(2.0, 3.0, 20_000)
    assert of(values).deviation == pytest.approx(float(values.std()), rel=1e-3)


def test_sums_beyond_64_bits_stay_exact() -> None:
    made = Histogram()
    made.record(np.full(3000, 9e9))
    made.record(9e9, 7)
    assert made.mean == 9e9


HGRM = """\
       Value     Percentile TotalCount 1/(1-Percentile)

       0.001 0.000000000000          1           1.00
       0.002 0.100000000000          2           1.11
       0.003 0.200000000000          3           1.25
       1.000 0.300000000000          4           1.43
       2.047 0.400000000000          5           1.67
       2.049 0.500000000000          6           2.00
       5.003 0.550000000000          8           2.22
       5.003 0.600000000000          8           2.50
       5.003 0.650000000000          8           2.86
       5.003 0.700000000000          8           3.33
     123.519 0.750000000000          9           4.00
     123.519 0.775000000000          9           4.44
     123.519 0.800000000000          9           5.00
   10002.431 0.825000000000         10           5.71
   10002.431 0.850000000000         10           6.67
   10002.431 0.875000000000         10           8.00
   10002.431 0.887500000000         10           8.89
   10002.431 0.900000000000         10          10.00
   59015.167 0.912500000000         11          11.43
   59015.167 1.000000000000         11
#[Mean    =     6285.323, StdDeviation   =    16912.384]
#[Max     =    59000.000, Total count    =           11]
#[Buckets =           16, SubBuckets     =         2048]
"""


def test_the_text_that_histogram_tools_read() -> None:
    micros = [1, 2, 3, 1000, 2047, 2048, 5000, 5000, 123456, 10**7, 59 * 10**6]
    assert of(np.asarray(micros) / 1e6).hgrm() == HGRM


def test_the_text_of_nothing() -> None:
    assert Histogram().hgrm().splitlines()[2:] == [
        "#[Mean    =        0.000, StdDeviation   =        0.000]",
        "#[Max     =        0.000, Total count    =            0]",
        "#[Buckets =            1, SubBuckets     =         2048]",
    ]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1e6)), max_size=80), st.integers(1, 5))
def test_many_are_as_each_by_itself(pairs: list[tuple[int, float]], chunks: int) -> None:
    many = Histograms(5)
    which = np.asarray([w for w, _ in pairs], np.int32)
    values = np.asarray([v for _, v in pairs])
    for part in np.array_split(np.arange(len(pairs)), chunks):
        many.record(which[part], values[part])
    for number in range(len(many)):
        assert many.one(number) == of(values[which == number])


def test_very_many_are_coarser_and_take_less() -> None:
    draw = np.random.default_rng(6)
    values = draw.lognormal(1.0, 2.0, 20_000)
    which = draw.integers(0, 3, len(values)) * 500
    fine, coarse = Histograms(hdr.MOST_FINE), Histograms(hdr.MOST_FINE + 1)
    for many in (fine, coarse):
        many.record(np.minimum(which, 999), values)
    assert (fine.coarse, coarse.coarse) == (False, True)
    one, other = fine.one(500), coarse.one(500)
    assert (one.count, one.mean, one.largest) == (other.count, other.mean, other.largest)
    assert other.percentiles(PERCENTS) == pytest.approx(one.percentiles(PERCENTS), rel=6e-3)
    assert coarse._pool.nbytes < fine._pool.nbytes / 3
    coarse.record(np.array([7, 7]), [1e-6, 8e9])
    assert coarse.one(7).percentiles((0, 100)) == (4e-6, 8e9)


def test_memory_of_many_is_that_of_the_buckets_in_use() -> None:
    many = Histograms(100)
    for _ in range(20):
        many.record(np.arange(100), np.full(100, 2.0))
    assert many.one(99).count == 20
    assert many._pool.nbytes <= 2 * 100 * 64 * 4
