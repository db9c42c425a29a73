"""How long a large cassette takes to open, and how much memory: ``python -m tests.bench.cassette [COUNT]``."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bqsim.record.cassette.header import Header
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.keys import operation_key
from bqsim.record.model import Operation

COUNT = 100_000
ROWS = [{"f": [{"v": str(n)}, {"v": f"name {n}"}]} for n in range(8)]


def operations(count: int) -> Iterator[Operation]:
    """Queries, each of its own, with results of a few rows."""
    for n in range(count):
        request = {
            "sql": f"SELECT name, COUNT(*) AS n\nFROM `${{project}}.shop.orders_{n}`\nWHERE day = @day\nGROUP BY name",
            "parameters": [
                {"name": "day", "parameterType": {"type": "DATE"}, "parameterValue": {"value": "2026-01-01"}}
            ],
            "configuration": {"useLegacySql": False},
        }
        job = {
            "jobReference": {"projectId": "${project}", "jobId": "${job}"},
            "statistics": {"totalBytesProcessed": str(n), "query": {"totalBytesBilled": "10485760"}},
        }
        schema = {"fields": [{"name": "name", "type": "STRING"}, {"name": "n", "type": "INTEGER"}]}
        result = {"job": job, "schema": schema, "totalRows": len(ROWS), "shown": ROWS}
        yield Operation("query", operation_key("query", request), 1, request, result)


def write(folder: Path, count: int) -> Path:
    """A cassette of ``count`` operations."""
    CassetteWriter(folder).write(Header(recorded="2026-01-01"), operations(count))
    return folder


_OPEN = """
import resource, sys, time
from bqsim.record.cassette.cassette import Cassette
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
cassette = Cassette.open(sys.argv[1])
took = time.perf_counter() - start
cassette.operation(cassette.entries[-1])
print(len(cassette), took, before / 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def opening(folder: Path) -> dict[str, Any]:
    """What a process of its own takes to open a cassette: seconds, and MB at its most."""
    command = [sys.executable, "-c", _OPEN, str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return {
        "operations": int(told[0]),
        "seconds": float(told[1]),
        "before_mb": float(told[2]),
        "mb": float(told[3]),
    }


def cassettes() -> list[dict[str, Any]]:
    """Figures for ``make bench``."""
    with tempfile.TemporaryDirectory() as folder:
        place = write(Path(folder) / "large.cassette", COUNT)
        found = min((opening(place) for _ in range(3)), key=lambda one: float(one["seconds"]))
    return [
        {
            "figure": "opening a cassette of 100,000 operations, seconds",
            "value": round(found["seconds"], 3),
            "goal": "<= 1.0",
        },
        {"figure": "memory with it open, MB", "value": round(found["mb"], 1), "goal": "<= 200"},
    ]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory() as folder:
        place = write(Path(folder) / "large.cassette", count)
        size = (place / "operations.txt").stat().st_size
        print(f"{count:,} operations, {size / 1e6:.0f} MB of text")
        print(opening(place))
    print(f"written with {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
