"""Views of INFORMATION_SCHEMA about the capacity in force."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.cloud import bigquery

import bqsim
from bqsim.simulator import Simulator
from tests.waiting import until

from .job_help import uncached

pytestmark = [
    pytest.mark.fidelity(
        "job:slots",
        "approximated",
        "RESERVATIONS, ASSIGNMENTS and CAPACITY_COMMITMENTS tell of the capacity in force; the views of "
        "changes only of what statements did.",
    ),
]

CAPACITY = """
commitments: [{slots: 100}, {slots: 50, location: EU, plan: THREE_YEAR}]
reservations:
  etl: {slot_capacity: 100, autoscale_max_slots: 200}
  far: {slot_capacity: 50, location: EU, ignore_idle_slots: true}
  other: {slot_capacity: 50, admin_project: elsewhere, edition: ENTERPRISE_PLUS}
folders: {sales: [shop-*]}
assignments:
- {reservation: etl, project: p}
- {reservation: far, folder: sales}
- {reservation: other, principal: bi@example.com}
- {reservation: none, project: free}
"""


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with bqsim.start(seed=2, project="p") as running:
        running.clock.freeze()
        yield running


@pytest.fixture(scope="module")
def client(sim: Simulator) -> Iterator[Any]:
    with uncached(sim) as found:
        yield found


def rows(client: Any, sql: str, **options: Any) -> list[tuple[Any, ...]]:
    # Jobs that ask need no slots themselves.
    config = bigquery.QueryJobConfig(labels={"bqsim_slot_ms": "0"}, use_query_cache=False)
    return [tuple(row.values()) for row in client.query_and_wait(sql, job_config=config, **options)]


def test_nothing_without_capacity(client: Any) -> None:
    for view in ("RESERVATIONS", "ASSIGNMENTS", "CAPACITY_COMMITMENTS"):
        assert rows(client, f"SELECT * FROM `region-us`.INFORMATION_SCHEMA.{view}") == []


def test_what_is_in_force(sim: Simulator, client: Any) -> None:
    sim.capacity.use(CAPACITY)
    view = "`region-us`.INFORMATION_SCHEMA."
    assert rows(
        client,
        "SELECT reservation_name, slot_capacity, edition, ignore_idle_slots, autoscale.current_slots, "
        f"autoscale.max_slots, project_id FROM {view}RESERVATIONS",
    ) == [("etl", 100, "ENTERPRISE", False, 0, 200, "p")]
    assert rows(
        client,
        "SELECT reservation_name, job_type, assignee_type, assignee_id "
        f"FROM {view}ASSIGNMENTS ORDER BY assignment_id",
    ) == [("etl", "QUERY", "PROJECT", "p"), ("none", "QUERY", "PROJECT", "free")]
    assert rows(
        client, f"SELECT slot_count, commitment_plan, state, edition FROM {view}CAPACITY_COMMITMENTS"
    ) == [(100, "ANNUAL", "ACTIVE", "ENTERPRISE")]
    (ddl,) = rows(client, f"SELECT ddl FROM {view}RESERVATIONS")[0]
    assert ddl.startswith("CREATE RESERVATION `p.region-us.etl`") and "autoscale_max_slots=200" in ddl
    far = "`region-eu`.INFORMATION_SCHEMA."
    assert rows(
        client,
        f"SELECT reservation_name, assignee_type, assignee_id FROM {far}ASSIGNMENTS",
        location="EU",
    ) == [("far", "FOLDER", "sales")]
    other = "`elsewhere.region-us`.INFORMATION_SCHEMA."
    assert rows(
        client,
        f"SELECT reservation_name, assignee_type, principal FROM {other}ASSIGNMENTS",
    ) == [("other", "ORGANIZATION", "bi@example.com")]


def test_slots_that_are_scaled_now(sim: Simulator, client: Any) -> None:
    sim.capacity.use(CAPACITY)
    labels = {"bqsim_slot_ms": "100000000", "bqsim_units": "250"}
    job = client.query("SELECT 1", job_config=bigquery.QueryJobConfig(labels=labels))
    until(lambda: sim.capacity.places()[0].running)
    scaled = sim.capacity.places()[0].scaled
    found = rows(client, "SELECT autoscale.current_slots FROM `region-us`.INFORMATION_SCHEMA.RESERVATIONS")
    assert found == [(scaled,)] and scaled == 150
    client.cancel_job(job.job_id)


def test_what_statements_made_before_is_not_in_force(sim: Simulator, client: Any) -> None:
    sim.capacity.off()
    for name, slots in (("etl", 700), ("made", 50)):
        rows(client, f"CREATE RESERVATION `p.region-us.{name}` OPTIONS (slot_capacity = {slots})")
    sql = "SELECT reservation_name, slot_capacity FROM `region-us`.INFORMATION_SCHEMA.RESERVATIONS ORDER BY 1"
    assert rows(client, sql) == [("etl", 700), ("made", 50)]
    sim.capacity.use(CAPACITY)
    assert rows(client, sql) == [("etl", 100)]
    sim.capacity.off()
    assert rows(client, sql) == [("etl", 700), ("made", 50)]
