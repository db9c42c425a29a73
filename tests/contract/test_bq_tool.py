"""``bq cp`` and ``bq extract`` against a running simulator.

Set ``BQSIM_BQ`` to Google's command-line tool to run it: each of its calls takes seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bqsim.settings import Settings
from bqsim.simulator import Simulator

BQ = shutil.which(os.environ.get("BQSIM_BQ", "no bq"))

pytestmark = [
    pytest.mark.skipif(BQ is None, reason="bq is not here"),
    pytest.mark.fidelity("job:extract, job:copy", "exact"),
]


def test_copies_and_extracts(tmp_path: Path) -> None:
    with Simulator(Settings(project="p")) as sim, sim.client() as client:
        client.create_dataset("d")
        client.query_and_wait(
            "CREATE TABLE d.t (day DATE, n INT64) PARTITION BY day AS"
            " SELECT DATE '2026-01-01', 1 UNION ALL SELECT DATE '2026-01-02', 2"
        )
        home = str(tmp_path)
        own = {"HOME": home, "CLOUDSDK_CONFIG": home, "CLOUDSDK_AUTH_ACCESS_TOKEN": "token"}

        def bq(*arguments: str) -> str:
            done = subprocess.run(
                [str(BQ), "--api", sim.url, "--project_id", "p", *arguments],
                env={**os.environ, **own},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            return done.stdout

        assert "successfully copied to 'p:d.u$20260102'" in bq("cp", "-n", "d.t$20260102", "d.u$20260102")
        assert "successfully snapshotted" in bq("cp", "--snapshot", "-n", "d.t", "d.s")
        bq("extract", "--noprint_header", "-F", "tab", "d.u", "gs://bucket/u-*.csv")
        assert sim.objects.read("gs://bucket/u-000000000000.csv") == b"2026-01-02\t2\n"
        assert "Compression type SNAPPY" in bq("extract", "--compression=SNAPPY", "d.t", "gs://bucket/x")
