from __future__ import annotations

from bqsim.simulator import Simulator

from .conftest import Run
from .test_journal import query


def test_calls_and_jobs(run: Run, sim: Simulator) -> None:
    answer = query(sim)
    call = answer.headers["x-bqsim-explain"]
    assert run("explain", call) == run("explain", f"#{call}") == (0, sim.explain(call) + "\n", "")
    assert "from RUNNING to DONE" in run("explain", answer.json()["jobReference"]["jobId"])[1]
    code, _, err = run("explain", "nothing")
    assert code == 1 and "the journal knows no job 'nothing'" in err
