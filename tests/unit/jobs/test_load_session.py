from __future__ import annotations

import pytest

from bqsim.catalog.refs import JobRef
from bqsim.errors import BigQueryError
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.load_config import LoadConfig, parse_load
from bqsim.jobs.load_session import entered, in_session
from bqsim.jobs.sessions import Sessions
from bqsim.jobs.upload import Upload
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws


def sessions() -> Sessions:
    return Sessions(SimulationClock(0, 0), Draws(1))


def job() -> Job:
    return Job(JobRef("p", "US", "j"), JobType.LOAD, {}, "ann@example.com", 0)


def config(dataset: str = "_session", **load: object) -> LoadConfig:
    target = {"projectId": "p", "datasetId": dataset, "tableId": "t"}
    return parse_load({"destinationTable": target, **load}, "p", Upload(data=b""))


def test_a_load_without_a_session() -> None:
    given = config()
    assert in_session(sessions(), job(), given) == (given, None)
    assert entered(sessions(), None) is None


def test_a_new_session_has_temporary_tables() -> None:
    known, made = sessions(), job()
    found, session = in_session(known, made, config(createSession=True))
    assert session is not None
    assert made.session_id == session.id
    assert found.temporary
    assert found.target.table == session.temp_dataset.table("t") == made.destination
    found, again = in_session(
        known, job(), config("d", connectionProperties=[{"key": "session_id", "value": session.id}])
    )
    assert again is session
    assert (found.temporary, found.target.table.dataset) == (False, "d")


def test_one_job_at_a_time() -> None:
    known = sessions()
    _, session = in_session(known, job(), config(createSession=True))
    leave = entered(known, session)
    with pytest.raises(BigQueryError, match="Concurrent jobs"):
        entered(known, session)
    assert leave is not None
    leave()
    assert entered(known, session) is not None
