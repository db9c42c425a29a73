"""The ways to put an incident in force: a marker of a test, the command line, a running simulator."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.cli import main
from tests.scenarios.harness import SCENARIOS
from tests.servers import bqsim_server

INSERT = {"configuration": {"query": {"query": "SELECT 1", "useLegacySql": False}}}


@pytest.mark.bqsim_scenario("scenarios/lost-answers.yaml", "scenarios/stuck-job.yaml")
def test_markers_take_files(bqsim: Any) -> None:
    assert bqsim.client().query("SELECT 1").result().total_rows == 1
    bqsim.verify("bigquery.jobs.insert", {"rule": "job-answer-lost"}, times=1)
    assert {status.rule.id for status in bqsim.faults} >= {"job-answer-lost", "hang"}


def test_a_server_begins_with_an_incident(capsys: pytest.CaptureFixture[str]) -> None:
    files = [SCENARIOS / "lost-answers.yaml", SCENARIOS / "token-expiry.yaml"]
    with bqsim_server(*(part for file in files for part in ("--scenario", str(file)))) as server:
        path = "/bigquery/v2/projects/p/jobs"
        assert [server.raw("POST", path, INSERT)[0] for _ in range(2)] == [503, 200]
        url = f"http://127.0.0.1:{server.port}"
        assert main(["scenario", "load", str(SCENARIOS / "regional-brown-out.yaml"), "--server", url]) == 0
        assert main(["scenario", "clear", "--server", url]) == 0
        assert [server.raw("POST", path, INSERT)[0] for _ in range(2)] == [200, 200]
    assert "scenario 'regional-brown-out' is in force" in capsys.readouterr().out
