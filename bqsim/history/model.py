"""One job of a history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a query plan: ``slot_ms``; ``inputs`` are the ids of stages that it waits for; units of work
    in parallel; times in microseconds since the epoch (0 where they are not known)."""

    id: int
    name: str = ""
    inputs: tuple[int, ...] = ()
    slot_ms: int = 0
    parallel_inputs: int = 1
    records_read: int = 0
    records_written: int = 0
    shuffle_bytes: int = 0
    start_us: int = 0
    end_us: int = 0


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as it ran.

    The members are those of INFORMATION_SCHEMA.JOBS, in its words; times are microseconds since the epoch (0
    where they are not known), sizes bytes. ``fingerprint`` groups queries that differ in literals only
    (:func:`bqsim.sim.rules.sqltext.sql_fingerprint`), also where the export has no text. ``tables`` are
    ``project.dataset.table``. ``source`` says which file and line or operation it was read from.
    """

    job_id: str
    project: str = ""
    location: str = ""
    user: str = ""
    job_type: str = "QUERY"
    statement_type: str = ""
    priority: str = "INTERACTIVE"
    state: str = "DONE"
    sql: str = ""
    fingerprint: str = ""
    created_us: int = 0
    started_us: int = 0
    ended_us: int = 0
    slot_ms: int = 0
    bytes_processed: int = 0
    bytes_billed: int = 0
    cache_hit: bool = False
    dry_run: bool = False
    error_reason: str = ""
    error_message: str = ""
    reservation: str = ""
    edition: str = ""
    parent: str = ""
    session: str = ""
    transaction: str = ""
    destination: str = ""
    tables: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()
    partitions_processed: int = 0
    output_rows: int = 0
    dml_rows: int = 0
    max_bytes_billed: int = 0
    estimated_runtime_slots: int = 0
    source: str = ""

    @property
    def queued_us(self) -> int:
        """How long it waited for its start."""
        return max(0, self.started_us - self.created_us) if self.started_us and self.created_us else 0

    @property
    def ran_us(self) -> int:
        """How long it ran."""
        return max(0, self.ended_us - self.started_us) if self.ended_us and self.started_us else 0
