"""What is exact, and shown nowhere else."""

from __future__ import annotations

import asyncio

import pytest

import bqsim
from tests.conftest import Http
from tests.unit.jobs.test_limits import Jobs, on_a_loop, settle


@pytest.mark.fidelity("bytes:queries", "exact")
def test_queries_are_charged_the_columns_that_they_read(rest: Http) -> None:
    rest.dataset()
    rest.query("CREATE TABLE d.t AS SELECT 1 AS n, 'abc' AS s, [1, 2] AS a")
    sizes = {"n": 8, "s": 2 + 3, "a": 16, "n, s": 8 + 5, "*": 8 + 5 + 16}
    for columns, size in sizes.items():
        assert rest.query(f"SELECT {columns} FROM d.t").json["totalBytesProcessed"] == str(size)
    assert rest.query("SELECT COUNT(*) FROM d.t").json["totalBytesProcessed"] == "0"


@pytest.mark.fidelity("bytes:INFORMATION_SCHEMA", "exact")
def test_views_of_the_schema_are_charged_ten_mebibytes(rest: Http) -> None:
    rest.dataset()
    answer = rest.query("SELECT table_name FROM d.INFORMATION_SCHEMA.TABLES").json
    assert answer["totalBytesProcessed"] == str(10 << 20)


@pytest.mark.fidelity("latency:phase {phase}", "exact")
@pytest.mark.parametrize("phase", ["before", "after"])
def test_calls_wait_before_and_after_their_work(phase: str) -> None:
    with bqsim.start(seed=1) as sim:
        sim.clock.scale(1000)
        sim.latency.set("2s", phase=phase, method="bigquery.datasets.list")
        client = sim.client()
        list(client.list_datasets())
        client.close()
        (call,) = sim.journal.calls("bigquery.datasets.list")
    assert call.duration_us >= 2_000_000
    assert 2.0 in [decision.latency_s for decision in call.decisions]


@pytest.mark.fidelity("statement:ALTER MATERIALIZED VIEW", "exact")
def test_options_of_materialized_views(rest: Http) -> None:
    rest.dataset()
    rest.query("CREATE TABLE d.t AS SELECT 1 AS n")
    rest.query("CREATE MATERIALIZED VIEW d.m AS SELECT COUNT(*) AS c FROM d.t")
    assert rest.query("ALTER MATERIALIZED VIEW d.m SET OPTIONS (description='x')").status == 200
    assert rest.call("GET", "/datasets/d/tables/m").json["description"] == "x"


@pytest.mark.fidelity("limit:dml_mutating_running", "exact")
@on_a_loop
async def test_statements_that_change_rows_wait_for_each_other() -> None:
    jobs = Jobs(dml_mutating_running=1)
    first, second = (jobs.queued("UPDATE d.t SET n = 1 WHERE TRUE") for _ in range(2))
    await jobs.limits.admitted(first)
    waiting = asyncio.create_task(jobs.limits.admitted(second))
    await settle()
    assert not waiting.done()
    jobs.limits.done(first)
    await waiting
