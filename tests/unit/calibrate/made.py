"""Times and jobs drawn from known models."""

from __future__ import annotations

from bqsim.calibrate.fitting import MIB
from bqsim.history import JobRecord
from bqsim.history.fingerprints import fingerprint_of
from bqsim.sim.draws import Draws
from bqsim.sim.latency.base import Load
from bqsim.sim.latency.described import latency_of
from bqsim.sim.scenario import latency as described

START_US = 1_772_366_400_000_000


def sizes(count: int) -> list[float]:
    """Bytes of some tables."""
    return [float(int((n * 7919) % 1000) * MIB) for n in range(count)]


def times(
    latency: described.Latency, count: int, of: list[float] | None = None, purpose: str = "t", digits: int = 3
) -> list[float]:
    """Seconds, as rounded as the service tells them."""
    model, draws = latency_of(latency), Draws(20260301)
    return [
        round(model.draw(draws.keyed(purpose, "", n), Load(bytes=int(of[n]) if of else 0)), digits)
        for n in range(count)
    ]


def jobs(
    sql: str,
    queue: described.Latency,
    run: described.Latency,
    count: int,
    of: list[float] | None = None,
    **members: object,
) -> list[JobRecord]:
    """Jobs of one query."""
    queued, ran = times(queue, count, None, f"q{sql}"), times(run, count, of, f"r{sql}")
    made = []
    for n in range(count):
        created = START_US + n * 1_000_000
        started = created + round(queued[n] * 1e6)
        known: dict[str, object] = {
            "project": "p",
            "statement_type": "SELECT",
            "sql": sql,
            "fingerprint": fingerprint_of(sql),
            "created_us": created,
            "started_us": started,
            "ended_us": started + round(ran[n] * 1e6),
            "bytes_processed": int(of[n]) if of else 0,
            "slot_ms": 10 + n % 7,
        }
        made.append(JobRecord(f"{fingerprint_of(sql)}-{n}", **{**known, **members}))  # type: ignore[arg-type]
    return made
