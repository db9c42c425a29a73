"""Where drivers meet."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.live.meeting import Meeting
from bqsim.rehearse.live.progress import Now
from bqsim.rehearse.live.tally import Tally
from bqsim.sim.clock import SimulationClock


def test_all_begin_at_one_moment(tmp_path: Path) -> None:
    meeting = Meeting(str(tmp_path))
    clock = SimulationClock()
    found: list[int | None] = []
    threads = [
        threading.Thread(target=lambda n=number: found.append(meeting.begin(n, 3, clock)))
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock.close()
    assert len(set(found)) == 1
    assert found[0] is not None


def test_who_is_to_stop_does_not_begin(tmp_path: Path) -> None:
    clock = SimulationClock()
    meeting = Meeting(str(tmp_path))
    assert not meeting.stopped
    meeting.stop()
    assert meeting.stopped
    assert meeting.begin(1, 2, clock) is None
    clock.close()


def test_a_file_of_the_user_stops_all(tmp_path: Path) -> None:
    file = tmp_path / "stop-it"
    (tmp_path / "run").mkdir()
    meeting = Meeting(str(tmp_path / "run"), str(file))
    assert not meeting.stopped
    file.touch()
    assert meeting.stopped


def test_what_all_have_done(tmp_path: Path) -> None:
    meeting = Meeting(str(tmp_path))
    assert meeting.now(2) is None
    tally = Tally(("a",))
    tally.groups[0].sent = 5
    for number in range(2):
        meeting.tell(number, Now.of(tally, 1.0))
    now = meeting.now(2)
    assert now is not None
    assert now.sent == 10


def test_drivers_that_do_not_come_are_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bqsim.rehearse.live.meeting.PATIENCE_S", 0.05)
    clock = SimulationClock()
    with pytest.raises(RehearsalError, match=r"only 1 of 3 drivers were ready within 0.05 s"):
        Meeting(str(tmp_path)).begin(0, 3, clock)
    clock.close()


def test_the_first_who_stops_says_why(tmp_path: Path) -> None:
    meeting = Meeting(str(tmp_path), str(tmp_path / "file"))
    assert meeting.why == ""
    meeting.stop("SIGTERM")
    meeting.stop("another")
    assert meeting.stopped and meeting.why == "SIGTERM"
