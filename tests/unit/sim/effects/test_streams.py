from __future__ import annotations

import pytest

from bqsim.errors import StorageFailure
from bqsim.sim.effects.streams import FULL_BYTES_PER_S, StreamPlan

ENDED = StorageFailure("UNAVAILABLE", "ended")


def test_a_plan_of_nothing_changes_nothing() -> None:
    plan = StreamPlan()
    assert plan.broken(10**12) is None
    assert list(plan.parts(5, 5, 100)) == [100]
    assert plan.delay_s(True, 10, 10**9) == 0
    assert plan.ack() == 0
    assert plan.events(0, 1, 0, 1) is None


@pytest.mark.parametrize(
    ("after", "carried", "rows", "parts", "broken"),
    [
        (10, 0, 4, [4], False),
        (10, 4, 6, [6], True),
        (10, 4, 20, [6], True),
        (10, 10, 20, [], True),
        (0, 0, 20, [], True),
    ],
)
def test_a_stream_carries_exactly_the_rows_before_its_break(
    after: int, carried: int, rows: int, parts: list[int], broken: bool
) -> None:
    plan = StreamPlan(breaks=(after, ENDED))
    assert list(plan.parts(1000 + carried, carried, rows)) == parts
    assert plan.broken(carried + sum(parts)) is (ENDED if broken else None)


@pytest.mark.parametrize(
    ("offset", "rows", "parts"),
    [(0, 5, [5]), (0, 10, [10]), (0, 25, [10, 10, 5]), (12, 20, [8, 12]), (10, 10, [10]), (40, 5, [5])],
)
def test_messages_begin_at_cuts(offset: int, rows: int, parts: list[int]) -> None:
    assert list(StreamPlan(cuts=(20, 10)).parts(offset, 3, rows)) == parts


def test_cuts_behind_the_break_do_not_count() -> None:
    assert list(StreamPlan(breaks=(12, ENDED), cuts=(10, 20)).parts(0, 0, 100)) == [10, 2]


def test_only_the_first_message_waits_for_the_first_byte() -> None:
    plan = StreamPlan(first_byte=lambda: 2.0, page=lambda rows, size: rows + size / 10)
    assert plan.delay_s(True, 3, 10) == 6.0
    assert plan.delay_s(False, 3, 10) == 4.0


@pytest.mark.parametrize(("percent", "factor"), [(0, 0), (50, 1), (75, 3), (99, 99), (100, 99)])
def test_throttling_adds_to_the_time_that_a_message_takes(percent: float, factor: float) -> None:
    plan = StreamPlan(throttle_percent=percent)
    assert plan.delay_s(False, 1, FULL_BYTES_PER_S) == pytest.approx(factor)
    slow = StreamPlan(throttle_percent=percent, page=lambda rows, size: 4.0)
    assert slow.delay_s(False, 1, 100) == pytest.approx(4 + 4 * factor)
