from __future__ import annotations

import math
from dataclasses import asdict

import pytest

from bqsim.rehearse.streams import measure
from bqsim.rehearse.streams.results import StreamingResult
from bqsim.sim.limits import Facts, Limits, Moment, Setup
from bqsim.sim.limits.calls import INSERT_ALL
from bqsim.sim.methods import APPEND_ROWS

from .plans import quota, told

SECOND_US = 1_000_000


def refused(limits: Limits, facts: Facts, per_s: float, requests: int, end_s: float) -> list[float]:
    """When the simulator refuses requests that come evenly, ``per_s`` of them."""
    found = []
    for number in range(min(requests, int(end_s * per_s))):
        at_s = number / per_s
        if limits.charge(facts, round(at_s * SECOND_US)) is not None:
            found.append(at_s)
    return found


@pytest.mark.parametrize(("rows_s", "amount"), [(1300, 1000), (1100, 1000), (2500, 500), (1000, 1000)])
def test_the_simulator_refuses_when_it_is_rehearsed_to(rows_s: int, amount: int) -> None:
    """The same load at the simulator's own counter: refused from the same second on, or never."""
    found = told(
        f"method: insertAll, insert_ids: true, row_bytes: 10, rows_per_request: 10, "
        f"rows: {{constant: {rows_s}}}",
        seconds=60,
        more=f"quotas: {{values: {{insert_id_rows_per_table: {amount}}}}}",
    )
    one = quota(found, "insert_id_rows_per_table")
    limits = Limits(Setup(amounts={"insert_id_rows_per_table": amount}))
    facts = Facts(
        Moment.CALL, INSERT_ALL, project="project", region="us", table="project:dataset.stream",
        flags=frozenset({"insert_id"}), sizes={"rows": 10},
    )  # fmt: skip
    seen = refused(limits, facts, rows_s / 10, 10**9, 60)
    if one.refused_from_s is None:
        assert not seen
        assert rows_s <= amount
    else:
        assert seen[0] == pytest.approx(one.refused_from_s, abs=1.0)
        # What is refused for the first time, of requests that do not come again, is what is beyond the quota.
        share = len(seen) / (rows_s / 10 * (60 - seen[0]))
        assert share == pytest.approx(1 - amount / rows_s, abs=0.02)


def test_what_waits_is_delayed_by_what_came_before_it() -> None:
    """Twice the quota for a minute of ten: a bucket of one second, then a queue that drains at the quota."""
    found = told(
        "row_bytes: 1000, bytes: {bursts: {size: 12000000, every: 10m, spread: 60s}}",
        more="quotas: {values: {append_bytes: 100000}}",
    )
    one = quota(found, "append_bytes")
    assert one.use.peak == pytest.approx(2.0)
    assert (one.over_from_s, one.refused_from_s) == (0.0, 1.0)
    assert one.over_time == pytest.approx(0.1)
    assert one.over_bytes == pytest.approx(0.5)
    assert one.backlog == pytest.approx(60 * 100_000 - 100_000)
    assert one.longest_s == pytest.approx(59)
    # Twelve million bytes at a hundred thousand a second, of which the first came from the bucket.
    assert one.drained_s == pytest.approx(119, abs=1)
    (stream,) = found.streams
    assert stream.delay.p50 == pytest.approx(29, abs=0.6)
    assert stream.delay.p99 == pytest.approx(58.4, abs=0.6)
    assert stream.delay.largest == pytest.approx(59)
    assert stream.lost == 0
    assert found.delay_p99_s == stream.delay.p99
    assert one.factor == pytest.approx(0.5)


def test_a_backlog_that_is_left_is_drained_after_the_end() -> None:
    found = told(
        "row_bytes: 1000, bytes: {constant: 150000}",
        seconds=100,
        more="quotas: {values: {append_bytes: 100000}}",
    )
    one = quota(found, "append_bytes")
    assert one.backlog == pytest.approx(50_000 * 100 - 100_000)
    assert one.drained_s == pytest.approx(100 + 49)


