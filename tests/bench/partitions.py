"""``make bench BENCH=partitions``: what one partition of 10,000 costs, as ratios to one of 10.

Tables have the same rows in each partition. Queries have a new text each time, and their result is not cached.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from tests import servers
from tests.servers import PROJECT, Bqsim, paired_p50

MANY, FEW, ROWS = 10_000, 10, 100
# A job may modify so many partitions.
AT_ONCE = 2_500
START = date(1990, 1, 1)
PATH = f"/bigquery/v2/projects/{PROJECT}/datasets/p/tables"

SETUP = (
    "CREATE TABLE p.days_{0} (d DATE, n INT64, s STRING) PARTITION BY d",
    "CREATE TABLE p.times_{0} (ts TIMESTAMP, n INT64, s STRING) PARTITION BY DATE(ts)",
    "CREATE TABLE p.ranges_{0} (k INT64, n INT64, s STRING) PARTITION BY RANGE_BUCKET(k, GENERATE_ARRAY(0, 10000, 1))",
)
FILL = {
    "days": "DATE_ADD(DATE '1990-01-01', INTERVAL x DAY)",
    "times": "TIMESTAMP_ADD(TIMESTAMP '1990-01-01 10:00:00+00', INTERVAL x * 24 HOUR)",
    "ranges": "x",
}
QUERIES = {
    "DATE column": "SELECT COUNT(*), SUM(n), MAX(s) FROM p.days_{size} WHERE d = '{day}' AND n > -{new}",
    "DATE of a TIMESTAMP": (
        "SELECT COUNT(*), SUM(n), MAX(s) FROM p.times_{size} WHERE DATE(ts) = '{day}' AND n > -{new}"
    ),
    "integer range": "SELECT COUNT(*), SUM(n), MAX(s) FROM p.ranges_{size} WHERE k = {at} AND n > -{new}",
}


def fill(run: Callable[[str], Any]) -> None:
    """Make the tables, with a function that runs a statement."""
    for size in (MANY, FEW):
        for sql in SETUP:
            run(sql.format(size))
        for name, value in FILL.items():
            for first in range(0, size, AT_ONCE):
                last = min(first + AT_ONCE, size) - 1
                run(
                    f"INSERT p.{name}_{size} SELECT {value}, x * {ROWS} + i, CONCAT('row ', i)"
                    f" FROM UNNEST(GENERATE_ARRAY({first}, {last})) AS x, UNNEST(GENERATE_ARRAY(1, {ROWS})) AS i"
                )


class Texts:
    """Queries of one partition each, never the same text twice."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def next(self, query: str, size: int) -> str:
        new = next(self._count)
        at = new * 7919 % size
        return query.format(size=size, day=START + timedelta(days=at), at=at, new=new)


def partitions() -> list[dict[str, Any]]:
    from .run import figure

    figures = []
    texts = Texts()
    with servers.bqsim_server() as sim:
        sim.query("CREATE SCHEMA p")
        fill(sim.query)
        for name, query in QUERIES.items():
            answer = sim.query(texts.next(query, MANY), dryRun=True)
            one = sim.query(texts.next(query, FEW), dryRun=True)
            assert answer["totalBytesProcessed"] == one["totalBytesProcessed"], (answer, one)

            def of(size: int, query: str = query) -> Callable[[], Any]:
                return lambda: sim.query(texts.next(query, size), useQueryCache=False)

            p50 = paired_p50(of(MANY), of(FEW), 60, warm=5)
            figures.append(
                figure(f"one of 10,000 partitions, {name}, x one of 10", p50[0] / p50[1], "<= 1.5", ms=p50)
            )
        figures += _metadata(sim, figure)
    return figures + _in_process(figure)


def _metadata(sim: Bqsim, figure: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """tables.get after an insert of one row, and that insert."""
    counter = itertools.count(1)

    def insert(size: int) -> Callable[[], Any]:
        return lambda: sim.query(f"INSERT p.days_{size} VALUES ('1990-01-03', {next(counter)}, 'new')")

    def get(size: int) -> Callable[[], Any]:
        return lambda: sim.request("GET", f"{PATH}/days_{size}")

    inserted = paired_p50(insert(MANY), insert(FEW), 20, warm=3)
    got = paired_p50(get(MANY), get(FEW), 60, warm=5)
    return [
        figure(
            "INSERT of one row into 10,000 partitions, x into 10",
            inserted[0] / inserted[1],
            "<= 1.5",
            ms=inserted,
        ),
        figure("tables.get of 10,000 partitions, x of 10", got[0] / got[1], "<= 1.5", ms=got),
    ]


def _in_process(figure: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """The same queries without wire and jobs."""
    import bqsim
    from bqsim.catalog.refs import DatasetRef
    from bqsim.sql.plan import Context

    texts = Texts()
    figures = []
    with bqsim.start(project=PROJECT) as simulator:
        client = simulator.client()
        client.create_dataset("p")
        client.close()
        core = simulator.core
        assert core is not None and core.parts.loop is not None
        loop, context = core.parts.loop, Context(PROJECT, DatasetRef(PROJECT, "p"))

        def run(sql: str) -> Any:
            assert core is not None
            now = replace(context, now_us=core.clock.now_us())
            return asyncio.run_coroutine_threadsafe(
                core.pool.run(lambda session: core.executor.run(sql, now, session)), loop
            ).result()

        fill(run)
        for name, query in QUERIES.items():

            def of(size: int, query: str = query) -> Callable[[], Any]:
                return lambda: run(texts.next(query, size))

            result = run(texts.next(query, MANY))
            assert (result.read.partitions, result.rows.column(0)[0].as_py()) == (1, ROWS), result
            p50 = paired_p50(of(MANY), of(FEW), 60, warm=5)
            figures.append(
                figure(
                    f"one of 10,000 partitions in process, {name}, x one of 10",
                    p50[0] / p50[1],
                    "<= 1.5",
                    ms=p50,
                )
            )
    return figures


if __name__ == "__main__":
    for found in partitions():
        print(found)
