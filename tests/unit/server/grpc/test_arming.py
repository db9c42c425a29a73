from __future__ import annotations

from typing import Any

import pytest

from bqsim.server.grpc.arming import keep_armed
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.scenario.model import Error, Match, Network, Rule
from bqsim.sim.simulation import Simulation

READS = Match(method=("*.BigQueryRead.*",))


class Server:
    def __init__(self) -> None:
        self.armed = False

    def arm(self) -> None:
        self.armed = True

    def disarm(self) -> None:
        self.armed = False


@pytest.mark.parametrize(
    ("rule", "armed"),
    [
        (Rule("r", Network("goaway")), True),
        (Rule("r", Network("reset"), READS), True),
        (Rule("r", Network("reset"), Match(transport=("rest",))), False),
        (Rule("r", Network("reset"), Match(method=("bigquery.jobs.*",))), False),
        (Rule("r", Error("backendError"), READS), False),
    ],
    ids=["all", "reads", "rest", "jobs", "no connection"],
)
def test_servers_are_armed_while_a_rule_may_break_their_connections(rule: Rule, armed: bool) -> None:
    simulation = Simulation(SimulationClock(), Draws(1))
    server: Any = Server()
    let_go = keep_armed(server, simulation)
    simulation.add([rule])
    assert server.armed is armed
    simulation.remove(["r"])
    assert not server.armed
    let_go()
    simulation.add([rule])
    assert not server.armed
