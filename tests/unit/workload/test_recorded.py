"""A recording through the proxy is run again, and calibrates."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bqsim.calibrate.calibration import calibrate
from bqsim.calibrate.profile import scenario
from bqsim.clients import query_client
from bqsim.pytest_plugin.handle import TestSimulator
from bqsim.record.proxy import RecordingProxy
from bqsim.record.recorder import Recorder
from bqsim.sim.clock import SimulationClock
from bqsim.workload.caller import Caller
from bqsim.workload.divergence import compare
from bqsim.workload.items import load, renamed, spaced
from bqsim.workload.runner import Run, Runner

bigquery: Any = pytest.importorskip("google.cloud.bigquery")


def _recording(folder: Path, simulator: TestSimulator) -> None:
    recorder = Recorder(folder)
    with RecordingProxy(recorder, upstream=simulator.url, upstream_grpc=simulator.grpc_target) as proxy:
        client = query_client(proxy.url, simulator.project, lambda: None)
        client.query("CREATE SCHEMA d").result()
        client.query("CREATE TABLE d.t AS SELECT a FROM UNNEST([1, 2, 3]) AS a").result()
        begun = client.query("SELECT 1", bigquery.QueryJobConfig(create_session=True))
        begun.result()
        session = bigquery.ConnectionProperty("session_id", begun.session_info.session_id)
        for sql in ("CREATE TEMP TABLE mine AS SELECT 5 AS x", "SELECT x FROM mine"):
            client.query(sql, bigquery.QueryJobConfig(connection_properties=[session])).result()
        for n in range(12):
            parameter = bigquery.ScalarQueryParameter("n", "INT64", n)
            config = bigquery.QueryJobConfig(query_parameters=[parameter], use_query_cache=False)
            client.query("SELECT a FROM d.t WHERE a > @n", config).result()
        client.copy_table(f"{simulator.project}.d.t", f"{simulator.project}.d.u").result()
        client.close()
    recorder.finish()


def test_a_recording_runs_again_and_calibrates(bqsim: TestSimulator, tmp_path: Path) -> None:
    folder = tmp_path / "app.cassette"
    _recording(folder, bqsim)
    workload = load([folder])
    assert not workload.left_out
    items = [renamed(one, {bqsim.project: f"{bqsim.project}-again"}) for one in workload.items]

    async def main() -> Run:
        caller = Caller(bqsim.url, SimulationClock())
        try:
            return await Runner(caller, run_id="again").run(spaced(items, float("inf")))
        finally:
            await caller.close()

    made = asyncio.run(main())
    found = compare(made)
    assert (found.done, found.differences) == (18, [])
    copied = next(one for one in made.outcomes if one.item.kind == "copy")
    assert copied.job is not None and copied.job.output_rows == 3
    profile = scenario(calibrate([folder], minimum=10))
    assert profile.latency is not None
    assert {rule.phase for rule in profile.latency.rules} >= {"queue", "run"}
