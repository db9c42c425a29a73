from __future__ import annotations

import pytest
import requests

import bqsim
from bqsim.errors import BigQueryError
from bqsim.simulator import Simulator


def test_ports_of_a_scope() -> None:
    with bqsim.start(project="p") as sim:
        with sim.listen("mine") as port:
            port.faults.add("blocked")
            assert port.grpc_target.endswith(str(port.grpc_port)) and port.client().project == "p"
            assert requests.get(f"{port.url}/bigquery/v2/projects/p/datasets", timeout=30).status_code == 403
            assert requests.get(f"{sim.url}/bigquery/v2/projects/p/datasets", timeout=30).status_code == 200
            with pytest.raises(BigQueryError, match="Already Exists: Scope mine"):
                sim.listen("mine")
        port.close()
        assert len(sim.faults) == 0
        with pytest.raises(OSError):
            sim.listen("other", port=sim.port)
        assert sim.core is not None and sim.core.listeners.list() == ()
        # Ports that are left open are closed with the simulator.
        left = sim.listen("left")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{left.url}/bqsim/v1/health", timeout=30)


def test_there_are_no_ports_without_a_simulator() -> None:
    with pytest.raises(RuntimeError, match="does not run"):
        Simulator().listen("x")
