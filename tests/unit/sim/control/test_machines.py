from __future__ import annotations

import pytest

from bqsim.sim.control.control import Scope


def test_machines_are_seen_and_moved(sim: Scope) -> None:
    assert not sim.machines and len(sim.machines) == 0
    with pytest.raises(KeyError, match="no machine 'region'"):
        _ = sim.machines["region"]
    sim.machines["region"] = "up"
    assert dict(sim.machines) == {"region": "up"} and "region" in sim.machines
    with pytest.raises(KeyError, match="unknown machine 'regoin'; did you mean 'region'"):
        _ = sim.machines["regoin"]
    assert repr(sim.machines) == "Machines({'region': 'up'})"
    assert sim.journal.controls()[0].details == {"machine": "region", "state": "up"}


def test_scopes_have_machines_of_their_own(sim: Scope) -> None:
    sim.machines["region"] = "up"
    sim.scope("a").machines["region"] = "down"
    assert sim.scope("a").machines["region"] == "down" and dict(sim.scope("b").machines) == {}
    assert dict(sim.machines) == {"region": "up", "region@a": "down"}
