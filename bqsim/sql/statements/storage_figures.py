"""What tables take up over time: active and long-term bytes, time travel and fail-safe.

Logical bytes are those of live rows. A partition, or a table without partitions, is long-term once nothing of
it has changed for 90 days; changing the description or labels of a table counts as a change of all of it.
Physical bytes are logical ones by a fixed ratio, as the service's compression is its own: an assumption.
Rows that ended are kept for time travel as long as the dataset says, then for seven days of fail-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import LONG_TERM_MS, Dataset, Table
from bqsim.catalog.shadow import WHOLE, ShadowStatistics, shadow_of
from bqsim.engine.protocol import VERSION_END, Session
from bqsim.sim.stale import seen

from .partition_ids import partitions_of

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog

    from .sizes import ColumnSizes

# Logical bytes in one physical byte.
COMPRESSION = 4
HOUR_US = 3_600_000_000
# Of more tables it is asked at once which of them have rows that ended.
_MANY = 20
# Page "Data retention with time travel and fail-safe".
TIME_TRAVEL_HOURS = 168
FAIL_SAFE_US = 7 * 24 * HOUR_US


def physical(size: int) -> int:
    """The physical bytes that logical ones take."""
    return -(-size // COMPRESSION)


@dataclass(frozen=True, slots=True)
class Figures:
    """Bytes of one table. ``active`` and ``long_term`` are logical bytes, the others physical ones;
    ``partitions`` is None for tables without."""

    active: int = 0
    long_term: int = 0
    time_travel: int = 0
    fail_safe: int = 0
    partitions: int | None = None
    # Of shadow tables, as they were told.
    told: Mapping[str, int] | None = None

    @property
    def total(self) -> int:
        """All logical bytes."""
        return self.active + self.long_term

    @property
    def current_physical(self) -> int:
        return self._told("current_physical_bytes", physical(self.active) + physical(self.long_term))

    @property
    def active_physical(self) -> int:
        """With time travel, as the service counts it."""
        return self._told("active_physical_bytes", physical(self.active) + self.time_travel)

    @property
    def long_term_physical(self) -> int:
        return self._told("long_term_physical_bytes", physical(self.long_term))

    @property
    def total_physical(self) -> int:
        return self._told("total_physical_bytes", self.active_physical + self.long_term_physical)

    @property
    def billed_active_physical(self) -> int:
        """What physical billing counts as active: fail-safe too."""
        return self.active_physical + self.fail_safe

    @property
    def billed_physical(self) -> int:
        return self.total_physical + self.fail_safe

    def _told(self, name: str, otherwise: int) -> int:
        return otherwise if self.told is None else self.told.get(name, otherwise)


class Part(Protocol):
    """A partition: its logical bytes, and when it changed (epoch microseconds)."""

    @property
    def size(self) -> int: ...

    @property
    def changed_us(self) -> int: ...


class EndedRows:
    """The logical bytes of rows that have ended, by when. Thread safe."""

    def __init__(self, capacity: int = 65_536) -> None:
        # By engine table: the version up to which it is known, and (end, bytes).
        self._known: dict[str, tuple[int, tuple[tuple[int, int], ...]]] = {}
        self._capacity = capacity
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._known.clear()

    def of(self, session: Session, table: Table) -> Sequence[tuple[int, int]]:
        """(end in epoch microseconds, bytes) of what ended by the version of ``table``."""
        storage = table.storage
        if storage is None:
            return ()
        since, known = self._known.get(storage.engine_table, (0, ()))
        if since < table.version:
            known += self._read(session, table, since)
            if seen() is None:
                with self._lock:
                    if len(self._known) >= self._capacity:
                        self._known.clear()
                    self._known[storage.engine_table] = table.version, known
        return [entry for entry in known if entry[0] <= table.version]

    def look(self, session: Session, tables: Sequence[Table]) -> None:
        """Learn at once which of many tables have no rows that ended: those hold no more than live rows."""
        nothing: tuple[int, tuple[tuple[int, int], ...]] = (0, ())
        unknown = {
            s.engine_table: t
            for t in tables
            if (s := t.storage) is not None
            and self._known.get(s.engine_table, nothing)[0] < t.version
            and shadow_of(t) is None
        }
        if len(unknown) <= _MANY or seen() is not None:
            return
        found = session.scalar(
            "SELECT list([table_name, CAST(estimated_size AS VARCHAR)]) FROM duckdb_tables()"
            " WHERE estimated_size > 0"
        )
        held = {name: int(count) for name, count in found} if isinstance(found, list) else {}
        with self._lock:
            for name, table in unknown.items():
                if held.get(name, 0) <= table.num_rows:
                    self._known[name] = table.version, ()

    def _read(self, session: Session, table: Table, since: int) -> tuple[tuple[int, int], ...]:
        from .sizes import column_total

        storage = table.storage
        assert storage is not None
        totals = [column_total(f, c) for f, c in zip(table.fields, storage.columns, strict=True)]
        found = session.scalar(
            f"SELECT list([e, s] ORDER BY e) FROM (SELECT {VERSION_END} AS e,"
            f" CAST({' + '.join(totals) or '0'} AS BIGINT) AS s FROM {storage.engine_table}"
            f" WHERE {VERSION_END} > {since} AND {VERSION_END} <= {table.version} GROUP BY 1)"
        )
        return tuple((end, size) for end, size in found) if isinstance(found, list) else ()


def figures_of(catalog: Catalog, sizes: ColumnSizes, session: Session, table: Table) -> Figures:
    """The figures of a table as the clock has it."""
    return many_figures(catalog, sizes, session, [table])[0]


def many_figures(
    catalog: Catalog,
    sizes: ColumnSizes,
    session: Session,
    tables: Sequence[Table],
    totals: Sequence[int] | None = None,
    parts: Mapping[TableRef, Sequence[Part]] | None = None,
) -> list[Figures]:
    """:func:`figures_of` of many tables; ``totals`` are their logical bytes and ``parts`` the partitions of
    those that have some, where the caller has them.
    """
    now_us = catalog.clock.now_us()
    totals = sizes.tables(session, tables) if totals is None else totals
    windows: dict[DatasetRef, int] = {}
    sizes.ended.look(session, tables)
    found = []
    for table, total in zip(tables, totals, strict=True):
        shadow = shadow_of(table)
        if shadow is not None:
            found.append(_of_shadow(table, shadow, now_us))
            continue
        dataset = table.ref.dataset_ref
        if dataset not in windows:
            windows[dataset] = window_us(catalog.find_dataset(dataset))
        known = None if parts is None else parts.get(table.ref)
        long_term, partitions = _long_term(sizes, session, table, total, now_us, known)
        travel, safe = kept_bytes(sizes.ended.of(session, table), now_us, windows[dataset])
        found.append(Figures(total - long_term, long_term, travel, safe, partitions))
    return found


def window_us(dataset: Dataset | None) -> int:
    """How long rows of a dataset's tables are kept for time travel."""
    given: Any = None if dataset is None else dataset.metadata.get("maxTimeTravelHours")
    return int(given or TIME_TRAVEL_HOURS) * HOUR_US


