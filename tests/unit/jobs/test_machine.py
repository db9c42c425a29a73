from __future__ import annotations

import pytest

from bqsim.jobs.machine import MOVES, State, Timeline


def test_a_job_starts_pending_at_its_creation_time() -> None:
    timeline = Timeline(5_000_999)
    assert timeline.state is State.PENDING
    assert timeline.created_ms == 5000
    assert timeline.ms(State.RUNNING) is None


@pytest.mark.parametrize("start", list(State))
@pytest.mark.parametrize("end", list(State))
def test_only_declared_moves_can_be_made(start: State, end: State) -> None:
    timeline = Timeline(0)
    if start is not State.PENDING:
        timeline.move(start, 1)
    if end in MOVES[start]:
        timeline.move(end, 2)
        assert timeline.state is end
    else:
        with pytest.raises(ValueError, match=f"a {start} job cannot become {end}"):
            timeline.move(end, 2)
        assert timeline.state is start


def test_run_time_is_from_running_to_done() -> None:
    timeline = Timeline(0)
    timeline.move(State.RUNNING, 2_000_000)
    assert timeline.run_ms == 0
    timeline.move(State.DONE, 5_500_000)
    assert timeline.run_ms == 3500


def test_a_job_that_never_ran_has_no_run_time() -> None:
    timeline = Timeline(0)
    timeline.move(State.DONE, 9_000_000)
    assert timeline.run_ms == 0
    assert timeline.ms(State.DONE) == 9000