def test_shares_are_percentiles_by_second() -> None:
    found = told("row_bytes: 1000, bytes: {bursts: {size: 30000000, every: 20s, spread: 1s}}", seconds=2000)
    one = quota(found, "append_bytes")
    assert (one.use.p50, one.use.p95) == (0.0, 0.0)
    assert one.use.p99 == pytest.approx(0.01, rel=1e-3)
    assert one.use.peak == pytest.approx(0.01)
    assert one.peak == pytest.approx(3e7)


def test_a_quota_of_an_hour_is_counted_by_the_hour() -> None:
    """Four write streams every ten seconds: 1,440 an hour once an hour has passed."""
    text = "method: pending, commit_every: 10s, tables: 4, row_bytes: 100, rows: {constant: 1}"
    found = told(text, seconds=3 * 3600, more="quotas: {values: {create_write_stream_requests: 1000}}")
    one = quota(found, "create_write_stream_requests")
    assert one.peak == 1440
    assert one.use.peak == pytest.approx(1.44)
    assert one.over_from_s == 2500.0
    assert one.over_time == pytest.approx((3 * 3600 - 2500) / (3 * 3600))
    limits = Limits(Setup(amounts={"create_write_stream_requests": 1000}))
    facts = Facts(
        Moment.CALL,
        "google.cloud.bigquery.storage.v1.BigQueryWrite.CreateWriteStream",
        project="project",
        region="us",
    )
    seen = [
        at
        for at in range(0, 3 * 3600, 10)
        for _ in range(4)
        if limits.charge(facts, at * SECOND_US) is not None
    ]
    assert one.refused_from_s == pytest.approx(seen[0], abs=10)
    assert one.factor == 0.0


def test_connections_beyond_their_quota_hold_what_they_would_carry() -> None:
    text = "row_bytes: 1000, bytes: {constant: 25000000}"
    within = quota(told(text), "write_connections")
    assert (within.peak, within.over_from_s) == (25, None)
    assert within.factor == pytest.approx(800, rel=1e-3)
    found = told(text, seconds=100, more="quotas: {values: {write_connections: 20}}")
    one = quota(found, "write_connections")
    assert one.use.peak == 1.25
    assert one.over_bytes == pytest.approx(0.2)
    assert one.longest_s == pytest.approx(25)
    assert one.factor == pytest.approx(0.8)
    assert found.streams[0].delay.largest == pytest.approx(25)


def test_connections_that_are_always_open_leave_others_without() -> None:
    found = told(
        "row_bytes: 1000, rows: {constant: 10}, connections: 50",
        more="quotas: {values: {write_connections: 40}}",
    )
    (stream,) = found.streams
    assert stream.share_lost == pytest.approx(0.2)
    assert (stream.delay.p50, stream.delay.p99, stream.delay.largest) == (0.0, math.inf, math.inf)
    assert stream.billed_bytes == pytest.approx(0.8 * stream.bytes)
    assert quota(found, "write_connections").factor == 0.0
    limits = Limits(Setup(amounts={"write_connections": 40}))
    facts = Facts(Moment.CALL, APPEND_ROWS, project="project", region="us")
    opened = [hasattr(limits.enter(facts, 0), "keys") for _ in range(50)]
    assert opened.count(False) == 10


def test_what_connections_carry_is_no_quota_but_delays() -> None:
    found = told("row_bytes: 1000, bytes: {constant: 3000000}, connections: 2", seconds=100)
    own = quota(found, "")
    assert (own.is_quota, own.amount, own.use.peak) == (False, 2_000_000, 1.5)
    assert found.use < 0.03
    assert found.streams[0].delay.largest == pytest.approx(50)
    assert found.first is own
    assert found.factor == pytest.approx(2 / 3)


def test_requests_that_are_too_large_are_never_taken() -> None:
    found = told("method: insertAll, row_bytes: 1 MiB, rows_per_request: 20, rows: {constant: 1}", seconds=10)
    one = quota(found, "request_bytes")
    assert (one.use.peak, one.over_from_s, one.over_bytes, one.factor) == (2.0, 0.0, 1.0, 0.0)
    (stream,) = found.streams
    assert (stream.share_lost, stream.billed_bytes, found.share_lost) == (1.0, 0.0, 1.0)
    assert found.delay_p99_s == math.inf


