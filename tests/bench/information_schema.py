"""How long views of INFORMATION_SCHEMA take over many tables and jobs.

``python -m tests.bench.information_schema [tables] [jobs]`` prints one JSON object: milliseconds of each query
(the first run and the median of the next), in process, without the wire.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

import pyarrow as pa

import bqsim
from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import Table, TableKind, TimePartitioning
from bqsim.engine.protocol import Session
from bqsim.simulator import Simulator
from bqsim.sql.plan import Context
from bqsim.sql.statements.writes import created, finish_creation
from bqsim.types import Field, TypeKind

T = TypeVar("T")

ROUNDS = 5
COLUMNS = 10
# Of a hundred tables one is partitioned.
PARTITIONED = 100
FIELDS = (Field("day", TypeKind.DATE), *(Field(f"c{i}", TypeKind.STRING) for i in range(COLUMNS - 1)))

QUERIES = {
    "TABLES": "SELECT * FROM d.INFORMATION_SCHEMA.TABLES",
    "TABLES names": "SELECT table_name, table_type FROM d.INFORMATION_SCHEMA.TABLES",
    "TABLES one": "SELECT * FROM d.INFORMATION_SCHEMA.TABLES WHERE table_name = 't77'",
    "TABLES count": "SELECT COUNT(*) FROM `region-us`.INFORMATION_SCHEMA.TABLES",
    "COLUMNS names": "SELECT table_name, column_name, data_type FROM d.INFORMATION_SCHEMA.COLUMNS",
    "COLUMNS one": "SELECT * FROM d.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 't77'",
    "COLUMNS count": "SELECT COUNT(*) FROM `region-us`.INFORMATION_SCHEMA.COLUMNS",
    "TABLE_STORAGE": "SELECT * FROM `region-us`.INFORMATION_SCHEMA.TABLE_STORAGE",
    "TABLE_STORAGE bytes": (
        "SELECT table_schema, SUM(total_logical_bytes) FROM `region-us`.INFORMATION_SCHEMA.TABLE_STORAGE"
        " GROUP BY 1"
    ),
    "TABLE_STORAGE one": (
        "SELECT * FROM `region-us`.INFORMATION_SCHEMA.TABLE_STORAGE WHERE table_name = 't77'"
    ),
    "PARTITIONS": "SELECT * FROM d.INFORMATION_SCHEMA.PARTITIONS",
    "PARTITIONS one": "SELECT * FROM d.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = 't100'",
    "JOBS": (
        "SELECT user_email, SUM(total_bytes_billed), SUM(total_slot_ms)"
        " FROM `region-us`.INFORMATION_SCHEMA.JOBS GROUP BY 1"
    ),
    "JOBS one": "SELECT * FROM `region-us`.INFORMATION_SCHEMA.JOBS WHERE job_id = 'job_77'",
    "JOBS last minute": (
        "SELECT job_id, query, total_bytes_processed FROM `region-us`.INFORMATION_SCHEMA.JOBS"
        " WHERE creation_time > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 MINUTE)"
    ),
    "JOBS count": "SELECT COUNT(*) FROM `region-us`.INFORMATION_SCHEMA.JOBS WHERE state = 'DONE'",
}


def in_pool(simulator: Simulator, work: Callable[[Session], T]) -> T:
    """Run ``work`` with an engine session of the simulator."""
    core = simulator.core
    assert core is not None
    assert core.parts.loop is not None
    return asyncio.run_coroutine_threadsafe(core.pool.run(work), core.parts.loop).result()


def make_tables(simulator: Simulator, count: int) -> None:
    """Tables of one dataset, of ``COLUMNS`` columns and with a row each."""
    core = simulator.core
    assert core is not None
    catalog = core.catalog
    now = catalog.clock.now_us()

    rows = pa.table({"day": [date(2026, 1, 1)], "c0": ["x"]})

    def make(session: Session) -> None:
        with catalog.change(session) as change:
            for n in range(count):
                table = Table(
                    TableRef("p", "d", f"t{n}"),
                    TableKind.TABLE,
                    FIELDS,
                    now // 1000,
                    now // 1000,
                    catalog.new_etag(),
                    "US",
                )
                if n % PARTITIONED == 0:
                    table = replace(table, time_partitioning=TimePartitioning("DAY", "day"))
                writer = created(catalog, session, change, table)
                writer.append(rows, FIELDS[:2])
                finish_creation(change, writer)

    in_pool(simulator, make)


def make_jobs(simulator: Simulator, count: int) -> None:
    """Finished query jobs."""
    from bqsim.catalog.refs import JobRef
    from bqsim.jobs.job import Job, JobType
    from bqsim.jobs.machine import State
    from bqsim.jobs.statistics import QueryStatistics
    from bqsim.sql.plan import Route

    core = simulator.core
    assert core is not None
    now = core.clock.now_us() - count * 1_000_000
    for n in range(count):
        at = now + n * 1_000_000
        configuration = {
            "jobType": "QUERY",
            "query": {"query": f"SELECT {n} AS x, 'abc' FROM d.t{n}", "useLegacySql": False},
        }
        job = Job(JobRef("p", "US", f"job_{n}"), JobType.QUERY, configuration, f"u{n % 7}@example.com", at)
        job.statistics = QueryStatistics(
            statement_type="SELECT",
            route=Route.ENGINE,
            bytes_processed=n,
            bytes_billed=10 << 20,
            tables=(TableRef("p", "d", f"t{n}"),),
        )
        job.move(State.RUNNING, at + 5_000)
        job.move(State.DONE, at + 250_000)
        core.jobs.index.add(job)


def measured(simulator: Simulator, sql: str) -> dict[str, Any]:
    """Milliseconds of a query: the first run, and the median of the next; ``cpu`` is that of the process."""
    core = simulator.core
    assert core is not None
    times, cpu = [], []
    rows = 0
    for _ in range(ROUNDS + 1):

        def run(session: Session) -> int:
            start, used = time.perf_counter(), time.process_time()
            result = core.executor.run(sql, Context("p", DatasetRef("p", "d")), session)
            times.append((time.perf_counter() - start) * 1e3)
            cpu.append((time.process_time() - used) * 1e3)
            return int(result.rows.num_rows)

        rows = in_pool(simulator, run)
    return {
        "rows": rows,
        "first": round(times[0], 1),
        "median": round(statistics.median(times[1:]), 1),
        "cpu": round(statistics.median(cpu[1:]), 1),
    }


def main(tables: int, jobs: int) -> dict[str, Any]:
    with bqsim.start(project="p") as simulator:
        client = simulator.client()
        client.create_dataset("d")
        client.close()
        make_tables(simulator, tables)
        make_jobs(simulator, jobs)
        return {name: measured(simulator, sql) for name, sql in QUERIES.items()}


if __name__ == "__main__":
    counts = [int(a) for a in sys.argv[1:]] or [10_000, 10_000]
    print(json.dumps(main(*counts), indent=1))
