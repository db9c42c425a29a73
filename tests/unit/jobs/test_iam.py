from __future__ import annotations

from bqsim.catalog.refs import TableRef
from bqsim.jobs.iam import Holdings
from bqsim.sim.iam.methods import JobFacts

from .conftest import CALLER, Play, Stack


def test_what_resources_carry(play: Play) -> None:
    async def scenario(s: Stack) -> None:
        await s.ok("CREATE SCHEMA IF NOT EXISTS d")
        await s.ok("CREATE OR REPLACE TABLE d.t AS SELECT 1 AS n")
        await s.ok("CREATE OR REPLACE FUNCTION d.f() AS (1)")
        held = Holdings(s.service)
        assert held.carried("projects/p/datasets/none") is None
        assert held.carried("projects/p") is None
        for inside in ("tables/t", "tables/none", "routines/f", "routines/none", "models/m"):
            assert held.carried(f"projects/p/datasets/d/{inside}") is None

    play(scenario)


def test_results_belong_to_who_ran_the_query(play: Play) -> None:
    async def scenario(s: Stack) -> None:
        job = await s.ok("SELECT 1 AS n")
        table = job.destination
        assert isinstance(table, TableRef)
        held = Holdings(s.service)
        dataset = f"projects/p/datasets/{table.dataset}"
        assert held.carried(dataset) == [{"role": "OWNER", "userByEmail": CALLER}]
        assert held.carried(f"{dataset}/tables/{table.table}") is None
        facts = JobFacts(CALLER, job.ref.api_name, f"{dataset}/tables/{table.table}")
        assert held.find_job(f"projects/p/jobs/{job.ref.job_id}") == facts
        assert held.find_job(f"projects/p/queries/{job.ref.job_id}") == facts
        assert held.find_job("projects/p/jobs/none") is None

    play(scenario)


def test_a_script_and_its_temporary_tables_are_one_callers(play: Play) -> None:
    async def scenario(s: Stack) -> None:
        job = await s.ok("CREATE TEMP TABLE x AS SELECT 1 AS n; SELECT n FROM x")
        assert await s.rows_of(job) == [(1,)]
        found = Holdings(s.service).find_job(f"projects/p/jobs/{job.ref.job_id}")
        assert found is not None and found.creator == CALLER

    play(scenario)
