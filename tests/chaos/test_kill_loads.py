"""A server that is killed while it loads and extracts: each load is there whole or not at all, each extract
too, and what is known of sizes afterwards is what a server that counts anew would say."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

from tests.servers import PROJECT, Bqsim

from .test_kill_server import serve

KILLS = int(os.environ.get("BQSIM_KILLS", "3"))
ROWS = 20_000
DAYS = 5
TABLE = {"projectId": PROJECT, "datasetId": "d", "tableId": "t"}
CSV = "".join(f"2024-01-{n % DAYS + 1:02},{n},text {n}\n" for n in range(ROWS)).encode()


def load(server: Bqsim, job_id: str, disposition: str) -> Any:
    """Start a load of :data:`CSV`; the job as it was inserted."""
    configuration = {
        "destinationTable": TABLE,
        "writeDisposition": disposition,
        "schema": {
            "fields": [
                {"name": "day", "type": "DATE"},
                {"name": "n", "type": "INTEGER"},
                {"name": "s", "type": "STRING"},
            ]
        },
        "timePartitioning": {"type": "DAY", "field": "day"},
    }
    job = {"jobReference": {"projectId": PROJECT, "jobId": job_id}, "configuration": {"load": configuration}}
    parts = [
        b"Content-Type: application/json\r\n\r\n" + json.dumps(job).encode(),
        b"Content-Type: */*\r\n\r\n" + CSV,
    ]
    body = b"".join(b"--cut\r\n" + part + b"\r\n" for part in parts) + b"--cut--\r\n"
    path = f"/upload/bigquery/v2/projects/{PROJECT}/jobs?uploadType=multipart"
    status, answer = server.raw("POST", path, body, {"Content-Type": "multipart/related; boundary=cut"})
    assert status == 200, answer
    return json.loads(answer)


def extract(server: Bqsim, job_id: str) -> Any:
    configuration = {
        "sourceTable": TABLE,
        "destinationUris": [f"gs://out/{job_id}-*.csv"],
        "destinationFormat": "CSV",
    }
    job = {
        "jobReference": {"projectId": PROJECT, "jobId": job_id},
        "configuration": {"extract": configuration},
    }
    return server.request("POST", f"/bigquery/v2/projects/{PROJECT}/jobs", job)


def finished(server: Bqsim, job_id: str) -> bool:
    """Wait for a job; whether it succeeded."""
    while True:
        job = server.request("GET", f"/bigquery/v2/projects/{PROJECT}/jobs/{job_id}")
        if job["status"]["state"] == "DONE":
            assert "errorResult" not in job["status"], job["status"]
            return True
        time.sleep(0.005)


def work(port: int, round_: int, done: list[tuple[str, str]], started: list[tuple[str, str]]) -> None:
    """Load and extract until the server is gone; notes what was begun and what was told to be done."""
    server = Bqsim(port, 0)
    for n in range(1000):
        kind = ("WRITE_APPEND", "WRITE_APPEND", "WRITE_TRUNCATE", "EXTRACT")[n % 4]
        job_id = f"{kind.lower()}_{round_}_{n}"
        started.append((kind, job_id))
        try:
            extract(server, job_id) if kind == "EXTRACT" else load(server, job_id, kind)
            finished(server, job_id)
        except (OSError, ValueError, http.client.HTTPException):
            return
        done.append((kind, job_id))


def counts(server: Bqsim) -> list[int]:
    """Rows by day."""
    rows = server.query("SELECT COUNT(*) FROM d.t GROUP BY day ORDER BY day", useQueryCache=False).get(
        "rows", []
    )
    return [int(row["f"][0]["v"]) for row in rows]


def test_loads_are_whole_or_not_at_all(tmp_path: Path) -> None:
    draws = random.Random(int(os.environ.get("BQSIM_SEED", "20260101")))
    child, server = serve(tmp_path)
    server.query("CREATE SCHEMA d")
    loads = 0
    done: list[tuple[str, str]] = []
    try:
        for round_ in range(KILLS):
            done, started = [], []
            thread = threading.Thread(target=work, args=(server.port, round_, done, started))
            thread.start()
            time.sleep(draws.uniform(0.3, 1.5))
            child.send_signal(signal.SIGKILL)
            child.wait()
            thread.join()
            child, server = serve(tmp_path)
            sure = loads
            for kind, _ in done:
                sure = 1 if kind == "WRITE_TRUNCATE" else sure + (kind == "WRITE_APPEND")
            possible = {sure}
            if len(started) > len(done):
                kind = started[-1][0]
                possible.add(1 if kind == "WRITE_TRUNCATE" else sure + (kind == "WRITE_APPEND"))
            found = counts(server)
            assert len(set(found)) <= 1 and len(found) in (0, DAYS), found
            loads = found[0] * DAYS // ROWS if found else 0
            assert loads in possible and sum(found) == loads * ROWS, (found, possible, done, started)
            check_figures(server, loads)
            check_files(server, done, started)
        assert done, "nothing was loaded before the last kill"
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(20)


def check_figures(server: Bqsim, loads: int) -> None:
    """The sizes that metadata tell are those of the rows that are there."""
    if not loads:
        return
    size = loads * (ROWS * 18 + sum(len(f"text {n}") for n in range(ROWS)))
    path = f"/bigquery/v2/projects/{PROJECT}/datasets/d/tables/t"
    table = server.request("GET", path)
    assert (int(table["numRows"]), int(table["numBytes"])) == (loads * ROWS, size)
    answer = server.query(
        "SELECT SUM(total_rows), SUM(total_logical_bytes), COUNT(*) FROM d.INFORMATION_SCHEMA.PARTITIONS"
        " WHERE table_name = 't'",
        useQueryCache=False,
    )
    cells = [int(cell["v"]) for cell in answer["rows"][0]["f"]]
    assert cells == [loads * ROWS, size, DAYS]
    one = server.query("SELECT n FROM d.t WHERE day = '2024-01-02'", dryRun=True)
    assert int(one["totalBytesProcessed"]) == loads * ROWS // DAYS * 16


def check_files(server: Bqsim, done: list[tuple[str, str]], started: list[tuple[str, str]]) -> None:
    """Every file that is there belongs to an extract that is whole."""
    path = "/storage/v1/b/out/o"
    listed = server.request("GET", path).get("items", []) if any(k == "EXTRACT" for k, _ in done) else []
    names = {item["name"] for item in listed}
    for kind, job_id in done:
        if kind == "EXTRACT":
            mine = [name for name in names if name.startswith(f"{job_id}-")]
            content = b"".join(server.raw("GET", f"{path}/{name}?alt=media")[1] for name in mine)
            assert content.count(b"\n") % ROWS == 1, (job_id, mine, content[:50])
    for kind, job_id in set(started) - set(done):
        if kind == "EXTRACT":
            assert all("000000000000" in name for name in names if name.startswith(f"{job_id}-"))
