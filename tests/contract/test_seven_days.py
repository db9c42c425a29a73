"""Seven days, and ninety, on a clock that is moved by hand: all that ages does so, and nothing waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

import bqsim
from bqsim.simulator import Simulator

pytestmark = [
    pytest.mark.fidelity(
        "time:expiration of tables and partitions, time:cached results, time:daily quotas",
        "exact",
        tests="test_a_week_*",
    ),
    pytest.mark.fidelity(
        "time:time travel window",
        "exact",
        tests="test_a_week_*",
    ),
    pytest.mark.fidelity("time:long-term storage", "exact", tests="test_storage_is_long*"),
]

HOUR_MS = 3600 * 1000


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with bqsim.start(project="p", seed=1) as running:
        running.clock.freeze()
        yield running


def expiring(client: Any, simulator: Simulator, name: str, hours: int) -> None:
    table = bigquery.Table(f"p.d.{name}", [bigquery.SchemaField("n", "INTEGER")])
    made = client.create_table(table)
    made._properties["expirationTime"] = str(simulator.clock.now_us() // 1000 + hours * HOUR_MS)
    client.update_table(made, ["expires"])


def exists(client: Any, name: str) -> bool:
    try:
        client.get_table(f"p.d.{name}")
    except exceptions.NotFound:
        return False
    return True


def cached(client: Any) -> bool:
    job = client.query("SELECT 6 * 7", retry=None, job_retry=None)
    job.result()
    return bool(job.cache_hit)


def test_a_week_of_expirations_caches_and_refilled_quotas(simulator: Simulator) -> None:
    client, clock = simulator.client(), simulator.clock
    client.create_dataset("d")
    for day in range(1, 8):
        expiring(client, simulator, f"lives_{day}_days", 24 * day - 1)
    simulator.limits.use("bigquery", values={"table_modifications_per_day": 3})
    client.query_and_wait("CREATE TABLE d.kept (n INT64)")
    seen: list[tuple[int, bool, bool]] = []
    for _day in range(1, 8):
        for _ in range(2):
            client.query_and_wait("INSERT INTO d.kept VALUES (1)")
        first, again = cached(client), cached(client)
        seen.append((sum(exists(client, f"lives_{d}_days") for d in range(1, 8)), first, again))
        clock.advance("24h")
    # One table fewer each day; each day's first query finds yesterday's result gone.
    assert seen == [(8 - day, False, True) for day in range(1, 8)]
    assert not exists(client, "lives_7_days")
    [(count,)] = client.query_and_wait("SELECT COUNT(*) FROM d.kept")
    assert count == 14
    client.close()


def test_storage_is_long_term_after_ninety_days(simulator: Simulator) -> None:
    client = simulator.client()
    client.create_dataset("d")
    client.query_and_wait("CREATE TABLE d.t AS SELECT 1 AS n")

    def sizes() -> tuple[str, str]:
        table = client.get_table("p.d.t")._properties
        return table["numActiveLogicalBytes"], table["numLongTermBytes"]

    assert sizes() == ("8", "0")
    simulator.clock.advance("89d")
    assert sizes() == ("8", "0")
    simulator.clock.advance("1d")
    assert sizes() == ("0", "8")
    view = "`region-us`.INFORMATION_SCHEMA.TABLE_STORAGE"
    storage = f"SELECT long_term_logical_bytes, active_logical_bytes FROM {view}"
    assert [tuple(row) for row in client.query_and_wait(storage)] == [(8, 0)]
    client.query_and_wait("INSERT INTO d.t VALUES (2)")
    assert sizes() == ("16", "0")
    client.close()
