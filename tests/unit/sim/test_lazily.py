from __future__ import annotations

import subprocess
import sys

import pytest

import bqsim.sim.iam
import bqsim.sim.latency


@pytest.mark.parametrize("package", [bqsim.sim.iam, bqsim.sim.latency], ids=["iam", "latency"])
def test_every_name_of_a_package_is_there(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert names
    for name in names:
        assert getattr(package, name) is not None


def test_a_name_that_is_not_there_is_told() -> None:
    with pytest.raises(AttributeError, match=r"'bqsim\.sim\.latency' has no attribute 'Nothing'"):
        _ = bqsim.sim.latency.Nothing


def test_a_server_that_simulates_nothing_draws_no_latencies() -> None:
    program = "import sys, bqsim.sim.simulation; print('bqsim.sim.latency.distributions' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
