"""Slots for jobs: a capacity put in force and taken away, and what it does now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.scenario.model import SlotWork

from .control import JobControl
from .life import Life
from .view import JobView

if TYPE_CHECKING:
    from bqsim.sim.scenario.capacity import Capacity
    from bqsim.sim.slots.held import JobSlots
    from bqsim.sim.slots.remembered import SlotMemory
    from bqsim.sim.slots.world import PlaceNow


class SlotControl(JobControl):
    """The slots of jobs; without a capacity there are none, and nothing of them is loaded.

    ``home`` is the service's own project: that of reservations which name none. ``since_us`` is when the
    capacity came into force, and ``given`` what it was then, before statements changed it.
    """

    home = "project"

    def __init__(self, clock: SimulationClock, draws: Draws) -> None:
        super().__init__(clock)
        self.draws = draws
        self._slots: JobSlots | None = None
        self.since_us = 0
        self.given: Capacity | None = None
        self._memory: SlotMemory | None = None

    def provide(self, capacity: Capacity | None, work: Iterable[SlotWork] = ()) -> None:
        """Let jobs wait for slots of ``capacity`` and run by them, with the work that the rules ``work`` give
        them; None: no job does, and those that run keep what they have."""
        slots = self._slots
        if slots is None:
            if capacity is None:
                return
            # What computes slots is loaded when somebody describes them.
            from bqsim.sim.slots.held import JobSlots
            from bqsim.sim.slots.remembered import SlotMemory

            self._memory = self._memory or SlotMemory()
            slots = JobSlots(self.clock, self.draws, self.home, self._memory)
        rules = tuple(work)
        world = slots.made(capacity) if capacity is not None else None

        def put() -> None:
            if capacity != slots.capacity:
                self.since_us = self.clock.now_us()
            self.given = capacity
            slots.provide(world, rules)
            self._slots = None if slots.over else slots
            self.changed()

        self._ask(put)

    def exchange(self, former: Capacity, capacity: Capacity) -> bool:
        """Put a changed capacity in the place of ``former``, as :meth:`provide` does; False when that is in
        force no more. From any thread but that of the jobs."""
        slots = self._slots
        if slots is None or slots.capacity is not former:
            return False
        world = slots.made(capacity)

        def put() -> bool:
            if slots.capacity is not former or slots is not self._slots:
                return False
            slots.provide(world, slots.rules)
            self.changed()
            return True

        return self._ask(put)

    @property
    def capacity(self) -> Capacity | None:
        """The capacity in force."""
        return self._slots.capacity if self._slots is not None else None

    @property
    def slot_work(self) -> tuple[SlotWork, ...]:
        """The rules by which jobs have work, as long as there is a capacity."""
        return self._slots.rules if self._slots is not None else ()

    def reserved(self, job: JobView) -> bool:
        """Whether a job has, or would have, slots of a reservation."""
        slots = self._slots
        return slots is not None and slots.reserved(job)

    def places(self) -> list[PlaceNow]:
        """What each reservation, and each project on demand, does now."""
        slots = self._slots
        return self._ask(slots.places) if slots is not None else []

    @property
    def remembered(self) -> SlotMemory | None:
        """What reservations had up to now; None when there was no capacity ever."""
        self.places()
        return self._memory

    def changed(self) -> None:
        """What is in force has changed."""

    def _gone(self, job: JobView, life: Life) -> None:
        """A job is DONE."""
        slots = self._slots
        if slots is not None:
            slots.gone(job, life)
            if slots.over:
                self._slots = None
                self.changed()
