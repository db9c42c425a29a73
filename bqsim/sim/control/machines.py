"""State machines by name, as tests see and move them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bqsim.sim.scenario.spelling import unknown
from bqsim.sim.simulation import Simulation

from .given import owned


class Machines(Mapping[str, str]):
    """``sim.machines["region"]``: the state that it is in; assigning moves it, or makes a new machine."""

    def __init__(self, simulation: Simulation, scope: str = "") -> None:
        self._simulation = simulation
        self._scope = scope

    def __getitem__(self, name: str) -> str:
        found = self._all()
        if name not in found:
            raise KeyError(unknown("machine", name, tuple(found)) if found else f"no machine '{name}'")
        return found[name]

    def __setitem__(self, name: str, state: str) -> None:
        self._simulation.rules.set_machine(owned(name, self._scope), state)
        self._simulation.control("machines.set", details={"machine": name, "state": state})

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"Machines({self._all()})"

    def _all(self) -> dict[str, str]:
        found = self._simulation.rules.machines
        if not self._scope:
            return found
        end = f"@{self._scope}"
        return {name.removesuffix(end): state for name, state in found.items() if name.endswith(end)}
