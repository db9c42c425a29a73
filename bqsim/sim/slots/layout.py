"""From described capacity to the state of a world: places, pools, projects within places."""

from __future__ import annotations

import numpy as np

from bqsim.sim.scenario.capacity import Capacity, Commitment, Reservation

from .arrays import NONE, Table
from .jobs import Place
from .routing import SHARED_POOL

# Standard autoscaling keeps scaled slots for a minute, fluid scaling for a second.
WINDOW_MS, FLUID_WINDOW_MS = 60_000.0, 1_000.0
UNBOUNDED = 2**62
# Slots of loads and extracts without a reservation: nothing is published, and nothing is charged.
_SHARED_SLOTS = 1e12


# Edition, location and admin project.
Pool = tuple[str, str, str]


def pool_of(one: Place | Commitment | Reservation) -> Pool:
    """What has the same of these shares idle slots and commitments."""
    return (one.edition, one.location.upper(), one.admin_project)


def slots_in(capacity: Capacity, pool: Pool) -> tuple[float, float]:
    """Committed slots and baselines of a pool."""
    committed = sum(one.slots for one in capacity.commitments if pool_of(one) == pool)
    baselines = sum(one.slot_capacity for one in capacity.reservations.values() if pool_of(one) == pool)
    return float(committed), float(baselines)


class Layout:
    """Fills the arrays of places, pools and tenants, which must have room."""

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self._pools: dict[object, int] = {}
        self._groups: dict[str, int] = {}

    def add_place(self, number: int, place: Place, p: Table, g: Table, now: float) -> None:
        """A place that has nothing yet."""
        p.first[number] = p.mate[number] = p.group[number] = p.pool[number] = NONE
        p.after[number] = p.before[number] = NONE
        p.burst_until[number] = p.next[number] = np.inf
        p.conc[number] = p.batch_conc[number] = UNBOUNDED
        p.most[number] = np.inf
        p.window[number] = FLUID_WINDOW_MS if place.fluid else WINDOW_MS
        p.raised[number], p.last[number] = -np.inf, now
        reservation = self.capacity.reservations.get(place.name) if place.edition else None
        if reservation is not None:
            self._add_reservation(number, place, reservation, p, g)
        elif place.name == SHARED_POOL:
            p.baseline[number] = _SHARED_SLOTS
        else:
            self._add_on_demand(number, p, g)

    def add_tenant(self, number: int, place: int, project: str, name: str, t: Table) -> None:
        """A project within a place."""
        reservation = self.capacity.reservations.get(name)
        cap = reservation.projects.get(project) if reservation is not None else None
        t.place[number] = place
        t.next[number] = t.prev[number] = NONE
        t.cap[number] = cap.max_slots if cap is not None and cap.max_slots is not None else np.inf
        t.conc[number] = cap.concurrency if cap is not None and cap.concurrency is not None else UNBOUNDED

    def _add_reservation(self, number: int, place: Place, one: Reservation, p: Table, g: Table) -> None:
        mode = one.scaling_mode if one.max_slots is not None else None
        key = pool_of(place)
        committed, baselines = slots_in(self.capacity, key)
        idle = max(0.0, committed - baselines)
        p.baseline[number] = one.slot_capacity
        p.borrows[number] = (
            one.edition != "STANDARD" and not one.ignore_idle_slots and mode != "AUTOSCALE_ONLY"
        )
        if mode is None:
            p.scale_to[number] = one.autoscale_max_slots
        else:
            assert one.max_slots is not None
            p.most[number] = one.max_slots
            room = max(0, one.max_slots - one.slot_capacity)
            p.scale_to[number] = {"AUTOSCALE_ONLY": room, "IDLE_SLOTS_ONLY": 0, "ALL_SLOTS": -1}[mode]
        own = one.slot_capacity + (
            p.most[number] - one.slot_capacity if p.scale_to[number] < 0 else p.scale_to[number]
        )
        self._limit(number, one.target_job_concurrency, own or min(idle + baselines, p.most[number]), p)
        self._join(number, key, idle, p, g)
        if one.reservation_group:
            group = self._groups.setdefault(f"{key}{one.reservation_group}", len(self._groups))
            p.group[number] = group
            g.grouped[p.pool[number]] = 1

    def _add_on_demand(self, number: int, p: Table, g: Table) -> None:
        setup = self.capacity.on_demand
        p.borrows[number] = 1
        p.most[number] = setup.project_slots
        p.burst[number] = setup.burst_slots
        p.burst_ms[number], p.burst_every[number] = setup.burst_s * 1000.0, setup.burst_every_s * 1000.0
        self._limit(number, 0, float(setup.project_slots), p)
        self._join(number, "on demand", float(setup.organization_slots), p, g)

    def _limit(self, number: int, target: int, slots: float, p: Table) -> None:
        automatic = slots / self.capacity.slots_per_query
        p.conc[number] = target or max(1, int(min(automatic, UNBOUNDED)))
        p.batch_conc[number] = max(1, int(p.conc[number] * self.capacity.batch_share))

    def _join(self, number: int, key: object, supply: float, p: Table, g: Table) -> None:
        if key not in self._pools:
            pool = self._pools[key] = len(self._pools)
            g.first[pool] = g.wanting[pool] = NONE
            g.supply[pool] = supply
            g.ample[pool] = 1
            g.by_place[pool] = key == "on demand" or self.capacity.fairness == "reservation"
        pool = self._pools[key]
        p.pool[number] = pool
        p.weight[number] = g.by_place[pool]
        p.mate[number] = g.first[pool]
        g.first[pool] = number
        p.idle[number] = p.baseline[number]
        g.idle[pool] += p.idle[number]
