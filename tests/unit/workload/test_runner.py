"""Workloads at a simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bqsim.history import JobRecord, merged
from bqsim.history.asking import fetch, history_sql
from bqsim.history.canonical import write
from bqsim.pytest_plugin.handle import TestSimulator
from bqsim.seeding import Api
from bqsim.sim.clock import SimulationClock
from bqsim.workload.caller import Caller, is_real
from bqsim.workload.divergence import Thresholds, compare
from bqsim.workload.items import Item, Workload, load, renamed, spaced
from bqsim.workload.runner import CAPPED, STOPPED, Estimate, Run, Runner

SCRIPT = (
    "CREATE SCHEMA d",
    "CREATE TABLE d.t AS SELECT a FROM UNNEST([1, 2, 3]) AS a",
    "SELECT a FROM d.t WHERE a > 1",
    "INSERT INTO d.t VALUES (4), (5)",
    "SELECT COUNT(*) FROM d.t",
    "SELECT nosuch FROM d.t",
    "BEGIN DECLARE x INT64 DEFAULT 2; SELECT x; SELECT x + 1; END",
)


def run(
    target: str, items: Sequence[Item], act: Callable[[Runner], Any] | None = None, **options: Any
) -> Run:
    async def main() -> Run:
        caller = Caller(target, SimulationClock(), retries=options.pop("retries", 3))
        runner = Runner(caller, run_id="test", **options)
        try:
            if act is not None:
                asyncio.get_running_loop().call_later(0.2, act, runner)
            return await runner.run(items)
        finally:
            await caller.close()

    return asyncio.run(main())


def workload(path: Path, jobs: Sequence[JobRecord]) -> Workload:
    write(path / "h.parquet", jobs)
    return load([path / "h.parquet"])


@pytest.fixture
def recorded(bqsim_own: TestSimulator, tmp_path: Path) -> Workload:
    """The history of a project in which a script ran, statement by statement."""
    api = Api(bqsim_own.url, bqsim_own.project)
    session = None
    for sql in SCRIPT:
        body = {"query": sql, "useLegacySql": False}
        try:
            api.call("POST", "queries", body)
        except Exception as error:
            assert "nosuch" in str(error)
    begun = api.call(
        "POST", "queries", {"query": "SET @@time_zone = 'UTC'", "useLegacySql": False, "createSession": True}
    )
    session = begun["sessionInfo"]["sessionId"]
    properties = [{"key": "session_id", "value": session}]
    for sql in ("CREATE TEMP TABLE mine AS SELECT 7 AS x", "SELECT x FROM mine"):
        api.call("POST", "queries", {"query": sql, "useLegacySql": False, "connectionProperties": properties})
    return workload(tmp_path, merged(fetch(api, history_sql())))


@pytest.mark.fidelity(
    "recording:workload replay",
    "approximated",
    "Which jobs wait for others is taken from their times and the tables they name.",
)
def test_the_same_comes_of_it_elsewhere(recorded: Workload, bqsim_own: TestSimulator) -> None:
    items = [renamed(one, {bqsim_own.project: "elsewhere"}) for one in recorded.items]
    made = run(bqsim_own.url, spaced(items, float("inf")))
    found = compare(made, recorded.left_out)
    assert (found.jobs, found.done) == (len(SCRIPT) + 3, len(SCRIPT) + 3)
    assert found.differences == []
    assert (found.rows_differ, found.new_errors, found.gone_errors) == (0, {}, {})
    assert found.bytes_change == 0.0
    assert found.waited > 4
    assert found.left_out == {"children of scripts, which their parents run": 2}
    api = Api(bqsim_own.url, "elsewhere")
    again = merged(fetch(api, history_sql()))
    assert {job.sql for job in again if not job.parent} == {one.sql for one in items}
    assert len({job.session for job in again if job.session}) == 1
    assert all(job.job_id.startswith("bqsim_workload_test_") for job in again if not job.parent)


def test_differences_are_told(recorded: Workload, bqsim_own: TestSimulator) -> None:
    api = Api(bqsim_own.url, "other")
    api.query("CREATE SCHEMA d; CREATE TABLE d.t AS SELECT a, 1 AS nosuch FROM UNNEST([1, 2, 3, 9]) AS a")
    items = [renamed(one, {bqsim_own.project: "other"}) for one in recorded.items]
    found = compare(run(bqsim_own.url, spaced(items, float("inf"))), recorded.left_out)
    whats = {(one.what, one.replayed.partition(":")[0]) for one in found.differences}
    assert ("new error", "duplicate") in whats
    assert ("gone error", "none") in whats
    assert found.new_errors["duplicate"] == 2
    assert found.rows_differ
    assert "new errors, 0 are allowed" in found.exceeded(Thresholds())[0]


def _selects(path: Path, count: int, project: str, **members: Any) -> list[Item]:
    jobs = [
        JobRecord(
            f"j{n}",
            project,
            sql=f"SELECT {n} AS n",
            statement_type="SELECT",
            created_us=10**15 + n,
            **members,
        )
        for n in range(count)
    ]
    return workload(path, jobs).items


def test_priorities_and_labels_are_kept(tmp_path: Path, bqsim: TestSimulator) -> None:
    items = _selects(tmp_path, 1, bqsim.project, priority="BATCH", labels={"team": "x"})
    (outcome,) = run(bqsim.url, items).outcomes
    assert outcome.job is not None
    assert (outcome.job.priority, outcome.job.labels) == ("BATCH", {"team": "x"})
    assert outcome.rows == 1


def test_requests_that_fail_in_passing_are_sent_again(tmp_path: Path, bqsim: TestSimulator) -> None:
    bqsim.faults.add("backendError", method="bigquery.jobs.insert", times=2)
    items = _selects(tmp_path, 3, bqsim.project)
    made = run(bqsim.url, items)
    assert [one.reason for one in made.outcomes] == ["", "", ""]
    assert made.retried == 2
    bqsim.faults.add("backendError", method="bigquery.jobs.insert", times=1)
    again = run(bqsim.url, items[:1], retries=0).outcomes[0]
    assert (again.reason, again.job) == ("backendError", None)


@pytest.mark.parametrize("reason", ["invalidQuery", "accessDenied", "notFound", "internalError"])
@pytest.mark.parametrize("plan", ["{polls: {running: 0}}", "{polls: {running: 1}}"], ids=["soon", "later"])
def test_jobs_that_fail_tell_why(tmp_path: Path, bqsim: TestSimulator, reason: str, plan: str) -> None:
    """Whatever the status of jobs.getQueryResults then is."""
    bqsim.jobs.plan(plan)
    bqsim.faults.add({"job_state": {"outcome": "fail", "reason": reason, "message": "it failed"}})
    (outcome,) = run(bqsim.url, _selects(tmp_path, 1, bqsim.project), retries=0).outcomes
    assert (outcome.reason, outcome.message) == (reason, "it failed")
    assert outcome.job is not None and outcome.job.error_reason == reason


def test_nobody_answers(tmp_path: Path) -> None:
    (outcome,) = run("http://127.0.0.1:1", _selects(tmp_path, 1, "p"), retries=1).outcomes
    assert (outcome.reason, outcome.state) == ("noAnswer", "done")


def test_stopping_cancels_and_starts_no_more(tmp_path: Path, bqsim: TestSimulator) -> None:
    bqsim.faults.add({"job_state": {"outcome": "hold", "state": "DONE", "for": "1h"}})
    items = _selects(tmp_path, 4, bqsim.project)
    made = run(bqsim.url, items, Runner.stop, concurrency=2)
    assert [one.state for one in made.outcomes] == [STOPPED] * 4
    assert sum(one.reason == "stopped" for one in made.outcomes) == 2
    assert compare(made).stopped == 4


def test_the_cap_holds(tmp_path: Path, bqsim: TestSimulator) -> None:
    api = Api(bqsim.url, bqsim.project)
    api.query("CREATE SCHEMA d; CREATE TABLE d.t AS SELECT 1 AS a")
    jobs = [
        JobRecord(
            f"j{n}", bqsim.project, sql=sql, statement_type=kind, created_us=10**15 + n, tables=("p.d.t",)
        )
        for n, (sql, kind) in enumerate(
            [
                ("SELECT a FROM d.t", "SELECT"),
                ("SELECT a + 1 FROM d.t", "SELECT"),
                ("SELECT 1; SELECT 2", "SCRIPT"),
                ("SELECT a + 2 FROM d.t", "SELECT"),
            ]
        )
    ]
    made = run(bqsim.url, workload(tmp_path, jobs).items, cap_bytes=25 * 2**20, concurrency=1)
    assert [one.state for one in made.outcomes] == ["done", "done", CAPPED, CAPPED]
    assert made.outcomes[2].reason == "its cost cannot be told before"
    assert made.outcomes[3].reason == "10485760 bytes billed would go beyond the cap"
    assert all(one.job and one.job.max_bytes_billed == 10485760 for one in made.outcomes[:2])


def test_estimates(tmp_path: Path, bqsim: TestSimulator) -> None:
    items = _selects(tmp_path, 2, bqsim.project)
    wrong = JobRecord("w", bqsim.project, sql="SELECT nosuch", created_us=10**15)
    items += workload(tmp_path, [wrong]).items

    async def main() -> list[Estimate]:
        caller = Caller(bqsim.url, SimulationClock())
        try:
            return await Runner(caller, run_id="e").estimate(items)
        finally:
            await caller.close()

    first, second, refused = asyncio.run(main())
    assert (first.bytes, first.billed, second.reason) == (0, 0, "")
    assert (refused.reason, refused.billed) == ("invalidQuery", 10 * 2**20)


def test_starts_do_not_wait_for_answers(tmp_path: Path, bqsim: TestSimulator) -> None:
    """An open loop: the first, which does not end, delays no other; times count from the intended start."""
    bqsim.faults.add({"job_state": {"outcome": "hold", "state": "DONE", "for": "1h"}}, sql="SELECT 0")
    jobs = [
        JobRecord(f"j{n}", bqsim.project, sql=f"SELECT {n}", created_us=10**15 + n * 1_000_000)
        for n in range(6)
    ]
    tasks = []

    async def stop_after_the_others(runner: Runner) -> None:
        while runner.ended < 5:
            await asyncio.sleep(0.01)
        runner.stop()

    def act(runner: Runner) -> None:
        tasks.append(asyncio.ensure_future(stop_after_the_others(runner)))

    made = run(bqsim.url, workload(tmp_path, jobs).items, act, clock=SimulationClock(rate=20))
    assert [one.state for one in made.outcomes] == [STOPPED, *["done"] * 5]
    assert made.outcomes[0].order == 6
    assert made.seconds >= 5.0
    assert all(one.latency_s >= one.late_s >= 0.0 for one in made.outcomes)


@pytest.mark.parametrize(
    ("url", "real"),
    [
        ("https://bigquery.googleapis.com", True),
        ("https://BigQuery.googleapis.com./x", True),
        ("http://127.0.0.1:9050", False),
        ("https://googleapis.com.evil.example", False),
    ],
)
def test_the_real_service_is_known(url: str, real: bool) -> None:
    assert is_real(url) is real
