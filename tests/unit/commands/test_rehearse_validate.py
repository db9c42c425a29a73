from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqsim.cli import main
from tests.unit.rehearse.test_sweep import PLAN

HISTORY = Path(__file__).parents[3] / "scenarios" / "rehearsals" / "from-history.yaml"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return path


def test_validate(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "validate", str(HISTORY)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Calibrated: 84 jobs of jobs.ndjson were replayed")
    assert [line.split(":")[0] for line in lines[2:5]] == ["group bi", "group data", "teams"]
    assert main(["rehearse", "validate", str(HISTORY), "--format", "json", "--max-error", "1000%"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["calibration"]["jobs"] == 84 and [one["group"] for one in found["groups"]] == ["bi", "data"]
    assert main(["rehearse", "validate", str(HISTORY), "--max-error", "0.01%"]) == 1
    # A plan of jobs that were made up can be validated with those that ran.
    jobs = str(HISTORY.parent / "jobs.ndjson")
    assert main(["rehearse", "validate", str(plan), "--history", jobs]) == 0
    assert main(["rehearse", "validate", str(plan)]) == 2
    assert "the plan has no history to validate with" in capsys.readouterr().err
    assert main(["rehearse", str(plan), "--history", str(plan), "--quiet"]) == 2
    assert main(["rehearse", "validate", str(HISTORY), "--timeline", str(plan)]) == 2
    assert capsys.readouterr().err.count("bqsim rehearse: ") == 2
