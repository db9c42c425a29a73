"""``make bench``: every figure as a ratio taken in one run, as a table and as bench-results/bench.json.

python -m tests.bench.run [NAME ...]
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import sqlglot

from tests import servers
from tests.servers import PROJECT, ROOT, Bqsim, RawSocket, milliseconds, paired_p50, rate

from . import tpch_data
from .bqclient_queries import bqclient_queries
from .bqclient_read import bqclient_read
from .bqclient_write import bqclient_write
from .extracts import extracts
from .functions import functions
from .loading import loading, loading_memory
from .partitions import partitions
from .retail import retail
from .storage_memory import storage_memory
from .storage_read import storage_read
from .storage_write import storage_write
from .tpch_queries import QUERIES

Figure = dict[str, Any]
QUERY_PATH = f"/bigquery/v2/projects/{PROJECT}/queries"
SELECT_1 = {"query": "SELECT 1", "useLegacySql": False}


def figure(name: str, value: float, goal: str, **details: Any) -> Figure:
    return {"figure": name, "value": round(value, 3), "goal": goal, **details}


def cold_start() -> list[Figure]:
    """From spawning the process to the first answer, with the compiled module cached; best and median of 7."""
    times, idle = [], 0.0
    for _ in range(7):
        port = servers.free_port()
        start = time.perf_counter()
        with servers.process("-m", "bqsim.cli", "serve", "--port", str(port), "--grpc-port", "0") as child:
            servers.wait_for_port(port)
            server = Bqsim(port, child.pid)
            server.query("SELECT 1")
            times.append(time.perf_counter() - start)
            time.sleep(0.5)
            idle = max(idle, server.resident_mb())
    times.sort()
    return [
        figure("cold start: spawn to first SELECT 1, seconds", times[3], "<= 1.0", best=round(times[0], 3)),
        figure("resident memory when idle, MB", idle, "<= 200"),
    ]


def select_1() -> list[Figure]:
    """SELECT 1 over keep-alive HTTP against a bare aiohttp server that answers the same bytes."""
    with servers.bqsim_server() as sim, tempfile.TemporaryDirectory() as folder:
        answer = sim.raw("POST", QUERY_PATH, SELECT_1)[1]
        file = Path(folder) / "answer.json"
        file.write_bytes(answer)
        with servers.bare_server("--answer", str(file)) as bare:
            body = json.dumps(SELECT_1).encode()
            uncached = json.dumps({**SELECT_1, "useQueryCache": False}).encode()
            ours, theirs = RawSocket(sim.port, QUERY_PATH, body), RawSocket(bare, "/fixed", body)
            raw = paired_p50(ours.call, theirs.call, 1000)
            fresh = RawSocket(sim.port, QUERY_PATH, uncached)
            engine = paired_p50(fresh.call, theirs.call, 500)
            with httpx.Client() as client:
                ours_url, bare_url = (
                    f"http://127.0.0.1:{sim.port}{QUERY_PATH}",
                    f"http://127.0.0.1:{bare}/fixed",
                )
                through = paired_p50(
                    lambda: client.post(ours_url, json=SELECT_1),
                    lambda: client.post(bare_url, json=SELECT_1),
                    500,
                )
            for connection in (ours, theirs, fresh):
                connection.close()
    return [
        figure("SELECT 1, raw socket, x bare aiohttp", raw[0] / raw[1], "<= 10", ms=raw),
        figure(
            "SELECT 1 without result cache, raw socket, x bare aiohttp",
            engine[0] / engine[1],
            "<= 10",
            ms=engine,
        ),
        figure("SELECT 1, httpx, x bare aiohttp", through[0] / through[1], "<= 3", ms=through),
    ]


def _medium(n: int, prefix: str) -> str:
    return (
        f"SELECT d.name, COUNT(*) AS n, SUM(f.v) AS total FROM {prefix}facts AS f JOIN {prefix}dims AS d ON f.k = d.k "
        f"WHERE f.g <> {n % 97} AND f.id > {n} GROUP BY d.name ORDER BY total DESC, d.name"
    )


def medium() -> list[Figure]:
    """A new text each time: join, group and order over 100,000 rows, against raw DuckDB behind aiohttp."""
    with servers.bqsim_server() as sim, servers.bare_server() as bare, httpx.Client(timeout=60) as client:
        sim.query("CREATE SCHEMA m")
        sim.query(
            "CREATE TABLE m.facts AS SELECT i AS id, MOD(i * 7919, 1000) AS k, MOD(i * 31, 97) AS g, i / 7.0 AS v "
            "FROM UNNEST(GENERATE_ARRAY(0, 99999)) AS i"
        )
        sim.query(
            "CREATE TABLE m.dims AS SELECT i AS k, CONCAT('name ', CAST(MOD(i, 50) AS STRING)) AS name "
            "FROM UNNEST(GENERATE_ARRAY(0, 999)) AS i"
        )
        counter = itertools.count(1)
        ours_url, bare_url = f"http://127.0.0.1:{sim.port}{QUERY_PATH}", f"http://127.0.0.1:{bare}/duckdb"

        def ours() -> None:
            body = {"query": _medium(next(counter), "m."), "useLegacySql": False}
            answer = client.post(ours_url, json=body)
            assert answer.status_code == 200 and len(answer.json()["rows"]) == 50, answer.text

        def theirs() -> None:
            answer = client.post(bare_url, json={"query": _medium(next(counter), "")})
            assert len(answer.json()["rows"]) == 50, answer.text

        p50 = paired_p50(ours, theirs, 100, warm=10)

        def caller() -> Callable[[], None]:
            own = httpx.Client(timeout=60)

            def call() -> None:
                body = {"query": _medium(next(counter), "m."), "useLegacySql": False}
                own.post(ours_url, json=body).raise_for_status()

            return call

        one, eight = rate(caller, 1, 6), rate(caller, 8, 6)
    return [
        figure("medium query, new text, x raw DuckDB behind aiohttp", p50[0] / p50[1], "<= 2.0", ms=p50),
        figure(
            "medium query, 8 clients / 1 client",
            eight / one,
            ">= 1.6",
            rates=(round(one, 1), round(eight, 1)),
        ),
    ]


def tpch_sf1() -> list[Figure]:
    """The same at scale 1, against the narrowest types: sums of wider ones overflow in raw DuckDB."""
    return tpch(1.0, "DECIMAL(15,2)", 3)


def tpch(scale: float = 0.1, numeric: str = "DECIMAL(38,9)", repeats: int = 7) -> list[Figure]:
    """22 queries over REST against the same queries in raw DuckDB, whose decimals are ``numeric``."""
    raw = tpch_data.raw_database(scale, numeric)
    first: dict[int, float] = {}
    again: dict[int, float] = {}
    theirs: dict[int, float] = {}
    with servers.bqsim_server() as sim, tempfile.TemporaryDirectory() as folder:
        sim.query("CREATE SCHEMA tpch")
        for table, file in tpch_data.write_parquet(raw, Path(folder)).items():
            sim.query(f"CREATE TABLE tpch.{table} ({tpch_data.DDL[table]})")
            sim.load_parquet("tpch", table, file)
        options = {"defaultDataset": {"projectId": PROJECT, "datasetId": "tpch"}, "useQueryCache": False}
        for number, sql in QUERIES.items():
            text = sqlglot.transpile(sql, read="bigquery", write="duckdb")[0].replace(
                "AS DECIMAL)", "AS DECIMAL(38, 9))"
            )
            counts: list[int] = []

            def ours(query: str = sql, into: list[int] = counts) -> None:
                into.append(int(sim.query(query, **options)["totalRows"]))

            def plain(query: str = text, into: list[int] = counts) -> None:
                into.append(len(raw.sql(query).fetchall()))

            milliseconds(plain)
            first[number] = milliseconds(ours)
            samples = [(milliseconds(ours), milliseconds(plain)) for _ in range(repeats)]
            assert len(set(counts)) == 1, (number, counts)
            again[number], theirs[number] = (sorted(s)[repeats // 2] for s in zip(*samples, strict=True))
    raw.close()
    total, repeat, base = sum(first.values()), sum(again.values()), sum(theirs.values())
    rows = {n: [round(first[n], 1), round(again[n], 1), round(theirs[n], 1)] for n in QUERIES}
    return [
        figure(
            f"TPC-H SF{scale:g}, each text for the first time, x raw DuckDB with {numeric}",
            total / base,
            "",
            ms=(total, base),
            queries=rows,
        ),
        figure(
            f"TPC-H SF{scale:g}, over REST without result cache, x raw DuckDB with {numeric}",
            repeat / base,
            "<= 1.5" if scale >= 1 else "<= 2.0",
            ms=(repeat, base),
        ),
    ]


def big_result() -> list[Figure]:
    """1,000,000 rows x 10 columns read to the end through getQueryResults pages."""
    columns = ", ".join(
        ["i AS c0", "MOD(i, 7) AS c1", "i / 3 AS c2", "CAST(i AS STRING) AS c3", "CONCAT('name ', CAST(MOD(i, 1000) AS STRING)) AS c4"]
        + ["MOD(i, 2) = 0 AS c5", "DATE_ADD(DATE '2020-01-01', INTERVAL MOD(i, 1000) DAY) AS c6"]
        + ["TIMESTAMP_MICROS(1577836800000000 + i * 1000000) AS c7", "CAST(i AS NUMERIC) / 100 AS c8", "'x' AS c9"]
    )  # fmt: skip
    with servers.bqsim_server() as sim:
        sql = f"SELECT {columns} FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS a, UNNEST(GENERATE_ARRAY(1, 1000)) AS b, "
        sql += "UNNEST([a * 1000 + b]) AS i"
        job = sim.query(sql, maxResults=0)["jobReference"]["jobId"]
        start, rows, token, pages = time.perf_counter(), 0, "", 0
        while True:
            path = f"{QUERY_PATH}/{job}?formatOptions.useInt64Timestamp=true" + (
                f"&pageToken={token}" if token else ""
            )
            data = sim.raw("GET", path)[1]
            pages += 1
            rows += data.count(b'{"f":[')
            tail = data[: data.find(b'"rows"')] + data[data.rfind(b"]") :]
            at = tail.find(b'"pageToken"')
            if at < 0:
                break
            token = tail[at:].split(b'"')[3].decode()
        seconds = time.perf_counter() - start
    assert rows == 1_000_000, rows
    return [figure("getQueryResults, 1M rows x 10 columns, rows/s", rows / seconds, ">= 150000", pages=pages)]


def scale() -> list[Figure]:
    """The same calls with 5,000 tables and 10,000 jobs as with 10 of each."""

    def times(sim: Bqsim) -> dict[str, float]:
        calls: dict[str, Callable[[], Any]] = {
            "SELECT 1": lambda: sim.query("SELECT 1", useQueryCache=False),
            "tables.get": lambda: sim.request(
                "GET", f"/bigquery/v2/projects/{PROJECT}/datasets/d/tables/t_5"
            ),
            "jobs.list": lambda: sim.request("GET", f"/bigquery/v2/projects/{PROJECT}/jobs?maxResults=10"),
        }
        out = {}
        for name, call in calls.items():
            for _ in range(20):
                call()
            out[name] = sorted(milliseconds(call) for _ in range(200))[100]
        return out

    def fill(sim: Bqsim, tables: int, jobs: int) -> None:
        sim.query("CREATE SCHEMA d")
        for i in range(tables):
            body = {
                "tableReference": {"projectId": PROJECT, "datasetId": "d", "tableId": f"t_{i}"},
                "schema": {"fields": [{"name": "x", "type": "INTEGER"}]},
            }
            sim.request("POST", f"/bigquery/v2/projects/{PROJECT}/datasets/d/tables", body)
        for _ in range(jobs):
            sim.query("SELECT 1")

    with servers.bqsim_server() as small, servers.bqsim_server() as large:
        fill(small, 10, 10)
        fill(large, 5000, 10_000)
        few, many = times(small), times(large)
    return [
        figure(f"{name}: with 5,000 tables and 10,000 jobs, x with 10", many[name] / few[name], "<= 1.5", ms=(many[name], few[name]))
        for name in few
    ]  # fmt: skip


def proxy() -> list[Figure]:
    """What the recording proxy adds to calls, and the memory that it needs."""
    from tests.bench import proxy as measured

    return [figure(name, value, goal, **details) for name, value, goal, details in measured.figures()]


def rehearsal() -> list[Figure]:
    """Simulated jobs a second, memory, growth with reservations, and sweeps with one and two workers."""
    from tests.bench import rehearsal as measured

    return [figure(name, value, goal, **details) for name, value, goal, details in measured.figures()]


def live() -> list[Figure]:
    """The highest rates at which live rehearsals send, what a stall does to p99, and jobs in flight at once."""
    from tests.bench import live as measured

    return [figure(name, value, goal, **details) for name, value, goal, details in measured.figures()]


def capacity_jobs() -> list[Figure]:
    """Ten thousand jobs that wait for slots: what each costs, and how long it takes until all were let go."""
    from tests.bench import capacity_jobs as measured

    return [figure(name, value, goal, **details) for name, value, goal, details in measured.figures()]


BENCHES: dict[str, Callable[[], list[Figure]]] = {
    "cold_start": cold_start,
    "select_1": select_1,
    "medium": medium,
    "tpch": tpch,
    "tpch_sf1": tpch_sf1,
    "retail": retail,
    "big_result": big_result,
    "scale": scale,
    "storage_read": storage_read,
    "storage_write": storage_write,
    "storage_memory": storage_memory,
    "functions": functions,
    "extracts": extracts,
    "loading": loading,
    "loading_memory": loading_memory,
    "partitions": partitions,
    "bqclient_queries": bqclient_queries,
    "bqclient_read": bqclient_read,
    "bqclient_write": bqclient_write,
    "proxy": proxy,
    "rehearsal": rehearsal,
    "live": live,
    "capacity_jobs": capacity_jobs,
}


def main(names: list[str]) -> int:
    results: list[Figure] = []
    for name in names or BENCHES:
        print(f"… {name}", file=sys.stderr)
        results += BENCHES[name]()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    out = ROOT / "bench-results"
    out.mkdir(exist_ok=True)
    report = {"commit": commit, **servers.environment(), "figures": results}
    (out / "bench.json").write_text(json.dumps(report, indent=1) + "\n")
    lines = ["| figure | value | goal |", "|---|---|---|"]
    lines += [f"| {r['figure']} | {r['value']} | {r['goal']} |" for r in results]
    (out / "bench.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
