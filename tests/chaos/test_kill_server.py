"""A server that is killed at any moment keeps every write that it acknowledged."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.servers import PROJECT, ROOT, Bqsim, free_port, own_environment, wait_for_port

KILLS = int(os.environ.get("BQSIM_KILLS", "3"))
WRITERS = ("insertAll", "INSERT", "CREATE TABLE")


def serve(folder: Path, grpc_port: int = 0) -> tuple[subprocess.Popen[bytes], Bqsim]:
    port = free_port()
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "bqsim.cli",
            "serve",
            "--port",
            str(port),
            "--grpc-port",
            str(grpc_port),
            "--data-dir",
            str(folder),
        ],
        cwd=ROOT,
        env=own_environment(),
        stdout=subprocess.DEVNULL,
    )
    wait_for_port(port)
    return child, Bqsim(port, child.pid)


def write_until_killed(port: int, kind: str, round_: int, acknowledged: set[str]) -> None:
    """Write one marked row (or table) after another; note the marks that the server acknowledged."""
    server = Bqsim(port, 0)
    for n in range(100_000):
        mark = f"{kind.split()[0]}_{round_}_{n}"
        try:
            if kind == "insertAll":
                path = f"/bigquery/v2/projects/{PROJECT}/datasets/d/tables/marks/insertAll"
                answer = server.request("POST", path, {"rows": [{"json": {"mark": mark}}]})
                assert "insertErrors" not in answer, answer
            elif kind == "INSERT":
                server.query(f"INSERT INTO d.marks (mark) VALUES ('{mark}')")
            else:
                server.query(f"CREATE TABLE d.{mark} AS SELECT '{mark}' AS mark")
        except (OSError, ValueError, Exception) as error:
            # The connection broke with the server: nothing was acknowledged. A refusal would be a defect.
            assert not isinstance(error, (RuntimeError, AssertionError)), error
            return
        acknowledged.add(mark)


def test_no_acknowledged_write_is_lost(tmp_path: Path) -> None:
    seed = int(os.environ.get("BQSIM_SEED", "20260101"))
    draws = random.Random(seed)
    acknowledged: set[str] = set()
    child, server = serve(tmp_path)
    server.query("CREATE SCHEMA d")
    server.query("CREATE TABLE d.marks (mark STRING)")
    try:
        for round_ in range(KILLS):
            threads = [
                threading.Thread(target=write_until_killed, args=(server.port, kind, round_, acknowledged))
                for kind in WRITERS
            ]
            for thread in threads:
                thread.start()
            time.sleep(draws.uniform(0.05, 0.8))
            child.send_signal(signal.SIGKILL)
            child.wait()
            for thread in threads:
                thread.join()
            child, server = serve(tmp_path)
            answer = server.query("SELECT ARRAY_AGG(mark) FROM d.marks", useQueryCache=False)
            cell = answer["rows"][0]["f"][0]["v"]
            found = {item["v"] for item in cell or []}
            wanted = {m for m in acknowledged if not m.startswith("CREATE")}
            assert wanted <= found, (seed, round_, sorted(wanted - found)[:5])
            listed: set[str] = set()
            token = ""
            while True:
                path = f"/bigquery/v2/projects/{PROJECT}/datasets/d/tables?maxResults=1000&pageToken={token}"
                page = server.request("GET", path)
                listed |= {t["tableReference"]["tableId"] for t in page.get("tables", [])}
                token = page.get("nextPageToken", "")
                if not token:
                    break
            tables = {m for m in acknowledged if m.startswith("CREATE")}
            assert tables <= listed, (seed, round_, sorted(tables - listed)[:5])
            if tables:
                mark = max(tables)
                row = server.query(f"SELECT mark FROM d.{mark}")["rows"][0]["f"][0]["v"]
                assert row == mark
        assert acknowledged, "nothing was written before the kills"
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(20)