def kept_bytes(entries: Sequence[tuple[int, int]], now_us: int, window: int) -> tuple[int, int]:
    """The physical bytes of time travel and of fail-safe, of what ended when (epoch microseconds, bytes)."""
    if not entries:
        return 0, 0
    travel = sum(size for end, size in entries if end > now_us - window)
    kept = sum(size for end, size in entries if end > now_us - window - FAIL_SAFE_US)
    return physical(travel), physical(kept - travel)


def described_us(table: Table) -> int:
    """When a table as a whole was changed last, but for its rows (epoch microseconds); 0 when rows were
    changed since.
    """
    return table.modified_ms * 1000 if table.modified_ms > table.version // 1000 else 0


def _long_term(
    sizes: ColumnSizes,
    session: Session,
    table: Table,
    total: int,
    now_us: int,
    parts: Sequence[Part] | None,
) -> tuple[int, int | None]:
    """The long-term bytes of a table, and how many partitions it has."""
    limit = now_us - LONG_TERM_MS * 1000
    if partitions_of(table) is None:
        return (total if table.is_long_term(now_us // 1000) else 0), None
    if not table.num_rows:
        return 0, 0
    if parts is not None:
        aged = sum(part.size for part in parts if part.changed_us <= limit)
        return (0 if described_us(table) > limit else aged), len(parts)
    counted = sizes.statistics.of(session, table, [f.name for f in table.fields])
    old = 0 if described_us(table) > limit else counted.bytes_until(limit)
    return old, len(counted.rows)


def _of_shadow(table: Table, shadow: ShadowStatistics, now_us: int) -> Figures:
    limit = now_us - LONG_TERM_MS * 1000
    parts = {id_: part for id_, part in shadow.parts.items() if id_ != WHOLE}
    if parts:
        long_term = sum(size for _, size, changed_us in parts.values() if 0 < changed_us <= limit)
    else:
        long_term = shadow.bytes if table.is_long_term(now_us // 1000) else 0
    long_term = min(shadow.figures.get("long_term_logical_bytes", long_term), shadow.bytes)
    told = shadow.figures
    partitioned = table.time_partitioning is not None or table.range_partitioning is not None
    return Figures(
        shadow.bytes - long_term,
        long_term,
        told.get("time_travel_physical_bytes", 0),
        told.get("fail_safe_physical_bytes", 0),
        len(parts) or told.get("total_partitions", 0) if partitioned else None,
        told,
    )
