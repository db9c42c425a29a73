"""JOBS_TIMELINE and RESERVATIONS_TIMELINE of jobs that share a capacity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.cloud import bigquery

import bqsim
from bqsim.simulator import Simulator
from tests.contract.test_capacity_statements import VIEW, run, settled, work

pytestmark = [
    pytest.mark.fidelity(
        "job:slots",
        "approximated",
        "JOBS_TIMELINE and RESERVATIONS_TIMELINE tell of the slots that jobs had; what is lent comes from "
        "all that is idle alike.",
    ),
]

CAPACITY = """
commitments: [{slots: 200}]
reservations:
  etl: {slot_capacity: 100, autoscale_max_slots: 100, target_job_concurrency: 2}
  lender: {slot_capacity: 100}
  alone: {slot_capacity: 0, ignore_idle_slots: true, autoscale_max_slots: 200, target_job_concurrency: 9}
assignments:
- {reservation: etl, project: p}
- {reservation: alone, principal: solo@example.com}
"""
# Slot-milliseconds: each reading of a clock that stands is a microsecond later, and waiting reads it.
SLACK = 5_000


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with bqsim.start(seed=2, project="p") as running:
        yield running


@pytest.fixture
def sim(server: Simulator) -> Iterator[Simulator]:
    whole_minute(server)
    yield server
    server.reset()


@pytest.fixture
def client(sim: Simulator) -> Iterator[Any]:
    found = sim.client()
    yield found
    found.close()


def whole_minute(sim: Simulator) -> int:
    """Let the clock stand at the begin of a minute, but for microseconds; when that is."""
    sim.clock.freeze()
    sim.clock.advance((60_000_000 - sim.clock.now_us() % 60_000_000) / 1e6)
    return sim.clock.now_us() // 60_000_000 * 60_000_000


def seconds(client: Any, job: Any) -> list[tuple[Any, ...]]:
    return run(
        client,
        "SELECT UNIX_SECONDS(period_start) - UNIX_SECONDS(TIMESTAMP_TRUNC(job_creation_time, SECOND)), "
        "period_slot_ms, state, period_estimated_runnable_units, reservation_id "
        f"FROM {VIEW}JOBS_TIMELINE WHERE job_id = '{job.job_id}' ORDER BY 1",
    )


def total(client: Any, job: Any) -> int:
    ((found,),) = run(client, f"SELECT total_slot_ms FROM {VIEW}JOBS WHERE job_id = '{job.job_id}'")
    return int(found)


def minutes(client: Any, name: str, since_us: int, columns: str) -> list[tuple[Any, ...]]:
    return run(
        client,
        f"SELECT {columns} FROM {VIEW}RESERVATIONS_TIMELINE WHERE reservation_name = '{name}' "
        f"AND period_start >= TIMESTAMP_MICROS({since_us}) ORDER BY period_start",
    )


def test_seconds_of_a_job_are_the_slots_that_it_had(sim: Simulator, client: Any) -> None:
    sim.capacity.use(
        "{reservations: {etl: {slot_capacity: 100, target_job_concurrency: 2}}, "
        "assignments: [{reservation: etl}]}"
    )
    first = work(client, 300_000, 100)
    settled(client, first, states=["RUNNING"])
    sim.clock.advance("1s")
    second, third = work(client, 50_000, 100), work(client, 20_000, 20)
    settled(client, second, third, states=["RUNNING", "PENDING"])
    sim.clock.advance("400ms")
    # It has a hundred for a second, then fifty while the second runs, eighty while the third does.
    sim.clock.advance("9600ms")
    settled(client, first, second, third, states=["DONE"] * 3)
    found = seconds(client, first)
    assert [row[1] for row in found] == [
        pytest.approx(slot_ms, abs=SLACK) for slot_ms in (100_000, 50_000, 80_000, 70_000)
    ]
    assert sum(row[1] for row in found) == total(client, first) == 300_000
    assert [row[2] for row in found] == ["RUNNING", "RUNNING", "RUNNING", "DONE"]
    assert [row[3] for row in found] == [pytest.approx(units, abs=5) for units in (0, 50, 20, 0)]
    assert {row[4] for row in found} == {"p:US.etl"}
    waited = seconds(client, third)
    assert [(row[1], row[2]) for row in waited[:1]] == [(0, "PENDING")]
    assert sum(row[1] for row in waited) == total(client, third) == 20_000


def test_seconds_of_a_job_that_runs_are_those_up_to_now(sim: Simulator, client: Any) -> None:
    sim.capacity.use("{reservations: {etl: {slot_capacity: 100}}, assignments: [{reservation: etl}]}")
    job = work(client, 1_000_000, 100)
    settled(client, job, states=["RUNNING"])
    sim.clock.advance("2500ms")
    found = [row[1] for row in seconds(client, job)]
    assert found == [pytest.approx(slot_ms, abs=SLACK) for slot_ms in (100_000, 100_000, 50_000)]
    assert sum(found) == pytest.approx(total(client, job), abs=SLACK)
    client.cancel_job(job.job_id)
    settled(client, job, states=["DONE"])
    assert sum(row[1] for row in seconds(client, job)) == total(client, job) > 240_000


def test_seconds_go_on_when_the_capacity_changes(sim: Simulator, client: Any) -> None:
    sim.capacity.use(CAPACITY)
    job = work(client, 500_000, 100)
    settled(client, job, states=["RUNNING"])
    sim.clock.advance("1s")
    run(client, "ALTER RESERVATION `region-us.etl` SET OPTIONS (slot_capacity = 50, autoscale_max_slots = 0)")
    run(client, "ALTER RESERVATION `region-us.etl` SET OPTIONS (ignore_idle_slots = TRUE)")
    sim.clock.advance("20s")
    settled(client, job, states=["DONE"])
    found = [row[1] for row in seconds(client, job)]
    assert found[:3] == [pytest.approx(slot_ms, abs=SLACK) for slot_ms in (100_000, 50_000, 50_000)]
    assert sum(found) == total(client, job) == 500_000


def test_a_script_has_the_seconds_of_its_statements(sim: Simulator, client: Any) -> None:
    sim.capacity.use(CAPACITY)
    plain = bigquery.QueryJobConfig(use_query_cache=False)
    script = client.query("SELECT 1; SELECT 2;", job_config=plain)
    sim.clock.advance("5s")
    sim.clock.advance("5s")
    settled(client, script, states=["DONE"])
    assert sum(row[1] for row in seconds(client, script)) == total(client, script) > 0


def test_minutes_of_a_reservation_are_those_of_the_model(sim: Simulator, client: Any) -> None:
    since_us = whole_minute(sim)
    sim.capacity.use(CAPACITY)
    # A hundred slots of its own, a hundred that another reservation has idle, a hundred scaled.
    job = work(client, 150_000 * 90, 350)
    settled(client, job, states=["RUNNING"])
    (etl, lender, *_) = sim.capacity.places()
    assert (etl.scaled, etl.borrowed, lender.borrowed) == (100, 100, 0)
    columns = "autoscale.current_slots, autoscale.max_slots, slots_assigned, slots_max_assigned"
    assert minutes(client, "etl", since_us, columns) == [(100, 100, 100, 200)]
    sim.clock.advance("45s")
    sim.clock.advance("105s")
    settled(client, job, states=["DONE"])
    # 300 slots for 45 seconds; what is scaled stays for a minute after its peak.
    found = minutes(client, "etl", since_us, f"period_autoscale_slot_seconds, {columns}, per_second_details")
    assert [row[0] for row in found] == [pytest.approx(6_000, abs=50), pytest.approx(0, abs=50), 0]
    assert [row[1] for row in found] == [pytest.approx(100), 0, 0]
    first = found[0][-1]
    assert len(first) == 60
    assert [one["autoscale_current_slots"] for one in first[1:]] == [100] * 59
    assert [one["borrowed_slots"] for one in first[1:]] == [100] * 45 + [0] * 14
    assert {one["slots_assigned"] for one in first} == {100}
    assert {one["autoscale_max_slots"] for one in first} == {100}
    lent = minutes(client, "lender", since_us, "per_second_details, period_autoscale_slot_seconds")
    assert [one["lent_slots"] for one in lent[0][0][1:]] == [100] * 45 + [0] * 14
    assert [row[1] for row in lent] == [0, 0, 0]


def test_minutes_follow_statements(sim: Simulator, client: Any) -> None:
    since_us = whole_minute(sim)
    sim.capacity.use(CAPACITY)
    sim.clock.advance("10s")
    run(client, "ALTER RESERVATION `region-us.lender` SET OPTIONS (slot_capacity = 50)")
    sim.clock.advance("20s")
    run(client, "DROP RESERVATION `region-us.lender`")
    sim.clock.advance("60s")
    ((assigned, details),) = minutes(client, "lender", since_us, "slots_assigned, per_second_details")
    assert assigned == 50
    assert [one["slots_assigned"] for one in details] == [100] * 10 + [50] * 20 + [50] + [0] * 29
    sim.capacity.off()
    # What was in force is told of after it, and no more than that.
    assert len(minutes(client, "alone", since_us, "period_start")) == 2
    sim.clock.advance("120s")
    assert len(minutes(client, "alone", since_us, "period_start")) == 2
