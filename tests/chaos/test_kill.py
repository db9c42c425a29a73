"""A process that is killed while it writes keeps every write whose commit had returned."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from bqsim.sql.statements.sizes import ColumnSizes
from bqsim.types import INT64, field_of

from .writer import DATASET, PAYLOAD, ROWS_PER_WRITE, open_all

KILLS = int(os.environ.get("BQSIM_KILLS", "5"))
SEED = int(os.environ.get("BQSIM_SEED", "1"))
ROOT = Path(__file__).parents[2]


def run_and_kill(folder: Path, first: int, delay_s: float) -> list[int]:
    """Start a writer and kill it ``delay_s`` after its first acknowledgement; what it acknowledged."""
    command = [sys.executable, "-m", "tests.chaos.writer", str(folder), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        begun = child.stdout.readline()
        assert begun.endswith(b"\n"), "the writer could not open the directory"
        time.sleep(delay_s)
        child.kill()
        # A line cut off by the kill was not acknowledged.
        rest = child.stdout.read().rpartition(b"\n")[0]
    return [int(line) for line in (begun + rest).split()]


def check(folder: Path, acknowledged: set[int]) -> int:
    """Open the directory and look for every acknowledged write; the highest row number found."""
    engine, catalog = open_all(folder)
    session = engine.session()
    found: set[int] = set()
    for name in ("even", "odd"):
        table = catalog.table(DATASET.table(name))
        assert table.storage is not None
        counts = session.query(
            f"SELECT c1, count(*) FROM {table.storage.engine_table} GROUP BY 1",
            [field_of("n", INT64), field_of("count", INT64)],
        )
        numbers, sizes = counts.column(0).to_pylist(), counts.column(1).to_pylist()
        assert set(sizes) <= {ROWS_PER_WRITE}, "a write is there in part"
        assert table.num_rows == sum(sizes), "the row count is not that of the rows"
        found |= set(numbers)
        size = (8 + 2 + len(PAYLOAD)) * table.num_rows
        assert ColumnSizes(catalog.stored_bytes).table(session, table) == size, "sizes are of another version"
    missing = acknowledged - found
    assert not missing, f"{len(missing)} acknowledged writes are gone"
    for n in acknowledged:
        if n % 20 == 0:
            made = catalog.table(DATASET.table(f"made_{n}"))
            assert made.storage is not None
            assert session.scalar(f"SELECT count(*) FROM {made.storage.engine_table}") == 0
    session.close()
    engine.close()
    return max(found)


def test_acknowledged_writes_survive_a_kill(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    acknowledged: set[int] = set()
    first = 0
    for _ in range(KILLS):
        acknowledged |= set(run_and_kill(tmp_path, first, moments.uniform(0, 0.4)))
        last = check(tmp_path, acknowledged)
        first = last + 2 - last % 2
    assert len(acknowledged) >= KILLS
