"""The recorded cases never pass less than before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fidelity.build import recorded

from .check import RATCHET, SUITES, cases_folder, run_suite

# Of the largest suite a run of the tests takes every so many-th case; `make conformance` takes all.
SHARES = {"googlesql-compliance": 8}


@pytest.mark.fidelity(of=lambda case: recorded(case["suite"]))
@pytest.mark.skipif(cases_folder() is None, reason="the recorded cases are not beside this checkout")
@pytest.mark.parametrize("suite", SUITES)
def test_no_fewer_cases_pass(suite: str, tmp_path: Path) -> None:
    folder = cases_folder()
    assert folder is not None
    kept = json.loads(RATCHET.read_text())[suite]
    lines = (folder / f"{suite}.jsonl").read_text().splitlines()
    cases = tmp_path / f"{suite}.jsonl"
    cases.write_text("".join(f"{line}\n" for line in lines[:: SHARES.get(suite, 1)]))
    found = run_suite(folder, suite, tmp_path / "out.json", cases)
    worse = {f["id"] for f in found["failures"]} - set(kept["failing"])
    assert not worse, f"{suite}: these passed before: {sorted(worse)}"
    assert found["passed"] > 0
