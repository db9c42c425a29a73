"""Sessions: variables, temporary functions and tables that outlive one query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bqsim.catalog.refs import DatasetRef
from bqsim.errors import BigQueryError, invalid_query, not_found

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session
    from bqsim.sim.clock import Clock
    from bqsim.sim.draws import Draws
    from bqsim.sql.plan import Context, TypedValue
    from bqsim.sql.statements.transactions import Transaction

# Page "Introduction to sessions": ends after 24 hours without activity, and after 7 days.
IDLE_US = 24 * 3600 * 1_000_000
LIFE_US = 7 * IDLE_US
# How long ended sessions are known.
HISTORY_US = 20 * IDLE_US


@dataclass(slots=True)
class SqlSession:
    """One session. ``busy`` is set while a job runs in it: jobs of a session run one at a time.

    ``transaction`` is the one that is open between its jobs.
    """

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
    ended_us: int | None = None
    transaction: Transaction | None = None

    @property
    def expires_us(self) -> int:
        """When it ended, or ends unless it is used before."""
        if self.ended_us is not None:
            return self.ended_us
        return min(self.used_us + IDLE_US, self.created_us + LIFE_US)


class Sessions:
    def __init__(self, clock: Clock, draws: Draws) -> None:
        self._clock = clock
        self._draws = draws
        self._sessions: dict[str, SqlSession] = {}
        # Transactions of sessions that have ended: whoever has an engine session next rolls them back.
        self._abandoned: list[Transaction] = []

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
        self.end_expired()
        session = self._sessions.get(session_id)
        if session is None or session.project != project or session.ended_us is not None:
            raise not_found("Session", session_id)
        return session

    def location_of(self, session_id: str | None, project: str) -> str | None:
        """Where a session of ``project`` is; None for one that there is not."""
        session = self._sessions.get(session_id) if session_id else None
        return session.location if session is not None and session.project == project else None

    def abort(self, session_id: str, project: str) -> None:
        """End a session before its time; 404 ``notFound`` when there is none."""
        self._end(self.get(session_id, project), self._clock.now_us())

    def end_expired(self) -> None:
        """End the sessions whose time is over, and forget those that ended long ago."""
        now = self._clock.now_us()
        for session in list(self._sessions.values()):
            if session.ended_us is None and now > session.expires_us and not session.busy:
                self._end(session, session.expires_us)
            elif session.ended_us is not None and now > session.ended_us + HISTORY_US:
                del self._sessions[session.id]

    def _end(self, session: SqlSession, time_us: int) -> None:
        session.ended_us = time_us
        session.variables, session.system_variables, session.temp_functions = {}, {}, {}
        transaction, session.transaction = session.transaction, None
        if transaction is not None:
            transaction.release()
            self._abandoned.append(transaction)

    def roll_back_abandoned(self, engine: Session) -> None:
        """Roll back what sessions left open that have ended."""
        self.end_expired()
        while self._abandoned:
            transaction = self._abandoned.pop()
            transaction.resume(engine)
            transaction.rollback()

    def all(self) -> list[SqlSession]:
        """The sessions that are known, those that ended of late included."""
        return list(self._sessions.values())

    def now_us(self) -> int:
        return self._clock.now_us()

    def snapshot(self) -> Mapping[str, SqlSession]:
        """The sessions as they are."""
        return {name: _copy(session) for name, session in self._sessions.items()}

    def restore(self, state: Mapping[str, SqlSession]) -> None:
        """Have the sessions of a :meth:`snapshot`, none of them busy."""
        self._sessions = {name: replace(_copy(session), busy=False) for name, session in state.items()}
        self._abandoned.clear()

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
        transaction=None,
        variables=dict(session.variables),
        system_variables=dict(session.system_variables),
        temp_functions=dict(session.temp_functions),
    )


def concurrent_jobs() -> BigQueryError:
    return invalid_query("Concurrent jobs in the same session are not allowed")


@contextmanager
def running_in(session: SqlSession, ctx: Context, engine: Session) -> Iterator[None]:
    """Run SQL in a session: in the transaction that it has open, and what it leaves open stays so.

    One that fails rolls back, as one that ends its session does.
    """
    transaction, session.transaction = session.transaction, None
    if transaction is not None:
        transaction.resume(engine)
        ctx.transaction, ctx.now_us = transaction, transaction.start_us
    ctx.keeps_transaction = True
    try:
        yield
    except BaseException:
        if ctx.transaction is not None:
            ctx.transaction.rollback()
        raise
    if ctx.transaction is None:
        return
    if session.ended_us is not None:
        ctx.transaction.rollback()
        return
    ctx.transaction.suspend()
    session.transaction = ctx.transaction
