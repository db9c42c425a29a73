"""Extracts of a table from the job's insertion to DONE, beside DuckDB writing the same rows."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from tests import servers
from tests.servers import PROJECT, Bqsim

from .loading import _ROWS, Figure, load

DATASET = "loading"
ROWS = 600_000
# Destination format, and how DuckDB writes the like.
FORMATS = (
    ("CSV", "FORMAT CSV, HEADER"),
    ("NEWLINE_DELIMITED_JSON", "FORMAT JSON"),
    ("PARQUET", "FORMAT PARQUET, COMPRESSION UNCOMPRESSED"),
    ("AVRO", ""),
)


def _best(run: Callable[[], float]) -> float:
    return min(run() for _ in range(3))


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def extract(sim: Bqsim, format_: str) -> float:
    """Extract the table; the seconds until the job is DONE."""
    config = {
        "sourceTable": {"projectId": PROJECT, "datasetId": DATASET, "tableId": "rows"},
        "destinationUris": [f"gs://bench/{format_}/rows-*"],
        "destinationFormat": format_,
    }
    started = time.perf_counter()
    path = f"/bigquery/v2/projects/{PROJECT}/jobs"
    job = sim.request("POST", path, {"configuration": {"extract": config}})
    while job["status"]["state"] != "DONE":
        time.sleep(0.01)
        job = sim.request("GET", f"{path}/{job['jobReference']['jobId']}")
    if "errorResult" in job["status"]:
        raise RuntimeError(job["status"]["errorResult"])
    return time.perf_counter() - started


def extracts() -> list[Figure]:
    """Thousand rows a second by format, best of three each; DuckDB's own (2 threads) beside."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name, servers.bqsim_server() as sim:
        file, out = Path(name) / "rows.parquet", Path(name) / "out"
        bare = duckdb.connect(config={"threads": "2"})
        bare.execute(f"CREATE TABLE rows AS {_ROWS.format(rows=ROWS)}")
        bare.execute(f"COPY rows TO '{file}' (FORMAT PARQUET)")
        reference: dict[str, Any] = {"datasetReference": {"projectId": PROJECT, "datasetId": DATASET}}
        sim.request("POST", f"/bigquery/v2/projects/{PROJECT}/datasets", reference)
        sim.request("POST", f"/storage/v1/b?project={PROJECT}", {"name": "bench"})
        load(sim, "rows", "PARQUET", file)
        for format_, written in FORMATS:
            seconds = _best(lambda f=format_: extract(sim, f))  # type: ignore[misc]
            figure: Figure = {
                "figure": f"extract to {format_}, thousand rows a second",
                "value": round(ROWS / seconds / 1000),
                "goal": "-",
                "seconds": round(seconds, 2),
            }
            if written:
                sql = f"COPY rows TO '{out}' ({written})"
                figure["bare"] = round(_best(lambda s=sql: _timed(lambda: bare.execute(s))), 2)  # type: ignore[misc]
            figures.append(figure)
    return figures
