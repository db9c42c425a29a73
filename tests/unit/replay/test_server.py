from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bqsim.replay.server import ReplayServer

from .cassettes import Writing


def test_a_replay_starts_without_the_engine(tmp_path: Path) -> None:
    place = Writing(tmp_path / "c").written()
    code = (
        "import sys\n"
        "from bqsim.replay.server import ReplayServer\n"
        "with ReplayServer(sys.argv[1]) as replay: assert replay.grpc_port\n"
        "print([m for m in ('bqsim.sql', 'bqsim.jobs', 'duckdb', 'sqlglot') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code, place], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


def test_it_starts_and_stops_once(tmp_path: Path) -> None:
    server = ReplayServer(Writing(tmp_path / "c").written(), project="p")
    assert server.start() is server.start()
    assert server.environment()["BIGQUERY_EMULATOR_HOST"] == server.url == f"http://127.0.0.1:{server.port}"
    with (
        pytest.raises(OSError, match="in use"),
        ReplayServer(Writing(tmp_path / "d").written(), port=server.port),
    ):
        pass
    server.stop()
    server.stop()
    assert server.report().ok
