"""Intervals, ranges, JSON."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bqclient.errors import UsageError
from bqclient.values.types import Geography, Interval, Json, Range

_DAY = dt.date(2026, 1, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0-0 0 0:0:0", Interval()),
        ("1-2 3 4:5:6", Interval.of(years=1, months=2, days=3, hours=4, minutes=5, seconds=6)),
        ("-1-2 -3 -4:5:6.5", Interval(-14, -3, -14_706_500_000_000)),
        ("0-0 3 -0:0:0.000001", Interval(0, 3, -1000)),
        ("0-1 -3660000 0:0:0.000000001", Interval(1, -3_660_000, 1)),
    ],
)
def test_intervals_are_read(text: str, value: Interval) -> None:
    assert Interval.parse(text) == value
    assert Interval.parse(str(value)) == value


def test_intervals_are_spelled_as_the_service_does() -> None:
    assert str(Interval(-14, 3, -5_000_000)) == "-1-2 3 -0:0:0.005"


@pytest.mark.parametrize("text", ["", "1", "1-2", "1-2 3", "1-2 3 4:5", "x-2 3 4:5:6", "1-2 3 4:5:6 "])
def test_texts_that_are_no_intervals(text: str) -> None:
    with pytest.raises(UsageError, match="no INTERVAL"):
        Interval.parse(text)


@pytest.mark.parametrize("parts", [{"months": 120_001}, {"days": -3_660_001}, {"nanos": 10**21}])
def test_intervals_beyond_the_service(parts: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="at most"):
        Interval(**parts)


def test_intervals_and_timedeltas() -> None:
    delta = dt.timedelta(days=-1, seconds=3, microseconds=5)
    assert Interval.from_timedelta(delta).timedelta() == delta
    with pytest.raises(UsageError, match="months"):
        Interval(1).timedelta()


def test_ranges_know_their_element() -> None:
    assert Range(_DAY, None).element == "DATE"
    assert Range(None, dt.datetime(2026, 1, 1)).element == "DATETIME"
    aware = dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert Range(aware).element == "TIMESTAMP"
    assert Range(aware) == Range(dt.datetime(2025, 12, 31, 23, tzinfo=dt.UTC))
    assert Range(_DAY, None) == Range(_DAY, None, "DATE")
    assert _DAY in Range(_DAY) and _DAY not in Range(None, _DAY)


@pytest.mark.parametrize(
    "bounds",
    [
        (_DAY, dt.datetime(2026, 1, 2)),
        (_DAY, None, "TIMESTAMP"),
        (_DAY, _DAY),
        (dt.datetime(2026, 1, 2), dt.datetime(2026, 1, 3, tzinfo=dt.UTC)),
        (1, 2),
        (None, None, "INT64"),
    ],
)
def test_what_is_no_range(bounds: Any) -> None:
    with pytest.raises(UsageError, match="RANGE"):
        Range(*bounds)


def test_json_has_a_text() -> None:
    assert str(Json({"a": [1, None, "é"]})) == '{"a":[1,null,"é"]}'
    assert Json.parse("[1.5]") == Json([1.5])
    with pytest.raises(UsageError, match="no JSON"):
        Json.parse("{")
    with pytest.raises(UsageError, match="as JSON"):
        str(Json(float("nan")))


def test_geographies_are_texts() -> None:
    assert Geography("POINT(1 2)") == "POINT(1 2)"
