"""``bqsim calibrate``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqsim.cli import main
from bqsim.history.canonical import write
from tests.unit.calibrate.test_profile import FAST, LONG, QUEUE, QUICK, SLOW, jobs


def test_a_profile_that_serve_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history, out = tmp_path / "h.parquet", tmp_path / "profile.yaml"
    write(history, jobs(FAST, QUEUE, QUICK, 60) + jobs(SLOW, QUEUE, LONG, 60))
    assert main(["calibrate", str(history), "-o", str(out)]) == 0
    assert "120 jobs of h.parquet; a fit needs 30 samples" in capsys.readouterr().out
    assert main(["scenario", "check", str(out)]) == 0
    assert "ok: scenario 'calibrated'" in capsys.readouterr().out
    assert main(["calibrate", str(history), "-o", str(out), "--report", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"] == 120


def test_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = tmp_path / "h.parquet"
    write(history, jobs(FAST, QUEUE, QUICK, 20))
    assert main(["calibrate", str(history)]) == 1
    assert "the widest class has 20 of the 30" in capsys.readouterr().err
    assert main(["calibrate", str(tmp_path / "none")]) == 1
    assert main(["calibrate", str(history), "--minimum", "1"]) == 2
