"""Loads in sessions: into temporary tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bqsim.jobs.load_config import LoadConfig

if TYPE_CHECKING:
    from bqsim.jobs.job import Job
    from bqsim.jobs.sessions import Sessions, SqlSession

# The dataset of a session's temporary tables.
SESSION_DATASET = "_SESSION"


def in_session(sessions: Sessions, job: Job, config: LoadConfig) -> tuple[LoadConfig, SqlSession | None]:
    """A load as its session sees it, which is created when it asks for one; no session when it names none.

    Raises ``notFound`` for a session that there is not.
    """
    if config.session_id:
        session = sessions.get(config.session_id, job.ref.project)
    elif config.create_session:
        session = sessions.create(job.ref.project, job.ref.location, job.caller)
    else:
        return config, None
    job.session_id = session.id
    table = config.target.table
    if table.dataset.upper() != SESSION_DATASET:
        return config, session
    ref = session.temp_dataset.table(table.table)
    job.destination = ref
    return replace(config, target=replace(config.target, table=ref), temporary=True), session


def entered(sessions: Sessions, session: SqlSession | None) -> Callable[[], None] | None:
    """Begin a job in ``session``; what ends it. Raises ``invalidQuery`` while another one runs there."""
    if session is None:
        return None
    sessions.enter(session)
    return partial(sessions.leave, session)
