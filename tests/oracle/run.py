"""Compare the two routes over many generated expressions and queries.

    python -m tests.oracle.run [--expressions N] [--queries N] [--rows R] [--seed S] [--workers W] [--out FILE]

An expression is one text; each is computed for every row of the table. Prints the seed, what was compared, and each difference; the exit status is 1 when there is one. Worker w of
a run draws from seed S + w, so a difference is found again with the same command.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bqsim.errors import BigQueryError

from .expressions import Expressions
from .queries import Queries
from .routes import Difference, Failed, Routes
from .signatures import Call, scalar_calls

BATCH = 80
DEPTHS = (1, 1, 2, 2, 3, 3, 4)
KEPT = 200
# What only one route meets, as the other has its answer before: the order is nobody's promise.
UNORDERED = frozenset({"LIKE pattern ends with a backslash"})


class Run:
    """Generates, compares and counts."""

    def __init__(self, seed: int, rows: int = 0) -> None:
        self.routes = Routes(rows, seed)
        self.counts: Counter[str] = Counter()
        self.calls = [c for c in scalar_calls(self.routes.googlesql.pool) if c.template]
        self.expressions = Expressions(self.calls, seed)
        if rows:
            # A long run is worth finding out first what can be compared at all.
            self.calls = [call for call in self.calls if self._comparable(call)]
            self.expressions = Expressions(self.calls, seed)
        self.queries = Queries(self.expressions)
        self.differences: list[Difference] = []

    def _comparable(self, call: Call) -> bool:
        """Whether one of a few expressions of a call is analysed, and computed by the engine."""
        for _ in range(3):
            try:
                self.routes.plan(_select([self.expressions.call(call, 1, guarded=True)]))
            except BigQueryError as error:
                refusal = str(error)
            else:
                return True
        self.counts["calls left out"] += 1
        self.counts[f"left out: {call.name}: {refusal[:100]}"] += 1
        return False

    def batch(self) -> None:
        """One query of many expressions; when it fails, each expression by itself."""
        draw = self.expressions
        pending = []
        for _ in range(BATCH):
            depth = draw.random.choice(DEPTHS)
            # Half of them begin with a call chosen out of all signatures, half with a type.
            if draw.random.random() < 0.5:
                pending.append(draw.call(draw.random.choice(self.calls), depth, guarded=True))
            else:
                pending.append(draw.column(depth, guarded=True))
        self._compare(pending)
        self._compare([draw.call(draw.random.choice(self.calls), 1)])

    def _compare(self, columns: list[str]) -> None:
        if not columns:
            return
        sql = _select(columns)
        both = self.routes.rows_of(sql)
        if both is not None and not any(isinstance(rows, Failed) for rows in both):
            self.counts["compared"] += len(columns)
            found, expected = both
            if not self.routes.agree(found, expected):
                self._differ(columns, sql)
            return
        if len(columns) == 1:
            self._single(columns[0], sql, both)
            return
        half = len(columns) // 2
        self._compare(columns[:half])
        self._compare(columns[half:])

    def _single(self, column: str, sql: str, both: Any) -> None:
        if both is None:
            self.counts[self.routes.last_outcome] += 1
            if self.routes.last_outcome == "refused":
                self.counts[f"refused: {self.routes.last_refusal}"] += 1
            return
        self.counts["compared"] += 1
        found, expected = both
        if isinstance(found, Failed) and isinstance(expected, Failed) and not found.internal:
            self.counts["failed alike"] += 1
            self.counts["same error text"] += found.text == expected.text
            return
        self._keep(Difference.of(sql, found, expected))

    def _differ(self, columns: list[str], sql: str) -> None:
        for column in columns:
            single = self.routes.difference(_select([column]))
            if single is not None:
                self._keep(single)

    def query(self) -> None:
        """One query."""
        sql = self.queries.query()
        both = self.routes.rows_of(sql)
        if both is None:
            self.counts[f"queries {self.routes.last_outcome}"] += 1
            if self.routes.last_outcome == "refused":
                self.counts[f"refused: {self.routes.last_refusal}"] += 1
            return
        self.counts["queries compared"] += 1
        found, expected = both
        if isinstance(found, Failed) and isinstance(expected, Failed) and not found.internal:
            self.counts["queries failed alike"] += 1
        elif not self.routes.agree(found, expected):
            self._keep(Difference.of(sql, found, expected))

    def _keep(self, difference: Difference) -> None:
        if any(text in str(difference) for text in UNORDERED):
            self.counts["one route stopped early"] += 1
            return
        self.counts["different"] += 1
        if len(self.differences) < KEPT:
            self.differences.append(difference)


def _select(columns: list[str]) -> str:
    shown = ", ".join(f"{column} AS c{n}" for n, column in enumerate(columns))
    return f"SELECT {shown} FROM data ORDER BY id"


def work(
    seed: int, expressions: int, queries: int, rows: int, report: Any = None
) -> tuple[Counter[str], list[Difference]]:
    """One worker's share."""
    run = Run(seed, rows)
    try:
        told = time.monotonic()
        while run.counts["compared"] < expressions or run.counts["queries compared"] < queries:
            if run.counts["compared"] < expressions:
                run.batch()
            if run.counts["queries compared"] < queries:
                run.query()
            if report is not None and time.monotonic() - told > 30:
                told = time.monotonic()
                report(seed, run)
    finally:
        run.routes.close()
    return run.counts, run.differences


def _told(seed: int, run: Run) -> None:
    counts = run.counts
    print(
        f"seed {seed}: {counts['compared']:,} expressions, {counts['queries compared']:,} queries, "
        f"{counts['different']} different",
        flush=True,
    )
    for difference in run.differences[-3:]:
        print("  ", str(difference)[:600], flush=True)


def _worker(arguments: tuple[int, int, int, int]) -> tuple[Counter[str], list[Difference]]:
    return work(*arguments, report=_told)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--expressions", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--rows", type=int, default=0, help="random rows beside those of edge values")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, help="where the differences are written, as JSON lines")
    options = parser.parse_args()
    shares = [
        (
            options.seed + w,
            -(-options.expressions // options.workers),
            -(-options.queries // options.workers),
            options.rows,
        )
        for w in range(options.workers)
    ]
    start = time.monotonic()
    counts: Counter[str] = Counter()
    differences: list[Difference] = []
    if options.workers == 1:
        results = [_worker(shares[0])]
    else:
        with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
            results = pool.map(_worker, shares)
    for found, kept in results:
        counts += found
        differences += kept
    for difference in differences:
        print(difference)
    if options.out is not None:
        lines = [
            json.dumps({"sql": d.sql, "engine": d.engine, "evaluator": d.evaluator}) for d in differences
        ]
        options.out.write_text("\n".join(lines) + "\n")
    print(f"seeds {options.seed}..{options.seed + options.workers - 1}, {time.monotonic() - start:.0f} s")
    for name, count in counts.most_common(40):
        print(f"{count:>10,}  {name}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
