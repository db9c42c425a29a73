from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.refs import DatasetRef
from bqsim.catalog.store import Catalog
from bqsim.errors import BigQueryError
from bqsim.jobs.job import JobType
from bqsim.jobs.making import JobMaker, job_type_of
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws


@pytest.fixture
def maker() -> JobMaker:
    clock, draws = SimulationClock(rate=0), Draws(1)
    return JobMaker(Catalog(clock, draws, "EU", ("p",)), clock, draws, "EU")


def test_a_job_is_pending_with_an_id_and_a_place(maker: JobMaker) -> None:
    job = maker.job(JobType.QUERY, "p", {"query": {}}, {}, "me", None, DatasetRef("p", "none"))
    assert (job.state.value, job.ref.project, job.ref.location) == ("PENDING", "p", "EU")
    assert job.ref.job_id.startswith("job_")
    assert job.configuration["jobType"] == "QUERY"
    named = maker.job(JobType.COPY, "p", {"copy": {}}, {"jobId": "a-b_1", "location": "us"}, "me", None)
    assert (named.ref.job_id, named.ref.location) == ("a-b_1", "US")


@pytest.mark.parametrize("job_id", ["a b", "x" * 1025, 7, "ä"], ids=["blank", "long", "number", "letter"])
def test_bad_ids_are_refused(maker: JobMaker, job_id: Any) -> None:
    with pytest.raises(BigQueryError, match="Invalid job ID"):
        maker.job(JobType.QUERY, "p", {}, {"jobId": job_id}, "me", None)


def test_a_child_is_where_its_parent_is(maker: JobMaker) -> None:
    parent = maker.job(JobType.QUERY, "p", {"query": {}}, {"location": "us"}, "me", None)
    child = maker.child(parent, 3, {"jobType": "QUERY"}, 5_000)
    assert child.parent is parent
    assert (child.ref.location, child.caller, child.created_ms) == ("US", "me", 5)
    assert child.ref.job_id.endswith("_3")


def test_a_configuration_is_of_one_type() -> None:
    assert job_type_of({"load": {}}) is JobType.LOAD
    for wrong in ({}, {"load": {}, "query": {}}, {"query": "x"}):
        with pytest.raises(BigQueryError, match="exactly one job-specific"):
            job_type_of(wrong)
