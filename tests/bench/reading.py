"""Histories read for a rehearsal: seconds, CPU and memory by form of the export.

``python -m tests.bench.reading [jobs] [json ndjson parquet …]``
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bqsim.rehearse.workloads.imported import read_history

_BEGIN = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
_NESTED = ("labels", "referenced_tables", "job_stages", "destination_table", "error_result")
_WHOLE = ("total_slot_ms", "total_bytes_processed", "total_bytes_billed")
_BATCH = 20_000


def rows(jobs: int) -> Iterator[dict[str, Any]]:
    """Rows of JOBS: 50 users, 200 queries that differ in literals, one to four stages, 4 % fail."""
    for n in range(jobs):
        created = _BEGIN + dt.timedelta(microseconds=n * 250_000 + n * 7919 % 1000)
        started = created + dt.timedelta(milliseconds=40 + n % 60)
        run_ms = 300 + n * 31 % 20_000
        count = 1 + n % 200 % 4
        slot_ms = run_ms * (2 + n % 7)
        yield {
            "creation_time": created,
            "project_id": f"shop-{n % 4}",
            "user_email": f"user{n % 50}@example.com",
            "job_id": f"bquxjob_{n:08x}_18f3a{n % 4096:03x}",
            "job_type": "QUERY",
            "statement_type": "SELECT",
            "priority": "BATCH" if n % 9 == 0 else "INTERACTIVE",
            "start_time": started,
            "end_time": started + dt.timedelta(milliseconds=run_ms),
            "query": f"SELECT a, SUM(b) FROM `shop.sales.orders_{n % 200}` WHERE day = '2026-03-{n % 28}' "
            f"AND customer = {n} GROUP BY a",
            "state": "DONE",
            "reservation_id": f"admin:US.prod{n % 3}" if n % 4 else None,
            "total_bytes_processed": n * 977 % 10**9,
            "total_bytes_billed": (n * 977 % 10**9 >> 20) + 10 << 20,
            "total_slot_ms": slot_ms,
            "error_result": {"reason": "stopped", "message": "Job was stopped"} if n % 25 == 0 else None,
            "cache_hit": False,
            "destination_table": {"project_id": "shop", "dataset_id": "_tmp", "table_id": f"anon{n:x}"},
            "referenced_tables": [
                {"project_id": "shop", "dataset_id": "sales", "table_id": f"orders_{n % 200}"}
            ],
            "labels": [{"key": "team", "value": f"team{n % 12}"}] if n % 3 else [],
            "job_stages": [
                {
                    "name": f"S{at:02}: {'Input' if not at else 'Join+'}",
                    "id": at,
                    "input_stages": [at - 1] if at else [],
                    "slot_ms": slot_ms // count,
                    "parallel_inputs": 1 + n % 200 * 3,
                    "start_ms": int(started.timestamp() * 1000) + run_ms * at // count,
                    "end_ms": int(started.timestamp() * 1000) + run_ms * (at + 1) // count,
                    "records_read": 1000 + n,
                    "records_written": 100 + n % 1000,
                    "shuffle_output_bytes": 4096 * (n % 100),
                }
                for at in range(count)
            ],
        }


def _text(value: Any) -> Any:
    """A cell as ``bq query --format=json`` prints it: numbers are texts, times without their zone."""
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return {name: _text(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_text(item) for item in value]
    return str(value) if isinstance(value, int) else value


def _json(path: Path, jobs: int) -> None:
    with path.open("w") as file:
        file.write("[")
        for n, row in enumerate(rows(jobs)):
            file.write(("," if n else "") + json.dumps(_text(row)))
        file.write("]")


def _ndjson(path: Path, jobs: int) -> None:
    with path.open("w") as file:
        file.writelines(json.dumps(_text(row)) + "\n" for row in rows(jobs))


def _parquet(path: Path, jobs: int) -> None:
    found = rows(jobs)
    writer = None
    while batch := [row for _, row in zip(range(_BATCH), found, strict=False)]:
        table = pa.Table.from_pylist(batch)
        writer = pq.ParquetWriter(path, table.schema) if writer is None else writer
        writer.write_table(table.cast(writer.schema))
    assert writer is not None
    writer.close()


def _csv(path: Path, jobs: int) -> None:
    import csv

    with path.open("w", newline="") as file:
        writer: csv.DictWriter[str] | None = None
        for row in rows(jobs):
            cells = {k: json.dumps(_text(v)) if k in _NESTED else _text(v) for k, v in row.items()}
            if writer is None:
                writer = csv.DictWriter(file, list(cells))
                writer.writeheader()
            writer.writerow(cells)


FORMS: dict[str, Callable[[Path, int], None]] = {
    "json": _json,
    "ndjson": _ndjson,
    "csv": _csv,
    "parquet": _parquet,
}


def main() -> None:
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    for form in sys.argv[2:] or ("json", "parquet"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"jobs.{form}"
            FORMS[form](path, jobs)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            start, cpu = time.perf_counter(), time.process_time()
            found = read_history([path])
            seconds, used = time.perf_counter() - start, time.process_time() - cpu
            told = {
                "form": form,
                "jobs": len(found.jobs),
                "megabytes_read": round(path.stat().st_size / 1e6, 1),
                "seconds": round(seconds, 1),
                "cpu_seconds": round(used, 1),
                "microseconds_a_job": round(used / jobs * 1e6, 1),
                "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "peak_megabytes_before": round(before / 1024),
            }
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
