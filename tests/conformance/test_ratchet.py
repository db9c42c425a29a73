"""The recorded cases never pass less than before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fidelity.build import recorded

from .check import RATCHET, SUITES, cases_folder, run_suite


@pytest.mark.fidelity(of=lambda case: recorded(case["suite"]))
@pytest.mark.skipif(cases_folder() is None, reason="the recorded cases are not beside this checkout")
@pytest.mark.parametrize("suite", SUITES)
def test_no_fewer_cases_pass(suite: str, tmp_path: Path) -> None:
    folder = cases_folder()
    assert folder is not None
    kept = json.loads(RATCHET.read_text())[suite]["passed"]
    found = run_suite(folder, suite, tmp_path / "out.json")
    failing = [f["id"] for f in found["failures"]]
    assert found["passed"] >= kept, f"{suite}: {found['passed']} < {kept}; failing: {failing}"
