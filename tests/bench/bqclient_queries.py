"""Round trips of ``SELECT 1`` by bqclient, beside Google's own client, on one simulator in one run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bqclient import BigQueryClient, Endpoints
from tests import servers

Figure = dict[str, Any]
AT_ONCE = 32
CALLS = 2_000
ROUNDS = 5


def _ours(url: str, calls: int) -> float:
    async def work() -> float:
        async with BigQueryClient(project="p", endpoints=Endpoints(rest=url)) as client:
            left = iter(range(calls))

            async def caller() -> None:
                for _ in left:
                    result = await client.queries.execute("SELECT 1")
                    assert result.rows[0][0] == 1

            await client.queries.execute("SELECT 1")
            begun = time.perf_counter()
            await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
            return calls / (time.perf_counter() - begun)

    return asyncio.run(work())


def _theirs(client: Any, calls: int) -> float:
    def one(_: int) -> None:
        assert next(iter(client.query_and_wait("SELECT 1")))[0] == 1

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, range(AT_ONCE)))
        begun = time.perf_counter()
        list(pool.map(one, range(calls)))
        return calls / (time.perf_counter() - begun)


def _theirs_by_jobs(client: Any, calls: int) -> float:
    def one(_: int) -> None:
        assert next(iter(client.query("SELECT 1").result()))[0] == 1

    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = time.perf_counter()
        list(pool.map(one, range(calls)))
        return calls / (time.perf_counter() - begun)


def _import_ms(code: str) -> float:
    """Milliseconds of an import above an interpreter that imports nothing, the best of several, warm."""

    def once(text: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", text], check=True)
        return time.perf_counter() - begun

    once(code)
    return 1000 * (min(once(code) for _ in range(7)) - min(once("pass") for _ in range(7)))


def bqclient_queries() -> list[Figure]:
    """Calls a second, 32 at once, in turns with Google's client; the time to import each."""
    from bqsim.clients import query_client

    with servers.bqsim_server() as sim:
        url = f"http://127.0.0.1:{sim.port}"
        google = query_client(url, "p", lambda: None)
        ours, theirs, by_jobs = [], [], []
        for _ in range(ROUNDS):
            ours.append(_ours(url, CALLS))
            theirs.append(_theirs(google, CALLS // 2))
            by_jobs.append(_theirs_by_jobs(google, CALLS // 4))
    best, other, jobs = max(ours), max(theirs), max(by_jobs)
    rates = {"bqclient": round(best), "query_and_wait": round(other), "query + result": round(jobs)}
    return [
        {
            "figure": "SELECT 1, 32 at once: bqclient to Google's query_and_wait",
            "value": round(best / other, 2),
            "goal": ">= 3",
            **rates,
        },
        {
            "figure": "SELECT 1, 32 at once: bqclient to Google's query + result",
            "value": round(best / jobs, 2),
            "goal": ">= 3",
        },
        {
            "figure": "import bqclient.BigQueryClient, ms",
            "value": round(_import_ms("import bqclient; bqclient.BigQueryClient"), 1),
            "goal": "<= 150",
            "google": round(_import_ms("import google.cloud.bigquery"), 1),
        },
    ]
