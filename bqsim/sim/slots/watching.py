"""Looks at a world after each of its events, and remembers what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .remembered import ALL_LEVEL_STEPS, LEVEL_STEPS, Run, SlotMemory, Steps, share_of

if TYPE_CHECKING:
    from .live import Ticket
    from .world import World


class Columns:
    """The columns of a table that grows, by name: a record array takes long to find one."""

    __slots__ = ("_columns", "_table")

    def __init__(self) -> None:
        self._table: Any = None
        self._columns: dict[str, Any] = {}

    def of(self, table: Any) -> Mapping[str, Any]:
        """Those of ``table``, which is another one when it has grown."""
        if table is not self._table:
            plain = table.view(np.ndarray)
            self._table, self._columns = table, {name: plain[name] for name in table.dtype.names}
        return self._columns


class Watch:
    """Of one world that began at ``since_us``. ``memory`` learns what its reservations have, while the world
    is in force."""

    def __init__(self, world: World, since_us: int) -> None:
        self.memory: SlotMemory | None = None
        self._world = world
        self._since_us = since_us
        self._names = list(world.capacity.reservations)
        self._levels: list[Steps] = []
        self._level = np.zeros(0)
        # What jobs asked for last, by their place in the table of jobs.
        self._row = np.zeros(0, np.int64)
        self._asked = np.zeros(0)
        self._places = np.full((3, len(self._names)), -1.0)
        self._tenants, self._jobs = Columns(), Columns()
        self._place, self._pools = Columns(), Columns()

    def us(self, at_ms: float) -> float:
        """A time of the world as an epoch time in microseconds."""
        return self._since_us + at_ms * 1000.0

    def learn(self, memory: SlotMemory | None) -> None:
        """Let a memory learn of this world from now on, or none."""
        self.memory = memory
        self._places[:] = -1.0
        self._see_places(self.us(self._world.now_ms))

    def look(self, tickets: Mapping[int, Ticket]) -> None:
        """Remember what is now; to be called after each event. ``tickets`` are those of the jobs that run, by
        row."""
        now_us = self.us(self._world.now_ms)
        self._see_levels(now_us)
        self._see_jobs(now_us, tickets)
        self._see_places(now_us)

    def _see_levels(self, now_us: float) -> None:
        count = self._world.tenants
        if len(self._level) < count:
            most = share_of(LEVEL_STEPS, ALL_LEVEL_STEPS, count)
            for one in self._levels:
                one.bound(most)
            self._levels += [Steps(1, most) for _ in range(count - len(self._levels))]
            self._level = np.concatenate([self._level, np.full(count - len(self._level), -1.0)])
        level = self._tenants.of(self._world.state.tenants)["level"][:count]
        for tenant in np.flatnonzero(level != self._level).tolist():
            self._levels[tenant].put(now_us, float(level[tenant]))
        self._level[:] = level

    def _see_jobs(self, now_us: float, tickets: Mapping[int, Ticket]) -> None:
        st = self._world.state
        if len(self._row) < len(st.jobs):
            more = len(st.jobs) - len(self._row)
            self._row = np.concatenate([self._row, np.full(more, np.iinfo(np.int64).min)])
            self._asked = np.concatenate([self._asked, np.zeros(more)])
        entries = self._entries()
        jobs = st.running.job[entries]
        asked = st.running.demand[entries]
        rows = self._jobs.of(st.jobs)["row"][jobs]
        changed = ((self._row[jobs] != rows) | (self._asked[jobs] != asked)).nonzero()[0]
        if not len(changed):
            return
        tenants = st.running.tenant[entries]
        for at in changed.tolist():
            ticket = tickets.get(int(rows[at]))
            if ticket is None:
                continue
            if ticket.run is None:
                ticket.run = Run(self._levels[int(tenants[at])], now_us)
                ticket.runs.append(ticket.run)
            ticket.run.ask(now_us, float(asked[at]))
        self._row[jobs] = rows
        self._asked[jobs] = asked

    def _entries(self) -> Any:
        """Where the running jobs are in their table."""
        p = self._place.of(self._world.state.places)
        busy = p["n"].nonzero()[0]
        if len(busy) == 1:
            first = int(p["off"][busy[0]])
            return slice(first, first + int(p["n"][busy[0]]))
        counts = p["n"][busy]
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        return np.arange(total) + np.repeat(p["off"][busy] - ends + counts, counts)

    def _see_places(self, now_us: float) -> None:
        memory, count = self.memory, len(self._names)
        if memory is None or not count:
            return
        p = self._place.of(self._world.state.places)
        seen = np.zeros((3, count))
        seen[SlotMemory.SCALED] = p["scaled"][:count]
        seen[SlotMemory.BORROWED] = p["borrowed"][:count]
        # Nobody lends where nobody borrows.
        if seen[SlotMemory.BORROWED].any():
            seen[SlotMemory.LENT] = self._lent(p, count)
        changed = seen != self._places
        if changed.any():
            for at in np.flatnonzero(changed.any(axis=0)).tolist():
                memory.see(now_us, self._names[at], *seen[:, at].tolist())
            self._places = seen

    def _lent(self, p: Mapping[str, Any], count: int) -> Any:
        """The idle slots of each reservation that others have: what is borrowed comes from all that is idle
        alike, slots without a reservation included."""
        g = self._pools.of(self._world.state.pools)
        pool = p["pool"][:count]
        borrowed = np.bincount(pool, p["borrowed"][:count], len(g["idle"]))
        idle = g["supply"] + g["idle"]
        share = np.divide(borrowed, idle, out=np.zeros(len(idle)), where=idle > 0)
        return p["idle"][:count] * np.minimum(share[pool], 1.0)
