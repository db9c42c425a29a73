"""What jobs cost that wait: memory of each, and pages of jobs.list while many of them wait.

``python -m tests.bench.pending_jobs [jobs]`` prints one JSON object. All jobs wait PENDING at once, by a plan
of an hour, in a server of its own process.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import bqsim
from bqsim.sim.control.loading import put_in_force
from bqsim.sim.scenario import latency as described
from bqsim.sim.scenario.model import JobPlan, Scenario
from bqsim.sim.scenario.progression import Timed
from tests.servers import Bqsim, environment

PAGE = 50
ROUNDS = 60


def resident_bytes() -> int:
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def insert(server: Bqsim, project: str, count: int) -> None:
    body = {"configuration": {"query": {"query": "SELECT 1", "useLegacySql": False, "useQueryCache": False}}}
    for _ in range(count):
        server.request("POST", f"/bigquery/v2/projects/{project}/jobs", body)


def page_ms(server: Bqsim, project: str) -> dict[str, float]:
    """The first page and the second, in milliseconds (median)."""
    path = f"/bigquery/v2/projects/{project}/jobs?maxResults={PAGE}&stateFilter=pending"
    first, token = [], ""
    for _ in range(ROUNDS):
        start = time.perf_counter()
        page = server.request("GET", path)
        first.append(time.perf_counter() - start)
        assert len(page["jobs"]) == PAGE
        token = page.get("nextPageToken", token)
    later = []
    for _ in range(ROUNDS if token else 0):
        start = time.perf_counter()
        server.request("GET", f"{path}&pageToken={token}")
        later.append(time.perf_counter() - start)
    out = {"first": round(statistics.median(first) * 1e3, 2)}
    if later:
        out["second"] = round(statistics.median(later) * 1e3, 2)
    return out


def run(total: int) -> dict[str, Any]:
    with bqsim.start(project="bench") as sim:
        server = Bqsim(sim.port, 0)
        server.query("SELECT 1")
        sim.clock.freeze()
        hour = described.Latency(described.Fixed(3600.0))
        put_in_force(sim.parts, Scenario(jobs=(JobPlan(Timed(pending=hour)),)))
        insert(server, "bench", 100)
        few = page_ms(server, "bench")
        before = resident_bytes()
        start = time.perf_counter()
        insert(server, "bench", total - 100)
        took = time.perf_counter() - start
        after = resident_bytes()
        many = page_ms(server, "bench")
        waiting = len(sim.parts.jobs.list())
        start = time.perf_counter()
        sim.clock.advance(3601)
        while sim.parts.jobs.list():
            time.sleep(0.01)
        return {
            **environment(),
            "jobs": total,
            "waiting": waiting,
            "kb_per_job": round((after - before) / (total - 100) / 1024, 2),
            "insert_ms": round(took / (total - 100) * 1e3, 2),
            "page_ms_at_100": few,
            f"page_ms_at_{total}": many,
            "release_s": round(time.perf_counter() - start, 2),
        }


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)))
