"""Quotas of queries on demand, for jobs that have slots of a reservation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

import bqsim
from bqsim.simulator import Simulator
from tests.waiting import until

from .job_help import uncached

pytestmark = [
    pytest.mark.fidelity(
        "job:slots", "approximated", "What holds on demand does not for jobs of reservations."
    ),
]

CAPACITY = """
reservations: {etl: {slot_capacity: 100}}
assignments: [{reservation: etl, project: p}, {reservation: none, principal: ann@example.com}]
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with bqsim.start(seed=3, project="p") as running:
        client = running.client()
        client.create_dataset("d")
        client.query_and_wait("CREATE TABLE d.t AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 1000)) n")
        yield running


@pytest.fixture
def sim(server: Simulator) -> Iterator[Simulator]:
    server.clock.freeze()
    server.capacity.use(CAPACITY)
    yield server
    server.reset()


@pytest.fixture
def client(sim: Simulator) -> Iterator[Any]:
    with uncached(sim) as found:
        yield found


def work(reservation: str | None = None) -> Any:
    labels = {"bqsim_slot_ms": "100000", "bqsim_units": "10"}
    return bigquery.QueryJobConfig(labels=labels, reservation=reservation)


def test_places_of_queries_on_demand(sim: Simulator, client: Any) -> None:
    sim.limits.use(values={"concurrent_queries": 1})
    reserved = [client.query("SELECT 1", job_config=work()) for _ in range(3)]
    first, second = (client.query("SELECT 1", job_config=work("none")) for _ in range(2))
    # Requests are counted too, while the clock stands: the simulator is asked for what is going on.
    until(lambda: sim.capacity.places()[0].running == len(reserved))
    until(lambda: [row["used"] for row in sim.limits.usage("concurrent_queries")] == [1])
    states = [client.get_job(job.job_id).state for job in (*reserved, first, second)]
    assert states == ["RUNNING"] * 4 + ["PENDING"]
    assert client.get_job(second.job_id)._properties["statistics"]["quotaDeferments"] == [
        "concurrent_queries"
    ]
    client.cancel_job(first.job_id)
    until(lambda: client.get_job(second.job_id).state == "RUNNING")


def test_bytes_of_queries_on_demand(sim: Simulator, client: Any) -> None:
    sim.clock.scale(1000)
    sim.limits.use(values={"query_bytes_per_day": 1})
    sql = "SELECT MAX(n) FROM d.t"
    assert [row[0] for row in client.query(sql, job_config=work()).result()] == [1000]
    with pytest.raises(exceptions.Forbidden, match="QueryUsagePerDay"):
        client.query(sql, job_config=work("none"), job_retry=None).result(retry=None)
    # Its script has no work of its own.
    assert [row[0] for row in client.query_and_wait(f"SELECT 1; {sql};")] == [1000]
