"""Histories as Google's client and extract jobs write them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bqsim.history import JobRecord, merged, read
from bqsim.history.asking import fetch, history_sql
from bqsim.pytest_plugin.handle import TestSimulator
from bqsim.seeding import Api

bigquery: Any = pytest.importorskip("google.cloud.bigquery")
pytest.importorskip("pandas")


def _plain(jobs: list[JobRecord]) -> list[JobRecord]:
    return [replace(job, source="") for job in jobs if "INFORMATION_SCHEMA" not in job.sql]


def _json(frame: Any, path: Path) -> None:
    frame.to_json(path, orient="records", lines=True, date_format="iso", date_unit="us")


FRAMES: dict[str, Callable[[Any, Path], Any]] = {
    "json": _json,
    "csv": lambda frame, path: frame.to_csv(path),
    "parquet": lambda frame, path: frame.to_parquet(path),
}
FORMATS = {"NEWLINE_DELIMITED_JSON": "GZIP", "AVRO": "SNAPPY", "PARQUET": "SNAPPY"}


@pytest.fixture
def told(bqsim: TestSimulator) -> list[JobRecord]:
    """The history, as the API's rows tell it."""
    client = bqsim.client()
    client.query("CREATE SCHEMA d").result()
    client.query("CREATE TABLE d.t AS SELECT 1 AS a").result()
    labels = bigquery.QueryJobConfig(labels={"team": "shop"})
    client.query("SELECT a,\n \"x, 'y'\" AS z FROM d.t", labels).result()
    client.query("SELECT COUNT(*) FROM d.t").result()
    api = Api(bqsim.url, bqsim.project)
    return _plain(merged(fetch(api, history_sql())))


def test_frames_and_extracts_tell_the_same(
    told: list[JobRecord], bqsim: TestSimulator, bqsim_server: Any, tmp_path: Path
) -> None:
    assert len(told) == 4
    client = bqsim.client()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = client.query(history_sql()).to_dataframe()
    for name, write in FRAMES.items():
        write(frame, tmp_path / name)
        assert _plain(merged(read(tmp_path / name))) == told, name
    client.query(f"CREATE TABLE d.history AS {history_sql()}").result()
    for name, compression in FORMATS.items():
        config = bigquery.ExtractJobConfig(destination_format=name, compression=compression)
        uri = f"gs://{bqsim.project}/history/{name}"
        client.extract_table(f"{bqsim.project}.d.history", uri, job_config=config).result()
        (tmp_path / name).write_bytes(bqsim_server.objects.read(uri))
        assert _plain(merged(read(tmp_path / name))) == told, name
