from __future__ import annotations

import pytest

from bqsim.simulator import Simulator

from .conftest import Run
from .test_journal import query

QUERY = "bigquery.jobs.query"


def test_calls_are_counted(run: Run, sim: Simulator) -> None:
    query(sim)
    query(sim)
    assert run("verify", QUERY) == (0, "ok: 2 calls\n", "")
    assert run("verify", QUERY, "--times", "2", "--where", '{"ok": true}')[0] == 0
    assert run("verify", QUERY, "--times", "1-3")[0] == run("verify", "bigquery.*", "--times", "2+")[0] == 0
    code, out, err = run("verify", QUERY, "--times", "3")
    assert (code, err) == (1, "") and out.startswith(f"Expected exactly 3 calls of {QUERY}, but 2 were made.")
    assert run("verify", QUERY, "--backoff") == (0, "ok\n", "")
    assert "unknown condition 'resaon'" in run("verify", QUERY, "--where", '{"resaon": 1}')[2]


def test_calls_that_were_tried_again_too_soon(run: Run, sim: Simulator) -> None:
    sim.faults.add("backendError")
    query(sim)
    query(sim)
    code, out, _ = run("verify", "*", "--backoff")
    assert code == 1 and "[first_wait]" in out


@pytest.mark.parametrize("words", [["--times", "x"], ["--times", "1-x"], ["--where", "{"]])
def test_wrong_words(run: Run, words: list[str]) -> None:
    with pytest.raises(SystemExit):
        run("verify", QUERY, *words)
