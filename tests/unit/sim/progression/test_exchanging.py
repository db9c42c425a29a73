from __future__ import annotations

from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.progression.providing import SlotControl
from bqsim.sim.scenario.capacity import Capacity, Reservation

FIRST, SECOND, THIRD = (Capacity({"etl": Reservation(slots)}) for slots in (100, 200, 300))


def test_a_capacity_takes_the_place_of_one_that_is_in_force_still() -> None:
    control = SlotControl(SimulationClock(rate=0), Draws(1))
    assert not control.exchange(FIRST, SECOND)
    assert control.remembered is None
    control.provide(FIRST)
    since_us = control.since_us
    assert control.exchange(FIRST, SECOND)
    assert not control.exchange(FIRST, THIRD)
    assert (control.capacity, control.given, control.since_us) == (SECOND, FIRST, since_us)
    control.provide(THIRD)
    assert (control.capacity, control.given) == (THIRD, THIRD)
    control.provide(None)
    memory = control.remembered
    assert memory is not None
    assert [era.capacity for era in memory.eras] == [FIRST, SECOND, THIRD, None]