def test_what_few_connections_leave_waits_for_no_other_connection() -> None:
    """Two connections that are open all the time are two of ten, whatever comes."""
    more = "quotas: {values: {write_connections: 10}}"
    fixed = "name: a, row_bytes: 1000, bytes: {constant: 90000000}, connections: 2"
    free = "name: b, row_bytes: 1000, bytes: {constant: 5000000}"
    found = told(fixed, free, seconds=100, more=more)
    one = quota(found, "write_connections")
    assert (one.passed, one.longest_s, one.backlog, one.refused_from_s) == (False, 0.0, 0.0, None)
    assert found.streams[0].delay.largest > 0
    assert found.streams[1].delay.largest == 0.0


def test_commits_that_are_too_large_are_never_taken() -> None:
    text = "method: pending, commit_every: 10s, row_bytes: 1000, bytes: {bursts: {size: 3000, every: 20s}}"
    found = told(text, seconds=100, more="quotas: {values: {commit_pending_bytes: 2000}}")
    one = quota(found, "commit_pending_bytes")
    assert (one.over_from_s, one.over_time, one.over_bytes) == (10.0, 0.5, 1.0)
    assert found.streams[0].share_lost == 1.0
    assert one.factor == pytest.approx(2 / 3)
    assert quota(found, "commit_streams").peak == 1


def test_streams_of_a_project_add_up() -> None:
    rate = "row_bytes: 1000, bytes: {constant: 2000000000}"
    alone = told(f"name: a, {rate}")
    assert quota(alone, "append_bytes").over_from_s is None
    both = told(f"name: a, {rate}", f"name: b, {rate}")
    assert quota(both, "append_bytes").use.peak == pytest.approx(4 / 3)
    assert [one.delay.largest for one in both.streams] == pytest.approx([200 - 1] * 2)
    apart = told(f"name: a, {rate}", f"name: b, {rate}, project: other")
    assert not any(one.passed for one in apart.quotas)


def test_what_is_before_the_warm_up_is_not_measured_but_happens() -> None:
    text = "row_bytes: 1000, bytes: {bursts: {size: 20000000, every: 1d, spread: 100s}}"
    quotas = "quotas: {values: {append_bytes: 100000}}"
    whole = told(text, seconds=300, more=quotas)
    late = told(text, seconds=300, more=f"{quotas}\nwarm_up: 150s")
    assert quota(whole, "append_bytes").over_from_s == 0.0
    one = quota(late, "append_bytes")
    assert (one.over_from_s, one.use.peak) == (None, 0.0)
    # What came before still waits.
    assert one.backlog == pytest.approx(4_800_000 + 100_000, rel=0.03)
    assert (late.begin_s, late.seconds) == (150, 150)
    assert late.streams[0].bytes == 0.0


def test_the_same_seed_gives_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "name: a, row_bytes: 100, rows: {mmpp: [{per_s: 90000, lasts: 1m}, {per_s: 100, lasts: 1m}]}, "
        "method: insertAll, insert_ids: true",
        "name: b, row_bytes: 100, rows: {bursts: {size: 1000000, every: 1m, random: true, spread: 9s}}, "
        "method: pending, commit_every: 45s",
    )
    first = told(*text, seconds=20_000)
    assert told(*text, seconds=20_000) == first
    assert told(*text, seconds=20_000, more="seed: 2").streams[0].bytes != first.streams[0].bytes
    # How much is looked at together changes nothing but the last digits.
    monkeypatch.setattr(measure, "BLOCK_S", 777)
    again = told(*text, seconds=20_000)
    assert _figures(again) == pytest.approx(_figures(first), rel=1e-6, nan_ok=True)


def _figures(found: StreamingResult) -> list[float]:
    every = [*map(asdict, found.quotas), *map(asdict, found.streams)]
    flat = [value for one in every for value in one.values() if isinstance(value, (int, float))]
    return [float(value) for value in flat] + [one.delay.p99 for one in found.streams]


def test_memory_is_bounded_by_blocks() -> None:
    assert measure.block_s(1) == measure.BLOCK_S
    assert 1000 * measure.block_s(1000) <= 1 << 22
