"""How long folding takes, and what it needs: ``python -m tests.bench.folding [exchanges]``."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bqsim.record.exchanges import JOURNAL, JournalWriter
from bqsim.record.recovery import recover
from tests.exchange_help import SCHEMA, Calls, job, rows


def write(folder: Path, exchanges: int) -> None:
    """A journal of queries with two pages each, and streamed rows, about four calls in five of queries."""
    journal = JournalWriter(folder / JOURNAL, {"began_us": 1_790_000_000_000_000})
    number = 0
    while number < exchanges:
        calls = Calls()
        n = number // 5
        name = f"job-{n:08d}-{n * 7919 % 1000003:06x}"
        sql = {"query": {"query": f"SELECT x FROM d.t WHERE x = {n % 5000}", "useLegacySql": False}}
        reference = {"projectId": "p", "jobId": name, "location": "US"}
        statistics = {
            "creationTime": "1790000000123",
            "startTime": "1790000000124",
            "endTime": "1790000000199",
        }
        body: Any = {"configuration": sql, "jobReference": reference}
        calls.rest("POST", "/jobs", body, job(name, sql, "RUNNING", **statistics))
        calls.rest("GET", f"/jobs/{name}", None, job(name, sql, **statistics))
        page = {"schema": SCHEMA, "jobReference": reference, "jobComplete": True, "totalRows": "40"}
        first = {**page, "rows": rows(*map(str, range(20))), "pageToken": f"token-{name}"}
        calls.rest("GET", f"/queries/{name}?maxResults=20", None, first)
        second = {**page, "rows": rows(*map(str, range(20, 40)))}
        calls.rest("GET", f"/queries/{name}?maxResults=20&pageToken=token-{name}", None, second)
        sent = {"rows": [{"insertId": f"{n}", "json": {"x": n}}]}
        calls.rest("POST", "/datasets/d/tables/t/insertAll", sent, {"kind": "x"})
        for exchange in calls.made:
            number += 1
            exchange.number = number
            exchange.started_s, exchange.ended_s = number * 0.01, number * 0.01 + 0.005
            journal.add(exchange)
    journal.close()


def measure(exchanges: int) -> dict[str, Any]:
    """Seconds and megabytes of folding so many exchanges into a cassette."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "bench.cassette"
        write(folder, exchanges)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        cassette = recover(folder)
        took = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "exchanges": exchanges,
            "operations": len(cassette),
            "seconds": round(took, 2),
            "exchanges_per_second": round(exchanges / took),
            "peak_mb": round(peak / 1024),
            "before_mb": round(before / 1024),
        }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)))
