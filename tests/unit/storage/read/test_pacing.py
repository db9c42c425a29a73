from __future__ import annotations

import pytest

from bqsim.errors import StorageFailure
from bqsim.sim.clock import SimulationClock
from bqsim.sim.effects.streams import StreamPlan
from bqsim.storage.read.messages import rows_message
from bqsim.storage.read.pacing import Pace
from bqsim.storage.v1 import read_pb2

pytestmark = [
    pytest.mark.fidelity("latency:phase first_byte, latency:phase page", "exact", tests="test_delays_*"),
    pytest.mark.fidelity(
        "read:estimates",
        "approximated",
        "Nothing throttles a stream unless a rule does.",
        tests="test_throttling_*",
    ),
]

MESSAGE = rows_message(b"\x22", b"payload", 10, (0.0, 0.5))
ENDED = StorageFailure("ABORTED", "ended")


@pytest.fixture
def clock() -> SimulationClock:
    return SimulationClock()


def pace(clock: SimulationClock, plan: StreamPlan, offset: int = 0) -> Pace:
    return Pace(plan, clock, offset, lambda: False)


def test_messages_go_as_they_are_without_throttling(clock: SimulationClock) -> None:
    assert pace(clock, StreamPlan()).message(MESSAGE, 10) is MESSAGE


@pytest.mark.parametrize("percent", [0, 40, 100])
def test_throttling_is_told_in_the_message(clock: SimulationClock, percent: float) -> None:
    sent = pace(clock, StreamPlan(throttle_percent=percent)).message(MESSAGE, 10)
    message = read_pb2.ReadRowsResponse.FromString(sent)
    assert message.throttle_state.throttle_percent == percent
    assert (message.row_count, message.arrow_record_batch.serialized_record_batch) == (10, b"payload")


def test_cuts_follow_what_has_gone(clock: SimulationClock) -> None:
    going = pace(clock, StreamPlan(breaks=(25, ENDED), cuts=(112,)), offset=100)
    assert going.cut(20) == (12, 8)
    going.message(MESSAGE, 12)
    going.message(MESSAGE, 8)
    going.check()
    assert going.cut(20) == (5,)
    going.message(MESSAGE, 5)
    with pytest.raises(StorageFailure, match="ended"):
        going.check()


def test_rules_are_asked_where_each_message_is(clock: SimulationClock) -> None:
    asked = []

    def events(*place: int) -> Exception | None:
        asked.append(place)
        return ENDED if len(asked) == 3 else None

    going = pace(clock, StreamPlan(events=events), offset=100)
    going.message(MESSAGE, 10)
    going.message(MESSAGE, 5)
    with pytest.raises(StorageFailure, match="ended"):
        going.message(MESSAGE, 1)
    size = len(MESSAGE)
    assert asked == [(100, 10, 0, size), (110, 5, size, size), (115, 1, 2 * size, size)]


def test_delays_pass_on_the_clock_and_end_with_the_call(clock: SimulationClock) -> None:
    clock.scale(100_000)
    going = pace(clock, StreamPlan(first_byte=lambda: 3600.0, page=lambda rows, size: 60.0 * rows))
    start = clock.now_us()
    going.message(MESSAGE, 10)
    assert clock.now_us() - start >= 4200 * 1_000_000
    clock.freeze()
    gone = Pace(StreamPlan(first_byte=lambda: 3600.0), clock, 0, lambda: True)
    assert gone.message(MESSAGE, 10) is MESSAGE
    clock.close()
