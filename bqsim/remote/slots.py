"""Slots over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.server.known import known
from bqsim.sim.control.loading import scenario_of
from bqsim.sim.control.slots import capacity_of, lacking, rules_of
from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.load import record_from_tree
from bqsim.sim.scenario.model import Scenario, SlotWork
from bqsim.sim.scenario.tree import from_object

from .wire import Wire

if TYPE_CHECKING:
    from bqsim.sim.slots.world import PlaceNow


class RemoteSlots:
    """``sim.capacity`` over HTTP."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @property
    def described(self) -> Capacity | None:
        """What is in force; None: jobs run as fast as they can."""
        found = self._wire.get("capacity").get("capacity")
        return None if found is None else _read(Capacity, found, "capacity")

    @property
    def work(self) -> tuple[SlotWork, ...]:
        """The rules by which jobs have work."""
        found = self._wire.get("capacity").get("slotWork", ())
        return tuple(_read(SlotWork, one, "slot_work") for one in found)

    def use(self, capacity: Any, work: Any = None) -> Capacity:
        """As :meth:`bqsim.sim.control.slots.SlotCapacity.use`."""
        found = capacity_of(capacity)
        self._put(found, self.work if work is None else rules_of(work))
        return found

    def load(self, scenario: Scenario | Mapping[str, Any] | Path | str) -> Capacity:
        """As :meth:`bqsim.sim.control.slots.SlotCapacity.load`."""
        found = scenario_of(scenario, known())
        if found.capacity is None:
            raise lacking(found)
        self._put(found.capacity, found.slot_work)
        return found.capacity

    def off(self) -> None:
        """Let jobs run as fast as they can; those that wait for slots go on."""
        self._wire.call("DELETE", "capacity")

    def places(self) -> list[PlaceNow]:
        """What each reservation does now, and each project on demand that had jobs."""
        from bqsim.sim.slots.world import PlaceNow

        return [
            PlaceNow(one["name"], **one["slots"], **one["jobs"])
            for one in self._wire.get("capacity")["places"]
        ]

    def _put(self, capacity: Capacity, work: tuple[SlotWork, ...]) -> None:
        body = {"capacity": to_dict(capacity), "slot_work": [to_dict(rule) for rule in work]}
        self._wire.call("PUT", "capacity", body)


def _read(kind: Any, given: Any, called: str) -> Any:
    return record_from_tree(kind, from_object(given, called), known())
