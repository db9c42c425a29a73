from __future__ import annotations

from bqsim.simulator import Simulator

from .conftest import Run


def test_jobs_are_moved(run: Run, sim: Simulator) -> None:
    assert run("job", "list") == (0, "no job waits\n", "")
    sim.jobs.plan("manual")
    with sim.client() as client:
        one, two = client.query("SELECT 1"), client.query("SELECT 2")
        lines = run("job", "list")[1].splitlines()
        assert lines[0].split() == ["JOB", "STATE", "WAITS"] and lines[1].startswith(
            f"p:{one.job_id}  PENDING"
        )
        assert run("job", "step", one.job_id) == (0, f"{one.job_id} is RUNNING\n", "")
        assert run("job", "release", one.job_id, "--project", "p")[1] == f"{one.job_id} is DONE\n"
        assert run("job", "finish", two.job_id, "--reason", "blocked", "--message", "told")[0] == 0
        two.reload()
        assert two.error_result["message"] == "told"
    assert "no job 'none' waits" in run("job", "step", "none")[2]
