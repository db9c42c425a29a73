"""Snapshots of the whole world: data, jobs, and how far the simulation is."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.sim.rules.book import BookState
from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.scenario.model import JobPlan, LatencySetup, Scenario, SlotWork

from .loading import configure

if TYPE_CHECKING:
    from .parts import Parts


class Service(Protocol):
    """What holds worlds; it belongs to an event loop."""

    def register(self, name: str, part: Any) -> None: ...

    def list(self) -> Sequence[Any]: ...

    def snapshot(self, name: str | None = None) -> Coroutine[Any, Any, str]: ...

    def restore(self, id: str) -> Coroutine[Any, Any, int]: ...

    def delete(self, id: str) -> Coroutine[Any, Any, None]: ...

    def fork(self, project: str, into: str) -> Coroutine[Any, Any, int]: ...


@dataclass(frozen=True, slots=True)
class State:
    """Rules with their counters, machines, latencies, plans, capacity, and how often each request came."""

    scenario: Scenario | None
    loaded_us: int
    rules: BookState
    latencies: Mapping[str, LatencySetup]
    plans: Mapping[str, tuple[JobPlan, ...]]
    requests: Mapping[str, int]
    capacity: Capacity | None = None
    slot_work: tuple[SlotWork, ...] = ()
    # What the capacity was before statements changed it.
    given: Capacity | None = None


class Rules:
    """The part of a world that is the simulation's. The journal and the clock go on."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def snapshot(self) -> State:
        parts, simulation = self._parts, self._parts.simulation
        return State(
            simulation.scenario,
            simulation.loaded_us,
            simulation.rules.snapshot(),
            dict(parts.latencies),
            dict(parts.plans),
            simulation.recorder.counts(),
            parts.jobs.capacity if parts.jobs is not None else None,
            parts.jobs.slot_work if parts.jobs is not None else (),
            parts.jobs.given if parts.jobs is not None else None,
        )

    def restore(self, state: State) -> None:
        parts, simulation = self._parts, self._parts.simulation
        simulation.scenario = state.scenario
        simulation.loaded_us = state.loaded_us
        simulation.rules.restore(state.rules)
        parts.latencies, parts.plans = dict(state.latencies), dict(state.plans)
        simulation.recorder.restore(state.requests)
        # Who follows the scenario is told first; plans of scopes come on top.
        simulation.changed()
        configure(parts)
        jobs = parts.jobs
        if jobs is not None and (jobs.capacity, jobs.slot_work) != (state.capacity, state.slot_work):
            jobs.provide(state.capacity, state.slot_work)
        if jobs is not None:
            jobs.given = state.given


class Worlds:
    """``sim.worlds``: snapshots by id, and copies of projects."""

    def __init__(self, parts: Parts, source: str = "python") -> None:
        self._parts = parts
        self._source = source

    @property
    def _service(self) -> Service:
        found: Service = self._parts.worlds
        return found

    def list(self) -> list[str]:
        """The ids of the snapshots, oldest first."""
        return [one.id for one in self._service.list()]

    def snapshot(self, name: str | None = None) -> str:
        """Take a snapshot of data, jobs and rules; its id. ``BigQueryError`` for a name in use."""
        found = self._parts.run(self._service.snapshot(name))
        self._tell("world.snapshot", id=found)
        return found

    def restore(self, id: str) -> int:
        """Make the world that of a snapshot; how many resources had changed. Running jobs are stopped."""
        changed = self._parts.run(self._service.restore(id))
        self._tell("world.restore", id=id, changed=changed)
        return changed

    def delete(self, id: str) -> None:
        """Forget a snapshot."""
        self._parts.run(self._service.delete(id))

    def fork(self, project: str, into: str) -> int:
        """Copy a project under another id; how many tables."""
        copied = self._parts.run(self._service.fork(project, into))
        self._tell("world.fork", project=project, into=into)
        return copied

    def _tell(self, action: str, **details: Any) -> None:
        self._parts.simulation.control(action, source=self._source, details=details)
