from __future__ import annotations

from typing import Any

import pytest

from bqsim.sim.control.control import Scope
from bqsim.sim.scenario.capacity import Capacity, Reservation
from bqsim.sim.scenario.model import SlotWork
from bqsim.sim.scenario.tree import ScenarioError


class Jobs:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.capacity: Capacity | None = None
        self.slot_work: tuple[SlotWork, ...] = ()

    def provide(self, capacity: Capacity | None, work: Any = ()) -> None:
        self.capacity, self.slot_work = capacity, tuple(work)

    def configure(self, **given: Any) -> None:
        pass

    def places(self) -> list[Any]:
        return ["a place"]


@pytest.fixture
def jobs(sim: Scope) -> Jobs:
    made = sim.parts.jobs = Jobs()
    return made


def test_a_capacity_in_force(sim: Scope, jobs: Jobs) -> None:
    assert sim.capacity.described is None
    sim.capacity.use("reservations: {etl: {slot_capacity: 100}}", "[{slot_time: 3s}]")
    assert jobs.capacity == Capacity({"etl": Reservation(100)}) and len(sim.capacity.work) == 1
    sim.capacity.use({"reservations": {"bi": {"slot_capacity": 50}}})
    assert sim.capacity.described == Capacity({"bi": Reservation(50)}) and len(jobs.slot_work) == 1
    sim.capacity.use(Capacity(), [{"slot_time": "1s"}, *jobs.slot_work])
    assert len(jobs.slot_work) == 2
    assert sim.capacity.places() == ["a place"]
    sim.capacity.off()
    assert jobs.capacity is None
    assert [event.action for event in sim.journal.controls()] == [*["capacity.use"] * 3, "capacity.off"]


def test_the_capacity_of_a_scenario(sim: Scope, jobs: Jobs) -> None:
    text = "capacity: {on_demand: {project_slots: 500}}\nslot_work:\n- {slot_time: 2s}\nrules: []"
    assert sim.capacity.load(text).on_demand.project_slots == 500
    assert len(jobs.slot_work) == 1 and sim.scenario is None
    with pytest.raises(ScenarioError, match="the scenario has no 'capacity'"):
        sim.capacity.load("rules: []")


def test_what_is_refused(sim: Scope, jobs: Jobs) -> None:
    with pytest.raises(ScenarioError, match=r"capacity:1:22: .*slot_capacty.*did you mean 'slot_capacity'"):
        sim.capacity.use("reservations: {etl: {slot_capacty: 100}}")
    with pytest.raises(ScenarioError, match="slot_tme"):
        sim.capacity.use("{}", [{"slot_tme": "1s"}])
    with pytest.raises(ScenarioError, match="multiples of 50"):
        sim.capacity.use("reservations: {etl: {autoscale_max_slots: 30}}")
    assert jobs.capacity is None
