"""Loads of files from the upload to DONE, as shares of DuckDB reading the same file into a table; memory of a
load of 2 GB."""

from __future__ import annotations

import http.client
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from tests import servers
from tests.servers import PROJECT, Bqsim

Figure = dict[str, Any]
DATASET = "loading"
ROWS = 1_500_000
AVRO_ROWS = 300_000
BIG_BYTES = 2 << 30
_ROWS = """
    SELECT i AS id, 'name ' || (i % 1000) AS name, (i * 7919) % 100000 / 100.0::DOUBLE AS price,
        DATE '2020-01-01' + (i % 1000)::INT AS day, TIMESTAMP '2024-01-01' + to_seconds(i) AS at,
        i % 3 = 0 AS ok, CASE WHEN i % 11 > 0 THEN md5(i::VARCHAR) END AS text,
        (i % 10000 / 100)::DECIMAL(38, 9) AS amount
    FROM range({rows}) r(i)
"""
_TYPES = "INTEGER STRING FLOAT DATE DATETIME BOOLEAN STRING NUMERIC".split()  # noqa: SIM905
_NAMES = "id name price day at ok text amount".split()  # noqa: SIM905
SCHEMA = [{"name": n, "type": t} for n, t in zip(_NAMES, _TYPES, strict=True)]
# Source format, file name, how DuckDB writes it, how it reads it, the share to reach.
FORMATS: tuple[tuple[str, str, str, str, float], ...] = (
    ("PARQUET", "rows.parquet", "FORMAT PARQUET", "read_parquet('{}')", 0.6),
    ("CSV", "rows.csv", "FORMAT CSV, HEADER", "read_csv('{}')", 0.5),
    ("NEWLINE_DELIMITED_JSON", "rows.json", "FORMAT JSON", "read_json('{}')", 0.5),
)


def load(sim: Bqsim, table: str, format_: str, file: Path, **options: Any) -> float:
    """Upload a file and load it; the seconds until the job is DONE."""
    target = {"projectId": PROJECT, "datasetId": DATASET, "tableId": table}
    config = {"destinationTable": target, "sourceFormat": format_, "writeDisposition": "WRITE_TRUNCATE"}
    body = json.dumps({"configuration": {"load": {**config, **options}}}).encode()
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=600, blocksize=1 << 20)
    path = f"/upload/bigquery/v2/projects/{PROJECT}/jobs?uploadType=resumable"
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    place = answer.headers["Location"].partition(str(sim.port))[2]
    with file.open("rb") as stream:
        connection.request("PUT", place, stream, {"Content-Length": str(file.stat().st_size)})
        job = json.loads(connection.getresponse().read())
    connection.close()
    while job["status"]["state"] != "DONE":
        time.sleep(0.01)
        job = sim.request("GET", f"/bigquery/v2/projects/{PROJECT}/jobs/{job['jobReference']['jobId']}")
    if "errorResult" in job["status"]:
        raise RuntimeError(job["status"]["errorResult"])
    return time.perf_counter() - started


@contextmanager
def highest(sim: Bqsim) -> Iterator[Callable[[], float]]:
    """Watches the resident memory of a server; what it yields tells the highest so far, in MB."""
    found, over = [sim.resident_mb()], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            found[0] = max(found[0], sim.resident_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: found[0]
    finally:
        over.set()
        watcher.join()


def _best(*runs: Callable[[], float], times: int = 3) -> list[float]:
    """The least of each, measured in turn: what else the machine does meets all of them."""
    return [min(found) for found in zip(*([run() for run in runs] for _ in range(times)), strict=True)]


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _avro(folder: Path) -> Path:
    import fastavro

    types = ["long", "string", "double", "boolean"]
    fields = [{"name": f"f{i}", "type": ["null", t]} for i, t in enumerate(types)]
    rows = ({"f0": i, "f1": f"name {i % 1000}", "f2": i / 7, "f3": i % 3 == 0} for i in range(AVRO_ROWS))
    with (folder / "rows.avro").open("wb") as sink:
        fastavro.writer(sink, {"type": "record", "name": "Row", "fields": fields}, rows, codec="deflate")
    return folder / "rows.avro"


def loading() -> list[Figure]:
    """Shares of DuckDB's own speed (2 threads, a table in memory), best of five each."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name, servers.bqsim_server() as sim:
        folder = Path(name)
        path = f"/bigquery/v2/projects/{PROJECT}/datasets"
        reference = {"datasetReference": {"projectId": PROJECT, "datasetId": DATASET}}
        sim.request("POST", path, reference)
        bare = duckdb.connect(config={"threads": "2"})
        for format_, file_name, written, read, goal in FORMATS:
            file = folder / file_name
            bare.execute(f"COPY ({_ROWS.format(rows=ROWS)}) TO '{file}' ({written})")
            schema = {} if format_ == "PARQUET" else {"schema": {"fields": SCHEMA}}
            skip = {"skipLeadingRows": 1} if format_ == "CSV" else {}
            table = f"CREATE OR REPLACE TABLE rows AS SELECT * FROM {read.format(file)}"
            ours, theirs = _best(
                partial(load, sim, "rows", format_, file, **schema, **skip),
                partial(_timed, partial(bare.execute, table)),
                times=5,
            )
            megabytes = file.stat().st_size / 1e6
            details = {"megabytes": round(megabytes), "seconds": round(ours, 2), "bare": round(theirs, 2)}
            title = f"load of {format_}: share of DuckDB's speed"
            figures.append(
                {"figure": title, "value": round(theirs / ours, 3), "goal": f">= {goal}", **details}
            )
        file = _avro(folder)
        (seconds,) = _best(partial(load, sim, "avro", "AVRO", file))
        figures.append(
            {
                "figure": "load of AVRO, thousand rows a second",
                "value": round(AVRO_ROWS / seconds / 1000),
                "goal": "-",
            }
        )
    return figures


def loading_memory() -> list[Figure]:
    """What a load of 2 GB of CSV takes above the idle server at its peak, tables on disk."""
    with (
        tempfile.TemporaryDirectory() as name,
        servers.bqsim_server("--data-dir", f"{name}/data") as sim,
    ):
        file = Path(name) / "big.csv"
        duckdb.execute(f"COPY ({_ROWS.format(rows=100_000)}) TO '{file}' (FORMAT CSV, HEADER false)")
        part = file.read_bytes()
        with file.open("wb") as sink:
            for _ in range(BIG_BYTES // len(part)):
                sink.write(part)
        path = f"/bigquery/v2/projects/{PROJECT}/datasets"
        reference = {"datasetReference": {"projectId": PROJECT, "datasetId": DATASET}}
        sim.request("POST", path, reference)
        idle = sim.resident_mb()
        with highest(sim) as peak:
            seconds = load(sim, "big", "CSV", file, schema={"fields": SCHEMA})
            value = peak() - idle
    return [
        {
            "figure": "load of 2 GB of CSV: memory above idle, MB",
            "value": round(value),
            "goal": "<= 600",
            "seconds": round(seconds, 1),
        }
    ]
