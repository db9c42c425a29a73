from __future__ import annotations

from bqsim.simulator import Simulator

from .conftest import Run


def test_the_clock(run: Run, sim: Simulator) -> None:
    assert run("clock", "freeze")[1].endswith("Z  it stands\n")
    before = sim.clock.now_us()
    run("clock", "advance", "90m")
    assert sim.clock.now_us() - before >= 5_400_000_000
    assert run("clock", "scale", "60")[1].endswith("Z  it runs 60 times as fast\n")
    assert run("clock", "resume")[1].endswith("Z  it runs as the wall's\n")
    assert run("clock", "show")[0] == 0
    assert "time does not go back" in run("clock", "set", "2020-01-01")[2]
    assert run("clock", "advance", "soon")[0] == 1
