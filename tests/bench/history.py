"""A history of many jobs converted: seconds and memory. ``python -m tests.bench.history [jobs]``."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from bqsim.history import read
from bqsim.history.merging import write_merged


def export(path: Path, jobs: int) -> None:
    """What ``bq query --format=json`` prints: one list, on one line. Every tenth job comes twice."""
    with path.open("w") as file:
        file.write("[")
        for n in range(jobs + jobs // 10):
            i = n if n < jobs else (n - jobs) * 10
            row = {
                "creation_time": f"2026-03-01 12:{i // 60 % 60:02}:{i % 60:02}.{i % 1_000_000:06}",
                "start_time": "2026-03-01 13:01:00",
                "end_time": "2026-03-01 13:02:00",
                "project_id": "p",
                "user_email": f"u{i % 50}@example.com",
                "job_id": f"job_{i}",
                "query": f"SELECT a, b FROM `p.d.t{i % 200}` WHERE x = {i}",
                "total_slot_ms": str(i),
                "state": "DONE",
                "total_bytes_processed": "123",
                "labels": [{"key": "a", "value": "b"}],
                "referenced_tables": [{"project_id": "p", "dataset_id": "d", "table_id": f"t{i % 200}"}],
            }
            file.write(("," if n else "") + json.dumps(row))
        file.write("]")


def main() -> None:
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "jobs.json"
        export(source, jobs)
        start = time.perf_counter()
        records, kept = write_merged(Path(folder) / "jobs.parquet", read(source))
        seconds = time.perf_counter() - start
        assert kept == jobs
        print(
            json.dumps(
                {
                    "jobs": kept,
                    "records": records,
                    "seconds": round(seconds, 1),
                    "megabytes_read": round(source.stat().st_size / 1e6, 1),
                    "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                }
            )
        )


if __name__ == "__main__":
    main()
