"""How long snapshots take to restore: by what has changed, not by the size of the world.

``python -m tests.bench.worlds`` prints milliseconds, the median of some runs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from bqsim.worlds.fork import fork
from bqsim.worlds.rows import roll_back
from tests.unit.worlds.conftest import Ground, build, close


def median_ms(work: Callable[[], object], prepare: Callable[[], object], runs: int = 7) -> float:
    times = []
    for _ in range(runs):
        prepare()
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def restore_ms(ground: Ground, *changes: str) -> tuple[float, float]:
    """(snapshot, restore) in milliseconds, with these changes in between."""
    catalog = ground.catalog
    taken = median_ms(lambda: catalog.marks.remove(catalog.mark()), lambda: None)
    mark = catalog.mark()
    restored = median_ms(
        lambda: roll_back(catalog, ground.session, mark), lambda: [ground.run(sql) for sql in changes]
    )
    catalog.marks.remove(mark)
    return taken, restored


def main() -> None:
    for tables in (10, 1000):
        ground = build()
        ground.run("CREATE SCHEMA d")
        for n in range(tables):
            ground.run(f"CREATE TABLE d.t{n} AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 10)) AS x")
        taken, restored = restore_ms(ground, "INSERT INTO d.t1 VALUES (0)")
        print(f"1 table changed of {tables}: snapshot {taken:.3f} ms, restore {restored:.2f} ms")
        start = time.perf_counter()
        fork(ground.catalog, ground.session, "p", f"q{tables}")
        print(f"fork of {tables} tables: {(time.perf_counter() - start) * 1e3:.0f} ms")
        close(ground)
    for rows in (1_000, 1_000_000):
        ground = build()
        ground.run("CREATE SCHEMA d")
        ground.run(
            "CREATE TABLE d.t AS SELECT x, CAST(x AS STRING) AS s"
            f" FROM UNNEST(GENERATE_ARRAY(1, {rows})) AS x"
        )
        taken, restored = restore_ms(ground, "UPDATE d.t SET s = 'changed' WHERE x <= 10")
        print(f"10 rows changed of {rows}: snapshot {taken:.3f} ms, restore {restored:.2f} ms")
        start = time.perf_counter()
        fork(ground.catalog, ground.session, "p", f"q{rows}")
        print(f"fork of a table of {rows} rows: {(time.perf_counter() - start) * 1e3:.0f} ms")
        close(ground)


if __name__ == "__main__":
    main()
