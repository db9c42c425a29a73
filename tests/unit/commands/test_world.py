from __future__ import annotations

from bqsim.simulator import Simulator

from .conftest import Run


def test_worlds(run: Run, sim: Simulator) -> None:
    assert run("world", "snapshot", "a") == (0, "a\n", "")
    with sim.client() as client:
        client.create_dataset("d")
        assert run("world", "list") == (0, "a\n", "")
        assert run("world", "restore", "a") == (0, "restored a: 1 resource had changed\n", "")
        assert list(client.list_datasets()) == []
        client.create_dataset("d")
        client.query_and_wait("CREATE TABLE d.t AS SELECT 1 AS n")
        assert run("world", "fork", "p", "copied") == (0, "copied 1 table of p into copied\n", "")
        client.delete_dataset("d", delete_contents=True)
    assert run("world", "delete", "a")[0] == 0
    assert "Not found: Snapshot a" in run("world", "restore", "a")[2]
    fresh = run("world", "snapshot")[1].strip()
    run("world", "delete", fresh)
    sim.faults.add("blocked")
    assert run("world", "reset") == (0, "", "") and len(sim.faults) == 0
