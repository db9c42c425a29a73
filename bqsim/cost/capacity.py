"""What slots cost: the interface by which a model of capacity tells it, and the simplest one.

A query's slot time is not what is paid for: reservations scale in steps and stay up for a while, and baseline
slots are paid whether they are used or not. A model of that is given as :class:`Capacity`; without one the
slot time itself is charged, which is the least that it can cost when nothing is idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .units import SLOT_TIME


@dataclass(frozen=True, slots=True)
class Demand:
    """What a query asks of a reservation in a month: ``runs`` of ``slot_ms`` each, over ``duration_ms``.
    ``starts_us`` are known times of runs, epoch microseconds, when there is a history."""

    query: str
    runs: float
    slot_ms: float
    duration_ms: float = 0.0
    starts_us: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Allocation:
    """Slot-hours that are paid for in a month; ``basis`` says how they were found."""

    slot_hours: float
    basis: str


class Capacity(Protocol):
    """A model of reservations: what a month of a whole workload is allocated."""

    def allocated(self, demands: Sequence[Demand]) -> Allocation:
        """The slot-hours of all these together. The marginal cost of a change is the difference between the
        workload with it and without it."""
        ...


class UsedSlots:
    """Slot time as it was used: no steps, no idle slots."""

    def allocated(self, demands: Sequence[Demand]) -> Allocation:
        used = sum(d.runs * d.slot_ms for d in demands) / SLOT_TIME["slot-h"]
        return Allocation(used, "slot time used; steps of scaling and idle slots are not counted")
