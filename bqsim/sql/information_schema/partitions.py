"""Rows and bytes of each partition of stored tables."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.sim.stale import seen
from bqsim.sql.statements.partition_ids import UNPARTITIONED, partition_id, partitions_of
from bqsim.sql.statements.sizes import alike, size_expression
from bqsim.sql.statements.table_statistics import TableStatistics

if TYPE_CHECKING:
    from bqsim.catalog.buffers import StreamingBuffers
    from bqsim.engine.protocol import Session


@dataclass(frozen=True, slots=True)
class Partition:
    """``changed_us`` is when its rows were last written (epoch microseconds)."""

    id: str
    rows: int
    size: int
    changed_us: int


class PartitionSizes:
    """The partitions of tables, computed once per version of their rows.

    Tables that were read before are brought to their version by what has changed since: ``statistics``.
    """

    def __init__(self, statistics: TableStatistics | None = None, capacity: int = 65_536) -> None:
        self._statistics = statistics or TableStatistics()
        self._known: dict[Any, tuple[Partition, ...]] = {}
        self._read_before: set[str] = set()
        self._capacity = capacity
        self._lock = threading.Lock()

    def of(self, session: Session, tables: Iterable[Table]) -> Mapping[TableRef, Sequence[Partition]]:
        """The partitions that have rows, in order of their ids, of those tables that are partitioned."""
        keyed = [
            (_key(table), table) for table in tables if table.storage is not None and is_partitioned(table)
        ]
        missing = {key: table for key, table in keyed if table.num_rows and key not in self._known}
        found: dict[Any, tuple[Partition, ...]] = {}
        counted = {key: table for key, table in missing.items() if self._is_counted(table)}
        for key, table in counted.items():
            found[key] = self._from_statistics(session, table)
        for some in alike((key, table) for key, table in missing.items() if key not in counted):
            found |= _read(session, some)
        known = {key: found.get(key) or self._known.get(key, ()) for key, _ in keyed}
        # Live rows are not those of a version that is seen later than it was.
        if found and seen() is None:
            with self._lock:
                if len(self._known) + len(found) > self._capacity:
                    self._known.clear()
                self._known |= found
                self._read_before |= {key[0] for key in found}
        return {table.ref: known[key] for key, table in keyed}

    def _is_counted(self, table: Table) -> bool:
        assert table.storage is not None
        return table.storage.engine_table in self._read_before or self._statistics.knows(table)

    def _from_statistics(self, session: Session, table: Table) -> tuple[Partition, ...]:
        partitions = partitions_of(table)
        assert table.storage is not None and partitions is not None
        counted = self._statistics.of(session, table, [f.name for f in table.fields])
        columns = [counted.columns[column] for column in table.storage.columns]
        found = [
            Partition(partitions.id_of(key), rows, sum(sizes.get(key, 0) for sizes in columns), changed_us)
            for key, (rows, changed_us) in counted.rows.items()
        ]
        return tuple(sorted(found, key=lambda partition: partition.id))


def with_buffered(
    session: Session, buffers: StreamingBuffers, table: Table, known: Sequence[Partition]
) -> Sequence[Partition]:
    """``known``, with rows of a table by ingestion time that are in its buffer in ``__UNPARTITIONED__``."""
    storage = table.storage
    if storage is None or storage.partition is None:
        return known
    buffer = buffers.find(storage.engine_table)
    if buffer is None:
        return known
    size = " + ".join(
        f"COALESCE({size_expression(f, c)}, 0)" for f, c in zip(table.fields, storage.columns, strict=True)
    )
    found = session.scalar(
        "SELECT list([id, CAST(n AS VARCHAR), CAST(size AS VARCHAR), CAST(changed AS VARCHAR)]) FROM ("
        f"SELECT {partition_id(table)} AS id, count(*) AS n, sum({size or '0'}) AS size,"
        " max(_begin) AS changed"
        f" FROM {storage.engine_table} WHERE _end IS NULL AND {buffer.holds('_begin')} GROUP BY id)"
    )
    if not isinstance(found, list):
        return known
    parts = {part.id: part for part in known}
    for id_, rows, size_, changed in found:
        count, nbytes = int(rows), int(size_)
        for name, sign in ((id_, -1), (UNPARTITIONED, 1)):
            before = parts.get(name, Partition(name, 0, 0, 0))
            at_us = max(before.changed_us, int(changed)) if sign > 0 else before.changed_us
            parts[name] = Partition(name, before.rows + sign * count, before.size + sign * nbytes, at_us)
    return tuple(part for _, part in sorted(parts.items()) if part.rows > 0)


def _key(table: Table) -> Any:
    assert table.storage is not None
    return table.storage.engine_table, table.version, table.storage.columns


def is_partitioned(table: Table) -> bool:
    return table.time_partitioning is not None or table.range_partitioning is not None


def _read(session: Session, tables: Sequence[tuple[Any, Table]]) -> dict[Any, tuple[Partition, ...]]:
    """The partitions of tables whose columns have the same types."""
    fields = tables[0][1].fields
    size = " + ".join(f"COALESCE({size_expression(f, f'v{n}')}, 0)" for n, f in enumerate(fields))
    selects = [_select(number, table) for number, (_, table) in enumerate(tables)]
    found = session.scalar(
        "SELECT list([CAST(t AS VARCHAR), id, CAST(n AS VARCHAR), CAST(size AS VARCHAR),"
        " CAST(changed AS VARCHAR)] ORDER BY t, id) FROM ("
        f"SELECT t, id, count(*) FILTER (live) AS n, sum({size}) FILTER (live) AS size,"
        f" max(changed) AS changed FROM ({' UNION ALL '.join(selects)}) GROUP BY t, id HAVING n > 0)"
    )
    assert found is None or isinstance(found, list)
    read: dict[Any, list[Partition]] = {}
    for number, id_, rows, size_, changed in found or ():
        key = tables[int(number)][0]
        read.setdefault(key, []).append(Partition(id_, int(rows), int(size_), int(changed)))
    return {key: tuple(partitions) for key, partitions in read.items()}


def _select(number: int, table: Table) -> str:
    storage = table.storage
    assert storage is not None
    columns = ", ".join(f"{column} AS v{n}" for n, column in enumerate(storage.columns))
    return (
        f"SELECT {number} AS t, {partition_id(table)} AS id, _end IS NULL AS live,"
        f" greatest(_begin, COALESCE(_end, 0)) AS changed, {columns} FROM {storage.engine_table}"
    )
