"""What slots cost: the interface by which a model of capacity tells it, and the simplest one.

A query's slot time is not what is paid for: reservations scale in steps and stay up for a while, and baseline
slots are paid whether they are used or not. A model of that is given as :class:`Capacity`; without one the
slot time itself is charged, which is the least that it can cost when nothing is idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .units import SLOT_TIME


@dataclass(frozen=True, slots=True)
class Demand:
    """What a query asks of a reservation in a month: ``runs`` of ``slot_ms`` each, over ``duration_ms``.
    ``starts_us`` are known times of runs, epoch microseconds, when there is a history. ``bytes_billed`` of a
    run are paid where ``project`` has no reservation."""

    query: str
    runs: float
    slot_ms: float
    duration_ms: float = 0.0
    starts_us: tuple[int, ...] = ()
    project: str = ""
    bytes_billed: float = 0.0


@dataclass(frozen=True, slots=True)
class Slots:
    """Slot-hours of one price."""

    hours: float
    edition: str
    commitment: str = "none"


@dataclass(frozen=True, slots=True)
class Allocation:
    """Slot-hours that are paid for in a month; ``basis`` says how they were found. ``parts`` are they by
    price, where reservations say their editions; ``on_demand_bytes`` are billed to projects without one."""

    slot_hours: float
    basis: str
    parts: tuple[Slots, ...] = ()
    on_demand_bytes: float = 0.0


class Capacity(Protocol):
    """A model of reservations: what a month of a whole workload is allocated."""

    def allocated(self, demands: Sequence[Demand]) -> Allocation:
        """The slot-hours of all these together. The marginal cost of a change is the difference between the
        workload with it and without it."""
        ...


@runtime_checkable
class Told(Protocol):
    """A model that says in a few words what it is of."""

    @property
    def told(self) -> str: ...


class UsedSlots:
    """Slot time as it was used: no steps, no idle slots."""

    def allocated(self, demands: Sequence[Demand]) -> Allocation:
        used = sum(d.runs * d.slot_ms for d in demands) / SLOT_TIME["slot-h"]
        return Allocation(used, "slot time used; steps of scaling and idle slots are not counted")
