from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bqsim
from bqsim.remote import RemoteSimulator
from bqsim.sim.scenario.capacity import Assignment, Capacity, Reservation
from bqsim.sim.scenario.tree import ScenarioError
from bqsim.simulator import Simulator

ETL = "{reservations: {etl: {slot_capacity: 100}}, assignments: [{reservation: etl}]}"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with bqsim.start(seed=1, project="p") as running:
        yield running


@pytest.fixture
def remote(simulator: Simulator) -> Iterator[RemoteSimulator]:
    yield RemoteSimulator(simulator.url, "p")
    simulator.reset()


def test_a_capacity_in_force_and_out_of_it(simulator: Simulator, remote: RemoteSimulator) -> None:
    slots = remote.capacity
    assert (slots.described, slots.work, slots.places()) == (None, (), [])
    found = slots.use(ETL, "[{slot_time: 1h, units: 40}]")
    assert found == slots.described == simulator.capacity.described
    assert slots.work == simulator.capacity.work and slots.work[0].units == 40
    assert slots.places() == simulator.capacity.places()
    slots.off()
    assert slots.described is None and simulator.capacity.described is None


def test_rules_of_work_stay(simulator: Simulator, remote: RemoteSimulator) -> None:
    remote.capacity.use(ETL, "- {slot_time: 1h}\n- {slot_time: 2h}")
    other = Capacity({"bi": Reservation(50)}, assignments=(Assignment("bi"),))
    assert remote.capacity.use(other) == other
    assert [rule.slot_time for rule in remote.capacity.work] == [
        rule.slot_time for rule in simulator.capacity.work
    ]
    assert len(simulator.capacity.work) == 2
    remote.capacity.use(other, [])
    assert not simulator.capacity.work


def test_what_places_do(simulator: Simulator, remote: RemoteSimulator) -> None:
    simulator.clock.freeze()
    etl = {"reservations": {"etl": {"slot_capacity": 100}}, "assignments": [{"reservation": "etl"}]}
    remote.capacity.use(etl, [{"slot_time": "1h", "units": 40}])
    client = remote.client()
    job = client.query("SELECT 1")
    seen = [remote.capacity.places()[0]]
    while not seen[-1].running and len(seen) < 10_000:
        seen.append(remote.capacity.places()[0])
    place = seen[-1]
    assert (place.name, place.used, place.queued) == ("etl", 40.0, 0)
    client.cancel_job(job.job_id)
    client.close()


def test_scenarios(simulator: Simulator, remote: RemoteSimulator, tmp_path: Path) -> None:
    file = tmp_path / "busy.yaml"
    file.write_text(f"capacity: {ETL}\nslot_work: [{{slot_time: 1s}}]\n")
    assert remote.capacity.load(file) == simulator.capacity.described
    assert len(simulator.capacity.work) == 1
    wrong: tuple[Any, ...] = ({"rules": []}, "rules: []")
    for scenario in wrong:
        with pytest.raises(ScenarioError, match="the scenario has no 'capacity'"):
            remote.capacity.load(scenario)
    with pytest.raises(ScenarioError, match="etl"):
        remote.capacity.use("{assignments: [{reservation: etl}]}")
    assert simulator.capacity.described is not None
