"""The factor that is told keeps every quota, and a little more of the load does not."""

from __future__ import annotations

import math

import pytest

from bqsim.rehearse.streams.headroom import bisected

from .plans import quota, told

MIX = (
    "name: a, row_bytes: 700, rows: {mmpp: [{per_s: 90000, lasts: 1m}, {per_s: 1000, lasts: 1m}]}",
    "name: b, row_bytes: 700, rows: {diurnal: {per_s: 30000, peak_hour: 0}}, method: committed, tables: 3",
    "name: c, row_bytes: 700, rows: {constant: 3100}, method: pending, commit_every: 60s",
)


def with_times(factor: float) -> tuple[str, ...]:
    return tuple(f"{text}, times: {factor!r}" for text in MIX)


@pytest.mark.parametrize(
    ("limit", "amount"),
    [
        ("append_bytes", 600_000_000),
        ("write_connections", 333),
        ("create_write_stream_requests", 700),
        ("commit_streams", 7),
        ("commit_pending_bytes", 200_000_000),
    ],
)
def test_the_factor_is_the_largest_that_keeps_a_quota(limit: str, amount: int) -> None:
    more = f"quotas: {{values: {{{limit}: {amount}}}}}"
    found = told(*MIX, seconds=4000, more=more)
    first = found.first
    assert first is not None
    assert first.limit == limit
    assert first.factor > 1
    near = 1.006 if limit == "create_write_stream_requests" else 1.002
    assert not quota(told(*with_times(first.factor * 0.9999), seconds=4000, more=more), limit).passed
    assert quota(told(*with_times(first.factor * near), seconds=4000, more=more), limit).passed


def test_a_quota_that_is_passed_is_kept_by_a_smaller_factor() -> None:
    more = "quotas: {values: {create_write_stream_requests: 130}}"
    found = told(*MIX, seconds=4000, more=more)
    one = quota(found, "create_write_stream_requests")
    assert one.passed
    assert 0 < one.factor < 1
    assert not quota(told(*with_times(one.factor), seconds=4000, more=more), one.limit).passed
    few = told(*MIX, seconds=4000, more="quotas: {values: {create_write_stream_requests: 50}}")
    # A write stream each minute and one for each table are created whatever comes.
    assert quota(few, "create_write_stream_requests").factor == 0.0


def test_connections_grow_with_what_comes_where_each_table_has_one_already() -> None:
    """Ten tables with a connection each, all of the time: more load passes the quota at the peak first."""
    more = "quotas: {values: {write_connections: 100}}"
    day = "row_bytes: 1000, bytes: {diurnal: {per_s: 5000000, peak_hour: 1}}, method: committed, tables: 10"
    one = quota(told(day, seconds=7200, more=more), "write_connections")
    assert one.use.peak == pytest.approx(0.1)
    # Ten connections of a megabyte a second for each table, 5 MB a second at the peak.
    assert one.factor == pytest.approx(20, rel=1e-3)
    lone = f"name: b, {day.replace('tables: 10', 'tables: 1')}"
    both = quota(told(f"name: a, {day}", lone, seconds=7200, more=more), "write_connections")
    assert both.use.peak == pytest.approx(0.15)
    assert both.factor == pytest.approx(10, rel=1e-2)


def test_what_does_not_depend_on_the_load_has_no_factor() -> None:
    found = told("row_bytes: 10, rows: {constant: 1}, method: committed, connections: 3")
    assert quota(found, "write_connections").factor == math.inf
    assert quota(found, "create_write_stream_requests").factor == math.inf
    assert quota(found, "append_request_bytes").factor == math.inf
    assert found.first is quota(found, "")


@pytest.mark.parametrize("true", [0.37, 1.0, 17.0])
def test_bisection_finds_the_last_that_holds(true: float) -> None:
    assert bisected(lambda factor: factor <= true, 1e6, 1e-6) == pytest.approx(true, rel=2e-6)
    assert bisected(lambda factor: factor <= true, 1e6, 1e-6) <= true
    assert bisected(lambda factor: False, 1e6, 1e-6) == 0.0
    assert bisected(lambda factor: True, 1e6, 1e-6) == math.inf
    assert bisected(lambda factor: True, 5.0, 1e-6) == 5.0
