from __future__ import annotations

import subprocess
import sys

import pytest

from bqsim.sim.control.control import Scope
from bqsim.sim.control.parts import Parts


def test_scopes_need_a_name(sim: Scope) -> None:
    assert sim.scope(project="p").scope_name == sim.scope("p").scope_name == "p"
    assert repr(sim.scope("p")) == "Scope('p')"
    with pytest.raises(ValueError, match="a scope has a name"):
        sim.scope()


def test_parts_that_are_not_there(sim: Scope) -> None:
    for name in ("limits", "iam"):
        with pytest.raises(RuntimeError, match="no such part"):
            getattr(sim, name)


def test_draws_begin_anew_with_a_seed(sim: Scope, parts: Parts) -> None:
    sim.reseed(5)
    first = parts.simulation.draws.uniform("x")
    sim.reseed(5)
    assert (sim.seed, parts.simulation.draws.uniform("x")) == (5, first)
    assert parts.simulation.repeatable


def test_scopes_are_forgotten(sim: Scope, parts: Parts) -> None:
    scope = sim.scope("a")
    scope.verify("*", times=0)
    scope.latency.set("1s")
    parts.forget("a")
    assert not parts.views and not parts.verifications and not parts.latencies


def test_importing_a_simulator_imports_little() -> None:
    code = "import sys, bqsim.simulator; print('yaml' in sys.modules, 'bqsim.sim.simulation' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
