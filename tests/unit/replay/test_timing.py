from __future__ import annotations

from typing import Any

import pytest

from bqsim.record.model import Operation
from bqsim.replay.timing import NO_TIME, Spans, Timing
from bqsim.sim.draws import Draws


def _operation(**at: float) -> Operation:
    made = Operation("query", "k", 1, {"sql": "SELECT 1"}, {"answer": {"totalBytesProcessed": "1000"}})
    made.measures = {"at": at}
    return made


@pytest.mark.parametrize(
    ("timing", "spans"),
    (
        ("zero", NO_TIME),
        ("recorded", Spans(1.0, 4.0)),
        (2.5, Spans(2.5, 10.0)),
        ("0.5", Spans(0.5, 2.0)),
        (0, NO_TIME),
    ),
)
def test_times_of_jobs(timing: Any, spans: Spans) -> None:
    made = Timing(timing)
    assert made.of(_operation(start_s=2.0, queue_s=1.0, run_s=4.0, end_s=9.0), 1) == spans
    assert made.none is (spans == NO_TIME)


def test_without_a_run_of_its_own_it_lasts_to_its_end() -> None:
    assert Timing("recorded").of(_operation(start_s=2.0, queue_s=1.0, end_s=9.0), 1) == Spans(1.0, 6.0)
    assert Timing("recorded").of(_operation(), 1) == NO_TIME


def test_calls_that_are_no_jobs() -> None:
    operation = _operation(first_byte_s=0.5)
    assert [Timing(t).before_answer_s(operation) for t in ("zero", "recorded", 3, "model")] == [
        0,
        0.5,
        1.5,
        0,
    ]


def test_models_are_drawn_from_for_each_use() -> None:
    drawn = [Timing("model", draws=Draws(1)).of(_operation(), use) for use in (1, 2, 1)]
    assert drawn[0] == drawn[2] != drawn[1]
    assert drawn[0].whole_s > 0
    assert Timing("model", draws=Draws(2)).of(_operation(), 1) != drawn[0]


@pytest.mark.parametrize("timing", ("soon", -1, "-2"))
def test_what_is_no_timing(timing: Any) -> None:
    with pytest.raises(ValueError, match=r"timing is|not negative"):
        Timing(timing)
