"""CREATE, ALTER and DROP of reservations, assignments and commitments change the capacity in force."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.cloud import bigquery

import bqsim
from bqsim.simulator import Simulator
from tests.contract.test_iam import Token

pytestmark = [
    pytest.mark.fidelity(
        "job:slots",
        "approximated",
        "With a capacity in force, statements about reservations, assignments and commitments change it.",
    ),
]

CAPACITY = """
commitments: [{slots: 100}]
reservations:
  etl: {slot_capacity: 100, autoscale_max_slots: 100, target_job_concurrency: 1}
assignments: [{reservation: etl, project: p}]
"""
VIEW = "`region-us`.INFORMATION_SCHEMA."
# Jobs that ask, or that change the capacity, need no slots themselves.
FREE = {"bqsim_slot_ms": "0"}


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with bqsim.start(seed=2, project="p") as running:
        yield running


@pytest.fixture
def sim(server: Simulator) -> Iterator[Simulator]:
    server.clock.freeze()
    yield server
    server.reset()


@pytest.fixture
def client(sim: Simulator) -> Iterator[Any]:
    found = sim.client()
    yield found
    found.close()


def run(client: Any, sql: str, **options: Any) -> list[tuple[Any, ...]]:
    config = bigquery.QueryJobConfig(
        labels=FREE, use_query_cache=False, reservation="none", **options.pop("config", {})
    )
    return [tuple(row.values()) for row in client.query_and_wait(sql, job_config=config, **options)]


def work(client: Any, slot_ms: int, units: int, **options: Any) -> Any:
    labels = {"bqsim_slot_ms": str(slot_ms), "bqsim_units": str(units)}
    config = bigquery.QueryJobConfig(labels=labels, use_query_cache=False, **options)
    return client.query("SELECT 1", job_config=config)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def settled(client: Any, *jobs: Any, states: list[str]) -> None:
    until(lambda: [client.get_job(job.job_id).state for job in jobs] == states)


def slots(sim: Simulator) -> dict[str, float]:
    return {place.name: place.used for place in sim.capacity.places()}


def refused(client: Any, sql: str) -> str:
    with pytest.raises(exceptions.GoogleAPICallError) as caught:
        run(client, sql)
    return str(caught.value.errors[0]["message"])


def test_a_job_that_runs_gets_the_slots_of_an_altered_reservation(sim: Simulator, client: Any) -> None:
    sim.capacity.use(CAPACITY)
    job, queued = (work(client, 1_000_000, 400) for _ in range(2))
    settled(client, job, queued, states=["RUNNING", "PENDING"])
    assert slots(sim)["etl"] == 200
    run(client, "ALTER RESERVATION `p.region-us.etl` SET OPTIONS (autoscale_max_slots = 300)")
    assert slots(sim)["etl"] == 400
    run(client, "ALTER RESERVATION `p.region-us.etl` SET OPTIONS (target_job_concurrency = 2)")
    settled(client, job, queued, states=["RUNNING", "RUNNING"])
    described = sim.capacity.described
    assert described is not None and described.reservations["etl"].autoscale_max_slots == 300
    # Two jobs share 400 slots from the begin of the second on.
    sim.clock.advance("4s")
    run(client, "ALTER RESERVATION `p.region-us.etl` SET OPTIONS (autoscale_max_slots = 0)")
    assert slots(sim)["etl"] == 100
    for one in (job, queued):
        client.cancel_job(one.job_id)
    settled(client, job, queued, states=["DONE", "DONE"])
    found = [client.get_job(one.job_id)._properties["statistics"] for one in (job, queued)]
    had = [int(one["totalSlotMs"]) for one in found]
    assert had == [pytest.approx(800_000, abs=2_000)] * 2


def test_jobs_go_where_they_are_assigned_now(sim: Simulator, client: Any) -> None:
    sim.capacity.use(CAPACITY)
    first = work(client, 1_000_000, 10)
    settled(client, first, states=["RUNNING"])
    second = work(client, 1_000_000, 10)
    settled(client, second, states=["PENDING"])
    run(client, "CREATE RESERVATION `p.region-us.bi` OPTIONS (slot_capacity = 50, edition = 'ENTERPRISE')")
    run(
        client,
        "CREATE ASSIGNMENT `p.region-us.bi.mine` OPTIONS (assignee = 'projects/p', job_type = 'PIPELINE')",
    )
    assert [client.get_job(second.job_id).state, slots(sim)["bi"]] == ["PENDING", 0]
    run(client, "DROP ASSIGNMENT `p.region-us.etl.assignment-1`")
    # Without an assignment both are on demand.
    settled(client, second, states=["RUNNING"])
    run(client, "ALTER ASSIGNMENT `p.region-us.bi.mine` SET OPTIONS (job_type = 'QUERY')")
    until(lambda: slots(sim)["bi"] == 20)
    found = client.get_job(second.job_id)._properties["statistics"]
    assert found["reservation_id"] == "p:US.bi"
    run(client, "DROP ASSIGNMENT `p.region-us.bi.mine`")
    run(client, "DROP RESERVATION `p.region-us.bi`")
    assert "bi" not in slots(sim)
    for one in (first, second):
        client.cancel_job(one.job_id)


def test_views_tell_each_resource_and_each_change_once(sim: Simulator, client: Any) -> None:
    sim.capacity.use(CAPACITY)
    begun_us = sim.clock.now_us()
    run(client, "CREATE RESERVATION `region-us.bi` OPTIONS (slot_capacity = 50, labels = [('team', 'bi')])")
    run(client, "ALTER RESERVATION `region-us.bi` SET OPTIONS (autoscale_max_slots = 100)")
    run(client, "ALTER RESERVATION `region-us.etl` SET OPTIONS (ignore_idle_slots = TRUE)")
    run(
        client,
        "CREATE ASSIGNMENT `region-us.bi.a` OPTIONS (assignee = 'projects/q', job_type = 'QUERY')",
    )
    run(
        client,
        "CREATE CAPACITY `region-us.c` OPTIONS (slot_count = 100, plan = 'ANNUAL', edition = 'ENTERPRISE')",
    )
    run(client, "ALTER CAPACITY `region-us.commitment-1` SET OPTIONS (slot_count = 150)")
    columns = "reservation_name, slot_capacity, autoscale.max_slots, ignore_idle_slots, edition"
    assert run(client, f"SELECT {columns}, labels FROM {VIEW}RESERVATIONS ORDER BY 1") == [
        ("bi", 50, 100, False, "ENTERPRISE", [{"key": "team", "value": "bi"}]),
        ("etl", 100, 100, True, "ENTERPRISE", []),
    ]
    assert run(client, f"SELECT assignment_id, reservation_name FROM {VIEW}ASSIGNMENTS ORDER BY 1") == [
        ("a", "bi"),
        ("assignment-1", "etl"),
    ]
    sql = f"SELECT capacity_commitment_id, slot_count FROM {VIEW}CAPACITY_COMMITMENTS ORDER BY 1"
    assert run(client, sql) == [("c", 100), ("commitment-1", 150)]
    run(client, "DROP CAPACITY `region-us.c`")
    run(client, "DROP ASSIGNMENT `region-us.bi.a`")
    run(client, "DROP RESERVATION `region-us.bi`")
    assert run(client, f"SELECT reservation_name FROM {VIEW}RESERVATIONS") == [("etl",)]
    changes = {
        "RESERVATION_CHANGES": [("bi", "CREATE"), ("bi", "UPDATE"), ("etl", "UPDATE"), ("bi", "DELETE")],
        "ASSIGNMENT_CHANGES": [("bi", "CREATE"), ("bi", "DELETE")],
        "CAPACITY_COMMITMENT_CHANGES": [("c", "CREATE"), ("commitment-1", "UPDATE"), ("c", "DELETE")],
    }
    for view, expected in changes.items():
        name = "capacity_commitment_id" if view.startswith("CAPACITY") else "reservation_name"
        when = f"WHERE change_timestamp > TIMESTAMP_MICROS({begun_us}) ORDER BY change_timestamp"
        sql = f"SELECT {name}, action FROM {VIEW}{view} {when}"
        assert run(client, sql) == expected


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("CREATE RESERVATION `region-us.etl`", "Already Exists: Reservation p:US.etl"),
        (
            "DROP RESERVATION `region-us.etl`",
            "Reservation p:US.etl still has assignments and cannot be deleted",
        ),
        ("DROP RESERVATION `region-us.bi`", "Not found: Reservation p:US.bi"),
        (
            "CREATE RESERVATION `region-us.s` OPTIONS (edition = 'STANDARD', slot_capacity = 100)",
            "STANDARD Reservation can not have baseline slot capacity",
        ),
        (
            "CREATE RESERVATION `region-us.s` OPTIONS (edition = 'STANDARD', ignore_idle_slots = FALSE)",
            "STANDARD Reservation can not share idle slots; set it to true",
        ),
        (
            "ALTER RESERVATION `region-us.etl` SET OPTIONS (autoscale_max_slots = 30)",
            "Max reservation size can only be configured in multiples of 50, except when covered by excess "
            "commitments; 30, not 50",
        ),
        (
            "ALTER RESERVATION `region-us.etl` SET OPTIONS (slot_capacity = 130)",
            "Baseline slots can only be configured in multiples of 50, except when covered by excess "
            "commitments; 130, not 100 or 150",
        ),
        (
            "CREATE RESERVATION `region-us.Upper`",
            "Malformed reservation id 'Upper': it can only contain lower case alphanumeric characters or "
            "dashes, from a letter to a letter or digit, and no more than 64",
        ),
        (
            "CREATE RESERVATION `q.region-us.etl`",
            "Reservation etl is one of p:US already: names are unique in the capacity in force",
        ),
        (
            "CREATE CAPACITY `region-us.c` OPTIONS (slot_count = 100, plan = 'FLEX')",
            "Commitment plan FLEX is not one of the capacity in force: use ANNUAL or THREE_YEAR",
        ),
        (
            "CREATE CAPACITY `region-us.c` OPTIONS (slot_count = 0, plan = 'ANNUAL')",
            "Option slot_count must be greater than 0",
        ),
        (
            "CREATE CAPACITY `region-us.c` OPTIONS (slot_count = 50, plan = 'ANNUAL', edition = 'STANDARD')",
            "there are no commitments in the STANDARD edition",
        ),
        (
            "CREATE ASSIGNMENT `region-us.x.a` OPTIONS (assignee = 'projects/p', job_type = 'QUERY')",
            "Not found: Reservation p:US.x",
        ),
        (
            "CREATE ASSIGNMENT `region-us.etl.a` OPTIONS (assignee = 'projects/p', job_type = 'QUERY')",
            "Already Exists: Assignment of projects/p for job type QUERY: p:us.etl.assignment-1",
        ),
        (
            "CREATE ASSIGNMENT `q.region-us.none.a` OPTIONS (assignee = 'projects/q', job_type = 'QUERY')",
            "Assignments to none are of p:US in the capacity in force, and hold in all locations",
        ),
        (
            "CREATE ASSIGNMENT `region-us.etl.a` OPTIONS "
            "(assignee = 'projects/p', job_type = 'BACKGROUND_CHANGE_DATA_CAPTURE')",
            "Job type BACKGROUND_CHANGE_DATA_CAPTURE is not one of the capacity in force",
        ),
        (
            "CREATE ASSIGNMENT `region-us.etl.a` OPTIONS (assignee = 'folders/7', job_type = 'QUERY')",
            "unknown folder '7'; name its projects under 'folders'",
        ),
    ],
)
def test_refusals_change_nothing(sim: Simulator, client: Any, sql: str, message: str) -> None:
    before = sim.capacity.use(CAPACITY)
    assert refused(client, sql) == message
    assert sim.capacity.described is before


def test_a_dry_run_checks_and_changes_nothing(sim: Simulator, client: Any) -> None:
    before = sim.capacity.use(CAPACITY)
    dry = {"config": {"dry_run": True}}
    run(client, "ALTER RESERVATION `region-us.etl` SET OPTIONS (slot_capacity = 200)", **dry)
    with pytest.raises(exceptions.BadRequest, match="multiples of 50"):
        run(client, "ALTER RESERVATION `region-us.etl` SET OPTIONS (slot_capacity = 130)", **dry)
    assert sim.capacity.described is before


def test_a_snapshot_has_what_statements_made(sim: Simulator, client: Any) -> None:
    sim.capacity.use(CAPACITY)
    run(client, "CREATE RESERVATION `region-us.bi` OPTIONS (slot_capacity = 50)")
    kept = sim.worlds.snapshot()
    run(client, "DROP RESERVATION `region-us.bi`")
    run(client, "CREATE RESERVATION `region-us.later`")
    sim.worlds.restore(kept)
    names = f"SELECT reservation_name FROM {VIEW}RESERVATIONS ORDER BY 1"
    assert run(client, names) == [("bi",), ("etl",)]
    assert [place.name for place in sim.capacity.places()][:2] == ["etl", "bi"]
    actions = f"SELECT reservation_name, action FROM {VIEW}RESERVATION_CHANGES ORDER BY change_timestamp DESC"
    assert run(client, actions)[0] == ("bi", "CREATE")


def test_a_restart_goes_on_with_what_statements_made(tmp_path: Path) -> None:
    scenario = f"capacity:\n{''.join(f'  {line}' for line in CAPACITY.strip().splitlines(keepends=True))}"
    names = f"SELECT reservation_name, slot_capacity FROM {VIEW}RESERVATIONS ORDER BY 1"

    def started(scenario: str) -> Any:
        return bqsim.start(project="p", data_dir=tmp_path / "data", scenario=scenario)

    with started(scenario) as sim, sim.client() as client:
        run(client, "ALTER RESERVATION `region-us.etl` SET OPTIONS (slot_capacity = 150)")
        run(client, "CREATE RESERVATION `region-us.bi` OPTIONS (slot_capacity = 50)")
    with started(scenario) as sim, sim.client() as client:
        assert run(client, names) == [("bi", 50), ("etl", 150)]
        assert [place.name for place in sim.capacity.places()][:2] == ["etl", "bi"]
        run(client, "DROP RESERVATION `region-us.bi`")
    with started(scenario) as sim, sim.client() as client:
        assert run(client, names) == [("etl", 150)]
    # Another capacity in the scenario is another beginning.
    with started(scenario.replace("slot_capacity: 100", "slot_capacity: 200")) as sim, sim.client() as client:
        assert run(client, names) == [("etl", 200)]


def test_who_may_not_change_reservations_changes_no_capacity(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "bindings:\n"
        "- {role: roles/bigquery.admin, members: ['user:admin@example.com']}\n"
        "- {role: roles/bigquery.user, members: ['user:ann@example.com'], resource: projects/p}\n"
    )
    with bqsim.start(project="p", iam_policy=policy) as sim:
        before = sim.capacity.use(CAPACITY)
        sql = "ALTER RESERVATION `region-us.etl` SET OPTIONS (slot_capacity = 200)"

        def asking(person: str) -> Any:
            token = Token(f"user:{person}@example.com")
            options = ClientOptions(api_endpoint=sim.url)
            return bigquery.Client(project="p", credentials=token, client_options=options)

        with (
            asking("ann") as ann,
            pytest.raises(exceptions.Forbidden, match=r"bigquery\.reservations\.update"),
        ):
            run(ann, sql)
        assert sim.capacity.described is before
        with asking("admin") as admin:
            run(admin, sql)
        assert sim.capacity.described is not before


def test_statements_that_make_room_wait_for_nobody(sim: Simulator, client: Any) -> None:
    sim.capacity.use(CAPACITY + "queues: {interactive: 1}")
    held, waiting = work(client, 3_600_000, 10), work(client, 3_600_000, 10)
    settled(client, held, waiting, states=["RUNNING", "PENDING"])
    with pytest.raises(exceptions.Forbidden, match="jobs that can be queued"):
        work(client, 1000, 1)
    client.query_and_wait("ALTER RESERVATION `p.region-us.etl` SET OPTIONS (target_job_concurrency = 2)")
    settled(client, held, waiting, states=["RUNNING", "RUNNING"])
