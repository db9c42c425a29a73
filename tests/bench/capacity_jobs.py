"""What jobs cost that wait for slots: ten thousand at once in one server, and how fast slots let them go.

``python -m tests.bench.capacity_jobs [jobs]`` prints one JSON object. All jobs share a reservation in which a
hundred run at a time; each is a second of work on one slot. The server is one of this process.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import bqsim
from tests.bench.pending_jobs import resident_bytes
from tests.servers import Bqsim, environment

RUNNING = 100
CAPACITY = {
    "reservations": {"etl": {"slot_capacity": RUNNING, "target_job_concurrency": RUNNING}},
    "assignments": [{"reservation": "etl"}],
    "queues": {"interactive": 10_000_000},
}
BODY = {
    "configuration": {
        "query": {"query": "SELECT 1", "useLegacySql": False, "useQueryCache": False},
        "labels": {"bqsim_slot_ms": "1000", "bqsim_units": "1"},
    }
}


def insert(server: Bqsim, count: int) -> float:
    """Milliseconds for each insert."""
    start = time.perf_counter()
    for _ in range(count):
        server.request("POST", "/bigquery/v2/projects/bench/jobs", BODY)
    return round((time.perf_counter() - start) / count * 1e3, 3)


def run(total: int) -> dict[str, Any]:
    with bqsim.start(project="bench") as sim:
        server = Bqsim(sim.port, 0)
        server.query("SELECT 1")
        without_ms = insert(server, 500)
        sim.clock.freeze()
        start = time.perf_counter()
        sim.capacity.use(CAPACITY)
        ready_s = time.perf_counter() - start
        insert(server, RUNNING)
        before = resident_bytes()
        with_ms = insert(server, total)
        after = resident_bytes()
        while sim.capacity.places()[0].queued < total:
            time.sleep(0.01)
        start = time.perf_counter()
        sim.clock.advance(total / RUNNING + 2)
        while sum((place.running + place.queued) for place in sim.capacity.places()):
            time.sleep(0.01)
            sim.clock.advance(1)
        return {
            **environment(),
            "jobs": total,
            "ready_s": round(ready_s, 2),
            "insert_ms_without_capacity": without_ms,
            "insert_ms": with_ms,
            "kb_per_job": round((after - before) / total / 1024, 2),
            "release_s": round(time.perf_counter() - start, 2),
        }


def figures(total: int = 10_000) -> list[tuple[str, float, str, dict[str, Any]]]:
    """The same as (name, value, goal, details)."""
    found = run(total)
    inserts = (found["insert_ms"], found["insert_ms_without_capacity"])
    ready = {"ready_s": found["ready_s"]}
    return [
        ("insert of a job that waits for slots, x insert without capacity", inserts[0] / inserts[1], "", {"ms": inserts}),
        (f"KB for each of {total:,} jobs that wait for slots", found["kb_per_job"], "", ready),
        ("ms for each job that slots let go, one core", found["release_s"] / total * 1e3, "", {}),
    ]  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)))
