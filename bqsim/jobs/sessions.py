"""Sessions: variables, temporary functions and tables that outlive one query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bqsim.catalog.refs import DatasetRef
from bqsim.errors import BigQueryError, invalid_query, not_found

if TYPE_CHECKING:
    from bqsim.sim.clock import Clock
    from bqsim.sim.draws import Draws
    from bqsim.sql.plan import TypedValue

# Page "Introduction to sessions": ends after 24 hours without activity, and after 7 days.
IDLE_US = 24 * 3600 * 1_000_000
LIFE_US = 7 * IDLE_US


@dataclass(slots=True)
class SqlSession:
    """One session. ``busy`` is set while a job runs in it: jobs of a session run one at a time."""

    id: str
    project: str
    location: str
    temp_dataset: DatasetRef
    created_us: int
    used_us: int
    variables: dict[str, TypedValue] = field(default_factory=dict)
    system_variables: dict[str, TypedValue] = field(default_factory=dict)
    temp_functions: dict[str, str] = field(default_factory=dict)
    time_zone: str = "UTC"
    default_dataset: DatasetRef | None = None
    busy: bool = False
    caller: str = ""

    @property
    def expires_us(self) -> int:
        """When it ends unless it is used before."""
        return min(self.used_us + IDLE_US, self.created_us + LIFE_US)


class Sessions:
    def __init__(self, clock: Clock, draws: Draws) -> None:
        self._clock = clock
        self._draws = draws
        self._sessions: dict[str, SqlSession] = {}

    def create(self, project: str, location: str, caller: str = "") -> SqlSession:
        """A new session of ``caller`` with a hidden dataset of its own for temporary tables."""
        now = self._clock.now_us()
        session_id = self._draws.hex_id("session")
        dataset = DatasetRef(project, f"_session_{self._draws.hex_id('session-dataset', 24)}")
        session = SqlSession(session_id, project, location, dataset, now, now, caller=caller)
        self._sessions[session_id] = session
        return session

    def get(self, session_id: str, project: str) -> SqlSession:
        """The live session ``session_id`` of ``project``, else 404 ``notFound``."""
        session = self._sessions.get(session_id)
        now = self._clock.now_us()
        if session is not None and (now - session.used_us > IDLE_US or now - session.created_us > LIFE_US):
            del self._sessions[session_id]
            session = None
        if session is None or session.project != project:
            raise not_found("Session", session_id)
        return session

    def abort(self, session_id: str, project: str) -> None:
        """End a session before its time; 404 ``notFound`` when there is none."""
        del self._sessions[self.get(session_id, project).id]

    def all(self) -> list[SqlSession]:
        """The sessions that are known."""
        return list(self._sessions.values())

    def now_us(self) -> int:
        return self._clock.now_us()

    def snapshot(self) -> Mapping[str, SqlSession]:
        """The sessions as they are."""
        return {name: _copy(session) for name, session in self._sessions.items()}

    def restore(self, state: Mapping[str, SqlSession]) -> None:
        """Have the sessions of a :meth:`snapshot`, none of them busy."""
        self._sessions = {name: replace(_copy(session), busy=False) for name, session in state.items()}

    def enter(self, session: SqlSession) -> None:
        """Begin a job in ``session``; a second one at a time is refused."""
        if session.busy:
            raise concurrent_jobs()
        session.busy = True

    def leave(self, session: SqlSession) -> None:
        session.busy = False
        session.used_us = self._clock.now_us()


def _copy(session: SqlSession) -> SqlSession:
    return replace(
        session,
        variables=dict(session.variables),
        system_variables=dict(session.system_variables),
        temp_functions=dict(session.temp_functions),
    )


def concurrent_jobs() -> BigQueryError:
    return invalid_query("Concurrent jobs in the same session are not allowed")
