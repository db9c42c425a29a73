from __future__ import annotations

from bqsim.catalog.ingestion import HISTORY_US, MINUTE_US, Ingestion, Minute
from bqsim.catalog.refs import TableRef
from bqsim.sim.clock import SimulationClock

TABLE = TableRef("p", "d", "t")


def frozen() -> SimulationClock:
    clock = SimulationClock()
    clock.freeze()
    return clock


def test_requests_of_a_minute_count_together() -> None:
    clock = frozen()
    counts = Ingestion(clock)
    start = clock.now_us() // MINUTE_US * MINUTE_US
    counts.add(TABLE, None, rows=2, size=10)
    counts.add(TABLE, None, rows=3, size=20)
    counts.add(TABLE, "INVALID", rows=1, size=0)
    clock.advance(60)
    counts.add(TABLE, None, rows=1, size=1, stream="DEFAULT")
    assert counts.minutes() == [
        Minute(start, TABLE, None, None, 2, 5, 30),
        Minute(start, TABLE, "INVALID", None, 1, 1, 0),
        Minute(start + MINUTE_US, TABLE, None, "DEFAULT", 1, 1, 1),
    ]
    counts.forget_since(start)
    assert [m.start_us for m in counts.minutes()] == [start, start]


def test_what_is_too_old_goes() -> None:
    clock = frozen()
    counts = Ingestion(clock)
    counts.add(TABLE, None, rows=1, size=1)
    clock.advance(HISTORY_US / 1e6 + 3 * 24 * 3600)
    counts.add(TABLE, None, rows=2, size=1)
    assert [m.rows for m in counts.minutes()] == [2]
