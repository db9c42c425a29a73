"""Jobs that hang, fail, wait and are cancelled, as Google's client meets them."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import TimeoutError as TimedOut
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

import bqsim
from bqsim.sim.control.loading import put_in_force, take_out_of_force
from bqsim.sim.jobs import JobSimulation
from bqsim.sim.scenario import latency as described
from bqsim.sim.scenario.model import (
    Delay,
    Effect,
    Error,
    JobPlan,
    JobState,
    LatencySetup,
    Match,
    Rule,
    Scenario,
)
from bqsim.sim.scenario.progression import Manual, Polled, Progression, Sampled, Scripted, Step, Timed
from bqsim.sim.simulation import Simulation
from bqsim.simulator import Simulator
from tests.waiting import until

from .job_help import uncached

pytestmark = [
    pytest.mark.fidelity("rest:bigquery.jobs.cancel, job:cancel", "exact", tests="test_*cancel*"),
    pytest.mark.fidelity(
        "job:states",
        "exact",
        tests="test_time_takes_* test_reads_take_* test_waiting_* test_a_script_of_states test_steps_*",
    ),
    pytest.mark.fidelity("job:failures", "exact", tests="test_a_job_fails_* test_a_failed_write_*"),
    pytest.mark.fidelity("job:timeouts", "exact", tests="test_*times_out*"),
    pytest.mark.fidelity(
        "effect:job_state", "exact", tests="test_a_stuck_* test_a_job_fails_* test_*cancel*"
    ),
    pytest.mark.fidelity(
        "effect:delay, latency:phase queue, latency:phase run",
        "exact",
        tests="test_time_takes_* test_a_cancel_*",
    ),
    pytest.mark.fidelity(
        "latency:preset bigquery-2026-08",
        "approximated",
        "Medians are fitted to 23 measured cases, 7 % off on average; their spread is assumed.",
        tests="test_a_preset_*",
    ),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with bqsim.start(seed=7) as running:
        running.client().create_dataset("d")
        yield running


@pytest.fixture
def simulation(server: Simulator) -> Iterator[Simulation]:
    found = server.parts.simulation
    yield found
    take_out_of_force(server.parts)
    server.clock.resume()


@pytest.fixture
def jobs(server: Simulator, simulation: Simulation) -> JobSimulation:
    found: JobSimulation = server.parts.jobs
    return found


@pytest.fixture
def client(server: Simulator, simulation: Simulation) -> Iterator[Any]:
    with uncached(server) as found:
        yield found


def lasting(seconds: float) -> described.Latency:
    return described.Latency(described.Fixed(seconds))


def rule(effect: Effect, times: int | None = None, **match: Any) -> Rule:
    return Rule("test", effect, Match(**match), times)


def plan(progression: Progression, **options: Any) -> Scenario:
    return Scenario(jobs=(JobPlan(progression, **options),))


def state(job: Any) -> str:
    job.reload()
    return str(job.state)


def count(client: Any, table: str) -> int:
    return int(next(iter(client.query_and_wait(f"SELECT COUNT(*) FROM {table}")))[0])


# -- stuck


def test_a_stuck_job_is_running_until_its_rule_is_gone(
    server: Simulator, client: Any, simulation: Simulation
) -> None:
    server.clock.scale(50)
    simulation.add([rule(JobState("stuck"), sql="1 AS stuck")])
    job = client.query("SELECT 1 AS stuck")
    with pytest.raises(TimedOut):
        job.result(timeout=0.5)
    assert state(job) == "RUNNING"
    assert job.ended is None
    assert [row[0] for row in client.query_and_wait("SELECT 2")] == [2]
    simulation.remove(["test"])
    assert [row[0] for row in job.result()] == [1]


def test_a_job_is_stuck_no_longer_than_its_rule_lives(
    server: Simulator, client: Any, simulation: Simulation
) -> None:
    server.clock.freeze()
    simulation.add([Rule("test", JobState("stuck"), ttl_s=60.0)])
    server.clock.advance(10)
    job = client.query("SELECT 1")
    server.clock.advance(49)
    assert state(job) == "RUNNING"
    server.clock.advance(2)
    assert state(job) == "DONE"


def test_a_job_that_hangs_times_out_on_the_clock(
    server: Simulator, client: Any, simulation: Simulation
) -> None:
    server.clock.freeze()
    simulation.add([rule(JobState("stuck"))])
    job = client.query("SELECT 1", job_config=bigquery.QueryJobConfig(job_timeout_ms=60_000))
    server.clock.advance(59)
    assert state(job) == "RUNNING"
    server.clock.advance(2)
    assert state(job) == "DONE"
    assert job.error_result["reason"] == "stopped"
    assert job.ended - job.created == dt.timedelta(seconds=60)


# -- failures


def test_the_clients_job_retry_meets_a_job_that_failed_while_running(
    client: Any, simulation: Simulation
) -> None:
    simulation.add([rule(Error("backendError", level="job"), times=1)])
    first = client.query("SELECT 1", retry=None, job_retry=None)
    until(lambda: state(first) == "DONE")
    assert first.error_result["reason"] == "backendError"
    assert first.started is not None
    simulation.rules.reset()
    job = client.query("SELECT 1")
    made = job.job_id
    assert [row[0] for row in job.result()] == [1]
    assert job.job_id != made


@pytest.mark.parametrize(("applied", "rows"), [(False, 0), (True, 1)])
def test_a_failed_write_was_done_or_not(
    client: Any, simulation: Simulation, applied: bool, rows: int
) -> None:
    client.query_and_wait("CREATE OR REPLACE TABLE d.applied (n INT64)")
    simulation.add([rule(Error("internalError", level="job", applied=applied), statement_type=("INSERT",))])
    job = client.query("INSERT d.applied VALUES (1)", job_retry=None)
    until(lambda: state(job) == "DONE")
    assert job.error_result["reason"] == "internalError"
    assert count(client, "d.applied") == rows


@pytest.mark.parametrize(("at", "started"), [("PENDING", False), ("RUNNING", True), ("DONE", True)], ids=str)
def test_a_job_fails_in_a_state(client: Any, simulation: Simulation, at: str, started: bool) -> None:
    simulation.add([rule(JobState("fail", state=at, reason="resourcesExceeded"))])
    job = client.query("SELECT 1")
    with pytest.raises(exceptions.BadRequest, match="exceeded"):
        job.result()
    assert state(job) == "DONE"
    assert (job.started is not None) is started


def test_a_header_fails_the_job_of_one_call(client: Any, simulation: Simulation) -> None:
    path = f"/projects/{client.project}/jobs"
    body = {"configuration": {"query": {"query": "SELECT 1", "useLegacySql": False}}}
    fault = {"x-bqsim-fault": "{effect: {job_state: {outcome: fail, reason: quotaExceeded}}}"}
    answers = [
        client._connection.api_request("POST", path, data=body, headers=headers) for headers in (fault, None)
    ]
    failed, fine = (client.get_job(answer["jobReference"]["jobId"]) for answer in answers)
    until(lambda: state(failed) == state(fine) == "DONE")
    assert failed.error_result["reason"] == "quotaExceeded"
    assert fine.error_result is None


# -- cancels


def test_a_pending_job_is_cancelled_at_once(client: Any, simulation: Simulation) -> None:
    simulation.add([rule(JobState("stuck", state="RUNNING"))])
    job = client.query("SELECT 1")
    assert state(job) == "PENDING"
    job.cancel()
    assert job.state == "DONE"
    assert job.error_result["reason"] == "stopped"
    assert job.started is None


def test_a_running_job_that_is_cancelled_has_changed_nothing(client: Any, simulation: Simulation) -> None:
    client.query_and_wait("CREATE OR REPLACE TABLE d.cancelled (n INT64)")
    simulation.add([rule(JobState("stuck"), statement_type=("INSERT",))])
    job = client.query("INSERT d.cancelled VALUES (1)")
    until(lambda: state(job) == "RUNNING")
    job.cancel()
    until(lambda: state(job) == "DONE")
    assert job.error_result["reason"] == "stopped"
    assert count(client, "d.cancelled") == 0


def test_a_cancel_loses(server: Simulator, client: Any, simulation: Simulation) -> None:
    client.query_and_wait("CREATE OR REPLACE TABLE d.lost (n INT64)")
    server.clock.freeze()
    simulation.add(
        [
            Rule("slow", Delay(lasting(30.0), "run"), Match(statement_type=("INSERT",))),
            Rule("loses", JobState("cancel_loses")),
        ]
    )
    job = client.query("INSERT d.lost VALUES (1)")
    job.cancel()
    assert state(job) == "RUNNING"
    server.clock.advance(31)
    assert state(job) == "DONE"
    assert job.error_result is None
    assert job.num_dml_affected_rows == 1


def test_a_cancel_comes_too_late(server: Simulator, client: Any, simulation: Simulation) -> None:
    client.query_and_wait("CREATE OR REPLACE TABLE d.late (n INT64)")
    server.clock.freeze()
    simulation.add(
        [
            Rule("slow", Delay(lasting(30.0), "run"), Match(statement_type=("INSERT",))),
            Rule("late", JobState("cancel_too_late")),
        ]
    )
    job = client.query("INSERT d.late VALUES (1)")
    job.cancel()
    assert job.state == "DONE"
    assert job.error_result is None
    assert count(client, "d.late") == 1


# -- progressions


def test_time_takes_a_job_from_state_to_state(server: Simulator, client: Any, simulation: Simulation) -> None:
    server.clock.freeze()
    put_in_force(server.parts, plan(Timed(lasting(2.0), lasting(10.0))))
    job = client.query("SELECT 1")
    seen = [state(job)]
    for seconds in (1.5, 1.0, 9.0, 1.0):
        server.clock.advance(seconds)
        seen.append(state(job))
    assert seen == ["PENDING", "PENDING", "RUNNING", "RUNNING", "DONE"]
    # The API gives milliseconds, and a standing clock moves on by a microsecond a reading.
    for took, expected in ((job.started - job.created, 2), (job.ended - job.started, 10)):
        assert abs(took - dt.timedelta(seconds=expected)) <= dt.timedelta(milliseconds=1)


def test_a_waiting_client_is_released_by_an_advance(
    server: Simulator, client: Any, simulation: Simulation
) -> None:
    server.clock.freeze()
    put_in_force(server.parts, plan(Timed(lasting(2.0), lasting(5.0))))
    job = client.query("SELECT 1")
    rows: list[Any] = []
    waiting = threading.Thread(target=lambda: rows.extend(job.result()))
    waiting.start()
    server.clock.advance(8)
    waiting.join(20)
    assert [row[0] for row in rows] == [1]


def test_reads_take_a_job_from_state_to_state(server: Simulator, client: Any, simulation: Simulation) -> None:
    put_in_force(server.parts, plan(Polled(pending=2, running=3)))
    job = client.query("SELECT 1")
    seen = [state(job) for _ in range(6)]
    assert seen == ["PENDING", "PENDING", "RUNNING", "RUNNING", "RUNNING", "DONE"]


def test_waiting_for_results_are_reads(server: Simulator, client: Any, simulation: Simulation) -> None:
    put_in_force(server.parts, plan(Polled(pending=1, running=2)))
    assert [row[0] for row in client.query("SELECT 1").result()] == [1]
    assert [row[0] for row in client.query_and_wait("SELECT 2")] == [2]
    reads = simulation.journal.calls("bigquery.jobs.getQueryResults")
    assert len(reads) >= 4


def test_a_script_of_states(server: Simulator, client: Any, simulation: Simulation) -> None:
    server.clock.freeze()
    steps = (
        Step("PENDING", for_s=5.0, deferments=("concurrent queries",)),
        Step("RUNNING", polls=1),
        Step("RUNNING", for_s=7.0),
    )
    put_in_force(server.parts, plan(Scripted(steps)))
    job = client.query("SELECT 1")
    assert state(job) == "PENDING"
    assert job._properties["statistics"]["quotaDeferments"] == ["concurrent queries"]
    server.clock.advance(5.1)
    assert state(job) == "RUNNING"
    server.clock.advance(6.9)
    assert state(job) == "RUNNING"
    server.clock.advance(0.2)
    assert state(job) == "DONE"


def test_steps_by_hand(server: Simulator, client: Any, simulation: Simulation, jobs: JobSimulation) -> None:
    put_in_force(server.parts, plan(Manual()))
    job = client.query("SELECT 1")
    assert state(job) == "PENDING"
    assert [(w.job_id, w.state) for w in jobs.list()] == [(job.job_id, "PENDING")]
    jobs.step(job.job_id)
    assert state(job) == "RUNNING"
    jobs.step(job.job_id)
    assert state(job) == "DONE"
    with pytest.raises(LookupError, match="no job"):
        jobs.step(job.job_id)
    other = client.query("SELECT 1")
    assert state(other) == "PENDING"
    jobs.finish(other.job_id)
    assert state(other) == "DONE"


def test_jobs_go_on_when_their_scenario_is_replaced(
    server: Simulator, client: Any, simulation: Simulation
) -> None:
    put_in_force(server.parts, plan(Manual()))
    job = client.query("SELECT 1")
    assert state(job) == "PENDING"
    put_in_force(server.parts, Scenario())
    assert [row[0] for row in job.result()] == [1]


def test_sampled_times_follow_the_seed(server: Simulator, client: Any, simulation: Simulation) -> None:
    server.clock.freeze()
    times = []
    for _ in range(2):
        put_in_force(server.parts, plan(Sampled(scale=10.0)))
        job = client.query("SELECT 1 AS sampled")
        server.clock.advance("1h")
        assert state(job) == "DONE"
        times.append((job.started - job.created, job.ended - job.started))
    # Each reading takes a microsecond, so that a time may be told by the millisecond after.
    for one, other in zip(*times, strict=True):
        assert abs(one - other) <= dt.timedelta(milliseconds=1)
    assert all(span > dt.timedelta() for span in times[0])


def test_a_preset_gives_all_jobs_their_times(server: Simulator, client: Any, simulation: Simulation) -> None:
    server.clock.freeze()
    put_in_force(server.parts, Scenario(latency=LatencySetup("bigquery-2026-08", scale=100.0)))
    job = client.query("CREATE OR REPLACE TABLE d.preset (n INT64)")
    assert state(job) == "PENDING"
    server.clock.advance("1h")
    assert state(job) == "DONE"
    assert job.ended - job.started > dt.timedelta(seconds=1)


# -- what a running job tells


def test_the_plan_of_a_running_query_grows(server: Simulator, client: Any, simulation: Simulation) -> None:
    server.clock.freeze()
    put_in_force(server.parts, plan(Timed(running=lasting(300.0)), growing_plan=True, deferments=("slots",)))
    job = client.query("SELECT 1")
    completed, samples = [], []
    for _ in range(4):
        assert state(job) == "RUNNING"
        completed.append(sum(stage.completed_parallel_inputs for stage in job.query_plan))
        samples.append(len(job.timeline))
        server.clock.advance(80)
    assert completed == sorted(completed)
    assert completed[0] == 0
    assert completed[1] < completed[2] < completed[3] < 100
    assert samples == [1, 3, 6, 9]
    assert state(job) == "DONE"
    assert {stage.status for stage in job.query_plan} == {"COMPLETE"}
    assert job.timeline[-1].pending_units == 0
    assert job._properties["statistics"]["quotaDeferments"] == ["slots"]


# -- children


def test_one_child_of_a_script_fails(client: Any, simulation: Simulation) -> None:
    simulation.add([rule(Error("resourcesExceeded", level="job"), sql="^SELECT 2 AS two$")])
    job = client.query("SELECT 1 AS one; SELECT 2 AS two; SELECT 3 AS three")
    with pytest.raises(exceptions.BadRequest):
        job.result()
    assert state(job) == "DONE"
    assert job.error_result["reason"] == "resourcesExceeded"
    children = {child.query: child for child in client.list_jobs(parent_job=job.job_id)}
    assert set(children) == {"SELECT 1 AS one", "SELECT 2 AS two"}
    assert children["SELECT 1 AS one"].error_result is None
    assert children["SELECT 2 AS two"].error_result["reason"] == "resourcesExceeded"


def test_a_script_handles_the_failure_of_its_child(client: Any, simulation: Simulation) -> None:
    simulation.add([rule(Error("resourcesExceeded", level="job"), sql="^SELECT 2 AS two$")])
    job = client.query("BEGIN SELECT 2 AS two; EXCEPTION WHEN ERROR THEN SELECT 'handled'; END")
    assert [row[0] for row in job.result()] == ["handled"]


def test_a_script_waits_while_its_child_is_held(
    server: Simulator, client: Any, simulation: Simulation
) -> None:
    server.clock.freeze()
    simulation.add([rule(JobState("hold", for_s=60.0), sql="^SELECT 2 AS two$")])
    job = client.query("SELECT 1 AS one; SELECT 2 AS two")
    until(lambda: len(list(client.list_jobs(parent_job=job.job_id))) == 2)
    server.clock.advance(59)
    assert state(job) == "RUNNING"
    assert {c.query: c.state for c in client.list_jobs(parent_job=job.job_id)} == {
        "SELECT 1 AS one": "DONE",
        "SELECT 2 AS two": "RUNNING",
    }
    server.clock.advance(2)
    assert state(job) == "DONE"


def test_a_script_is_cancelled_while_its_child_is_held(client: Any, simulation: Simulation) -> None:
    simulation.add([rule(JobState("stuck"), sql="^SELECT 2 AS two$")])
    job = client.query("SELECT 1 AS one; SELECT 2 AS two")
    until(lambda: len(list(client.list_jobs(parent_job=job.job_id))) == 2)
    job.cancel()
    until(lambda: state(job) == "DONE")
    assert job.error_result["reason"] == "stopped"
    last = next(iter(client.list_jobs(parent_job=job.job_id)))
    assert (last.state, last.error_result["reason"]) == ("DONE", "stopped")
