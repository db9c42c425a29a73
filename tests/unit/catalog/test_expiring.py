"""Which tables are to be looked at for expired partitions."""

from __future__ import annotations

from dataclasses import replace

from bqsim.catalog.expiring import ExpiringPartitions
from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind, TimePartitioning
from bqsim.sim.clock import SimulationClock

DAY_US = 86_400_000_000
REF = TableRef("p", "d", "t")


def table(expiration_ms: int | None = 1) -> Table:
    time = TimePartitioning("DAY", None, expiration_ms)
    return Table(REF, TableKind.TABLE, (), 0, 0, "", "US", time_partitioning=time)


def test_tables_are_looked_at_when_they_change_and_when_a_partition_expires() -> None:
    clock = SimulationClock("2026-01-01T00:00:00Z")
    clock.freeze()
    expiring = ExpiringPartitions(clock)
    expiring.note(replace(table(), time_partitioning=None))
    assert expiring.pending() == []
    first = table()
    expiring.note(first)
    assert expiring.pending() == [REF]
    assert expiring.concern(first)
    expiring.looked_at(first, clock.now_us() + DAY_US)
    assert expiring.pending() == []
    clock.set_time("2026-01-02T00:00:01Z", settle=False)
    assert expiring.pending() == [REF]
    expiring.looked_at(first, None)
    assert expiring.pending() == []


def test_a_look_does_not_count_for_a_table_that_has_changed_since() -> None:
    clock = SimulationClock("2026-01-01T00:00:00Z")
    expiring = ExpiringPartitions(clock)
    old = table()
    expiring.note(old)
    expiring.note(table())
    expiring.looked_at(old, None)
    assert expiring.pending() == [REF]
    expiring.note(table(None))
    assert expiring.pending() == []
    expiring.forget(REF)
    assert expiring.pending() == []
