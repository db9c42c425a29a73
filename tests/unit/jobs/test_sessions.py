from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs.sessions import HISTORY_US, IDLE_US, LIFE_US, Sessions
from bqsim.sim.draws import Draws

pytestmark = pytest.mark.fidelity("time:job sessions, job:sessions", "exact", tests="test_a_session_ends*")


class HandClock:
    def __init__(self) -> None:
        self.us = 1_000_000

    def now_us(self) -> int:
        return self.us

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("sessions do not wait")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def sessions(clock: HandClock) -> Sessions:
    return Sessions(clock, Draws(1))


def test_where_a_session_is(sessions: Sessions) -> None:
    session = sessions.create("p", "EU")
    assert sessions.location_of(session.id, "p") == "EU"
    assert [sessions.location_of(*who) for who in ((session.id, "q"), ("nope", "p"), (None, "p"))] == [
        None
    ] * 3


def test_sessions_are_found_in_their_project(sessions: Sessions) -> None:
    session = sessions.create("p", "US")
    assert sessions.get(session.id, "p") is session
    for id_, project in ((session.id, "q"), ("nope", "p")):
        with pytest.raises(BigQueryError) as caught:
            sessions.get(id_, project)
        assert caught.value.http == 404


def test_each_has_a_hidden_dataset_of_its_own(sessions: Sessions) -> None:
    names = {sessions.create("p", "US").temp_dataset.dataset for _ in range(3)}
    assert len(names) == 3
    assert all(n.startswith("_") for n in names)


def test_a_session_ends_after_a_day_without_use(sessions: Sessions, clock: HandClock) -> None:
    session = sessions.create("p", "US")
    clock.us += IDLE_US
    sessions.enter(sessions.get(session.id, "p"))
    sessions.leave(session)
    clock.us += IDLE_US
    sessions.get(session.id, "p")
    clock.us += 1
    with pytest.raises(BigQueryError):
        sessions.get(session.id, "p")


def test_a_session_ends_after_seven_days(sessions: Sessions, clock: HandClock) -> None:
    session = sessions.create("p", "US")
    for _ in range(LIFE_US // IDLE_US):
        clock.us += IDLE_US
        sessions.enter(sessions.get(session.id, "p"))
        sessions.leave(session)
    clock.us += 1
    with pytest.raises(BigQueryError):
        sessions.get(session.id, "p")


def test_one_job_at_a_time(sessions: Sessions) -> None:
    session = sessions.create("p", "US")
    sessions.enter(session)
    with pytest.raises(BigQueryError, match="Concurrent jobs in the same session are not allowed"):
        sessions.enter(session)
    sessions.leave(session)
    sessions.enter(session)


def test_sessions_come_back_as_they_were(sessions: Sessions) -> None:
    kept = sessions.create("p", "US")
    kept.temp_functions["f"] = "old"
    sessions.enter(kept)
    state = sessions.snapshot()
    kept.temp_functions["f"] = "new"
    other = sessions.create("p", "US")
    for _ in range(2):
        sessions.restore(state)
        again = sessions.get(kept.id, "p")
        assert (again.temp_functions, again.busy) == ({"f": "old"}, False)
        again.temp_functions["g"] = "later"
    with pytest.raises(BigQueryError):
        sessions.get(other.id, "p")


def test_an_ended_session_is_known_for_twenty_days(sessions: Sessions, clock: HandClock) -> None:
    session = sessions.create("p", "US")
    clock.us += 5
    sessions.abort(session.id, "p")
    assert (session.expires_us, sessions.all()) == (clock.us, [session])
    clock.us += HISTORY_US
    sessions.end_expired()
    assert sessions.all() == [session]
    clock.us += 1
    sessions.end_expired()
    assert sessions.all() == []


def test_a_session_at_work_does_not_end(sessions: Sessions, clock: HandClock) -> None:
    session = sessions.create("p", "US")
    sessions.enter(session)
    clock.us += 2 * IDLE_US
    assert sessions.get(session.id, "p") is session
    sessions.leave(session)
    assert sessions.get(session.id, "p") is session
