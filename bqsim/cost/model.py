"""What is measured: queries of a workload, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

PRECISE, UPPER_BOUND, LOWER_BOUND, UNKNOWN = "PRECISE", "UPPER_BOUND", "LOWER_BOUND", "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a query runs in a month (730 hours): expected, and between which bounds. ``source`` says how
    it is known: schedule, history or assumed."""

    per_month: float = 1.0
    low: float = 1.0
    high: float = 1.0
    source: str = "assumed"


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded run: slot time, duration, bytes; in the order of their start."""

    started_us: int = 0
    slot_ms: int = 0
    duration_ms: float = 0.0
    bytes_processed: int = 0
    bytes_billed: int = 0
    cache_hit: bool = False
    error: str = ""
    output_rows: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a workload.

    ``name`` tells it from the others also after its text has changed: a path, the name in a list, a label,
    else the fingerprint. ``file`` and ``line`` are where its text stands. ``configuration`` are further
    members of ``configuration.query`` (destinationTable, maximumBytesBilled, queryParameters …). ``varied``
    is how many texts were sent that differ in comments and spaces only, each of which misses the cache.
    """

    name: str
    sql: str
    fingerprint: str = ""
    file: str = ""
    line: int = 1
    owner: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    project: str = ""
    dataset: str = ""
    configuration: Mapping[str, Any] = field(default_factory=dict)
    rate: Rate = Rate()
    runs: tuple[Run, ...] = ()
    varied: int = 1

    @property
    def max_bytes_billed(self) -> int:
        """The guard against too large a bill; 0 without."""
        return int(self.configuration.get("maximumBytesBilled") or 0)

    @property
    def destination(self) -> str:
        """The table that the configuration names for the result; '' without."""
        given = self.configuration.get("destinationTable")
        if not isinstance(given, Mapping):
            return ""
        return f"{given.get('projectId', '')}.{given.get('datasetId', '')}.{given.get('tableId', '')}".strip(
            "."
        )


@dataclass(frozen=True, slots=True)
class Workload:
    """Queries that belong together. ``notes`` tell what was left out, and why."""

    name: str
    queries: tuple[Query, ...]
    notes: tuple[str, ...] = ()

    def joined(self, other: Workload) -> Workload:
        """Both together; of queries with one name the later is told apart by a number."""
        seen = {q.name for q in self.queries}
        added = []
        for query in other.queries:
            name, n = query.name, 2
            while name in seen:
                name, n = f"{query.name}#{n}", n + 1
            seen.add(name)
            added.append(replace(query, name=name))
        return Workload(self.name, (*self.queries, *added), (*self.notes, *other.notes))


@dataclass(frozen=True, slots=True)
class TableRead:
    """What a query reads of one table: ``partitions`` and ``blocks`` are (read, of how many), None without.
    ``filters`` say, by partitioning and clustering column, what the filters of each scan do."""

    table: str
    bytes: int | None = None
    columns: tuple[str, ...] = ()
    partitions: tuple[int, int] | None = None
    blocks: tuple[int, int] | None = None
    filters: tuple[tuple[tuple[str, str], ...], ...] = ()

    def filtering(self, column: str) -> set[str]:
        """What the filters on a column do, scan by scan."""
        return {what for scan in self.filters for name, what in scan if name.casefold() == column.casefold()}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a dry run tells of a query. ``error`` is why there is none; then the rest is empty."""

    statement_type: str = ""
    bytes_processed: int = 0
    bytes_billed: int = 0
    bytes_at_most: int = 0
    accuracy: str = PRECISE
    partitions: int | None = None
    tables: tuple[TableRead, ...] = ()
    views: tuple[str, ...] = ()
    routines: tuple[str, ...] = ()
    wildcards: tuple[tuple[str, ...], ...] = ()
    output_columns: tuple[str, ...] = ()
    deterministic: bool = True
    uncacheable: tuple[str, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()

    @property
    def cacheable(self) -> bool:
        """Whether a repeated run may be answered from the cache."""
        return not self.uncacheable and not self.error

    @property
    def partitions_total(self) -> int:
        return sum(t.partitions[1] for t in self.tables if t.partitions)

    def read_of(self, table: str) -> TableRead | None:
        return next((t for t in self.tables if t.table == table), None)


@dataclass(frozen=True, slots=True)
class Measured:
    """A query with its estimate."""

    query: Query
    estimate: Estimate

    @property
    def slot_ms(self) -> list[float]:
        """Slot time of the runs that did the work: neither failed nor from the cache."""
        return [float(r.slot_ms) for r in self.query.runs if r.slot_ms and not r.error and not r.cache_hit]

    @property
    def duration_ms(self) -> list[float]:
        return [r.duration_ms for r in self.query.runs if r.duration_ms and not r.error and not r.cache_hit]


def monthly(measured: Sequence[Measured]) -> float:
    """The bytes that a month of these queries is billed."""
    return sum(m.estimate.bytes_billed * m.query.rate.per_month for m in measured)
