"""Slots as tests control them: which capacity jobs share, and what its places do now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.scenario.load import record_from_tree
from bqsim.sim.scenario.model import Scenario, SlotWork
from bqsim.sim.scenario.tree import Place, Problem, ScenarioError, from_object, from_yaml

from .given import plain
from .loading import scenario_of
from .parts import Parts

if TYPE_CHECKING:
    from bqsim.sim.jobs import JobSimulation
    from bqsim.sim.slots.world import PlaceNow

CAPACITY, WORK = "capacity", "slot_work"


class SlotCapacity:
    """``sim.capacity``: the reservations, queues and on-demand slots that all jobs share; none at first."""

    def __init__(self, parts: Parts, source: str = "python") -> None:
        self._parts = parts
        self._source = source

    @property
    def _jobs(self) -> JobSimulation:
        jobs: JobSimulation = self._parts.jobs
        return jobs

    @property
    def described(self) -> Capacity | None:
        """What is in force; None: jobs run as fast as they can."""
        return self._jobs.capacity

    @property
    def work(self) -> tuple[SlotWork, ...]:
        """The rules by which jobs have work."""
        return self._jobs.slot_work

    def use(self, capacity: Any, work: Any = None) -> Capacity:
        """Let jobs wait for the slots of a capacity and run by them; so do those that run already.

        ``capacity`` is a ``Capacity``, a mapping or YAML text as scenarios have it under that key, ``work``
        what they have under ``slot_work`` (None: the rules that there are). Raises ``ScenarioError``.

        >>> sim.capacity.use("reservations: {etl: {slot_capacity: 100}}")        # doctest: +SKIP
        """
        found = capacity_of(capacity)
        rules = self.work if work is None else rules_of(work)
        self._jobs.provide(found, rules)
        details = {"reservations": len(found.reservations), "slot_work": len(rules)}
        self._parts.simulation.control("capacity.use", source=self._source, details=details)
        return found

    def load(self, scenario: Scenario | Mapping[str, Any] | Path | str) -> Capacity:
        """Put the capacity of a scenario in force, with its rules of work and nothing else of it."""
        found = scenario_of(scenario, self._parts.known())
        if found.capacity is None:
            raise lacking(found)
        return self.use(found.capacity, found.slot_work)

    def off(self) -> None:
        """Let jobs run as fast as they can; those that wait for slots go on."""
        self._jobs.provide(None)
        self._parts.simulation.control("capacity.off", source=self._source)

    def places(self) -> list[PlaceNow]:
        """What each reservation does now, and each project on demand that had jobs: slots asked for, used,
        borrowed and scaled, jobs that run and that wait."""
        return self._jobs.places()


def capacity_of(given: Any) -> Capacity:
    """A capacity that is given as ``SlotCapacity.use`` takes it."""
    found: Capacity = given if isinstance(given, Capacity) else _read(Capacity, given, CAPACITY)
    return found


def rules_of(given: Any) -> tuple[SlotWork, ...]:
    """Rules of work that are given as ``SlotCapacity.use`` takes them."""
    if isinstance(given, str):
        whole: Scenario = _read(Scenario, f"{WORK}:\n{given}" if "\n" in given else f"{WORK}: {given}", WORK)
        return whole.slot_work
    return tuple(one if isinstance(one, SlotWork) else _read(SlotWork, one, WORK) for one in given)


def lacking(scenario: Scenario) -> ScenarioError:
    """What is said of a scenario that has no capacity."""
    return ScenarioError([Problem(Place(scenario.name), f"the scenario has no '{CAPACITY}'")])


def _read(kind: Any, given: Any, called: str) -> Any:
    tree = from_yaml(given, called) if isinstance(given, str) else from_object(plain(given), called)
    return record_from_tree(kind, tree)
