"""The part of ``make demo`` that makes things go wrong, slow and late, and proves that they did."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bqsim.simulator import Simulator

Heading = Callable[[str], None]


def simulate(sim: Simulator, client: Any, heading: Heading) -> None:
    """Faults, latencies, job states, lost answers and a week of time, on a simulator that runs."""
    _fault(sim, client, heading)
    _latency(sim, client, heading)
    _states(sim, client, heading)
    _lost_answer(sim, client, heading)
    _week(sim, client, heading)


def _fault(sim: Simulator, client: Any, heading: Heading) -> None:
    heading("A fault: two of three requests fail, and Google's client tries again by itself")
    with sim.faults.add("backendError", method="bigquery.jobs.query", times=2):
        rows = list(client.query_and_wait("SELECT 'through' AS outcome"))
    calls = sim.verify("bigquery.jobs.query", {"sql": "SELECT 'through' AS outcome"}, times=3)
    print(f"   {[call.outcome.text for call in calls]} -> {rows[0].outcome}")
    print("   " + sim.explain(calls[0].id).replace("\n", "\n   "))


def _latency(sim: Simulator, client: Any, heading: Heading) -> None:
    heading("A latency model: lognormal, a median of 40 ms, 95 % below 120 ms; seeded")
    model = {"lognormal": {"p50": "40ms", "p95": "120ms"}}
    with sim.faults.add({"delay": model}, method="bigquery.datasets.get"):
        took = []
        for _ in range(20):
            began = time.perf_counter()
            client.get_dataset("shop")
            took.append(time.perf_counter() - began)
    print(f"   20 calls: median {statistics.median(took) * 1000:.0f} ms, longest {max(took) * 1000:.0f} ms")


def _states(sim: Simulator, client: Any, heading: Heading) -> None:
    heading("Job states: PENDING for 2 s, RUNNING for 10 s, on a clock that stands and is moved by hand")
    sim.clock.freeze()
    sim.jobs.plan({"timed": {"pending": "2s", "running": "10s"}})
    job = client.query("SELECT 1")
    seen = [job.state]
    for seconds in (1.5, 1, 9, 1):
        sim.clock.advance(seconds)
        job.reload()
        seen.append(job.state)
    sim.jobs.clear()
    sim.clock.resume()
    print(f"   {' → '.join(seen)}; ran for {(job.ended - job.started).total_seconds():g} s, in no time")


def _lost_answer(sim: Simulator, client: Any, heading: Heading) -> None:
    heading("A lost answer: the rows are written, the client is told 503; did it write them twice?")
    client.query_and_wait("CREATE TABLE shop.log (line STRING)")
    lost = {"error": {"reason": "backendError", "applied": True}}
    with sim.faults.add(lost, method="bigquery.jobs.query", times=1):
        client.query_and_wait("INSERT shop.log VALUES ('once')")
    counts = sim.verify_exactly_once().counts()
    rows = client.query_and_wait("SELECT COUNT(*) AS n FROM shop.log")
    print(f"   rows: {next(iter(rows)).n}; writes by what became of them: {counts}")


def _week(sim: Simulator, client: Any, heading: Heading) -> None:
    heading("A week in a moment: what expires does so")
    sim.clock.freeze()
    week = "TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 6 DAY)"
    client.query_and_wait(f"CREATE TABLE shop.brief (n INT64) OPTIONS (expiration_timestamp = {week})")
    before = sorted(table.table_id for table in client.list_tables("shop"))
    began = time.perf_counter()
    sim.clock.advance("7d")
    took = time.perf_counter() - began
    after = sorted(table.table_id for table in client.list_tables("shop"))
    print(f"   {before} → {after} after 7 days, which took {took * 1000:.0f} ms")
