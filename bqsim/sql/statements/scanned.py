"""What statements are charged for: the bytes of the columns and partitions that they read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.catalog.shadow import WHOLE, Accuracy, ShadowStatistics, combined, shadow_of
from bqsim.errors import BigQueryError
from bqsim.sql.lower.partition_conditions import LABEL
from bqsim.sql.plan import BytesRead, Pruning, QueryPlan, Scan, StatementResult
from bqsim.types import INT64, STRING, Field

from .cluster_blocks import admitted_blocks
from .partition_ids import UNPARTITIONED_KEY, Partitions, partition_key, partitions_of
from .table_statistics import column_key, partition_relation, relation_of

if TYPE_CHECKING:
    import pyarrow as pa

    from .base import Statement

_RELATION = "_bq_partitions"
# Conditions whose partitions are remembered of a version of a table.
_REMEMBERED = 256

Reads = Mapping[TableRef, Iterable[str]]
Scans = Mapping[TableRef, Sequence[Scan]]


def plan_reads(statement: Statement, plan: QueryPlan) -> BytesRead:
    """What a query is charged for."""
    read = bytes_read(statement, plan.columns_read, plan.scans, plan.wildcards)
    if not plan.inputs:
        return read
    inputs = [rows for _, rows in plan.inputs.values()]
    sizes = [rows.bytes_processed for rows in inputs if hasattr(rows, "bytes_processed")]
    accuracy = read.accuracy
    if any(hasattr(rows, "bytes_read") for rows in inputs):
        accuracy = str(combined([Accuracy(accuracy), Accuracy.LOWER_BOUND]))
    return replace(read.with_tables(sizes), accuracy=accuracy)


def charged(result: StatementResult) -> StatementResult:
    """A statement that ran, with the bytes of the external tables that it read."""
    if result.plan is not None:
        sizes = [rows.bytes_read for _, rows in result.plan.inputs.values() if hasattr(rows, "bytes_read")]
        if sizes:
            result.read = result.read.with_tables(sizes)
    return result


def bytes_read(
    statement: Statement,
    columns_read: Reads,
    scans: Scans | None = None,
    wildcards: Sequence[tuple[TableRef, ...]] = (),
) -> BytesRead:
    """What reading columns of tables is charged for, each table by itself and each wildcard as one.

    ``scans`` tell which parts of tables are left out.
    """
    found = _Found(statement, scans or {})
    stored = [ref for ref in columns_read if found.is_stored(ref)]
    sizes = {ref: found.table(ref, list(columns_read[ref])) for ref in stored}
    groups = [[sizes.pop(ref, _NOTHING) for ref in matches] for matches in wildcards]
    groups += [[size] for size in sizes.values()]
    tables = tuple(sum(size.read for size in group) for group in groups)
    upper = tuple(sum(size.at_most for size in group) for group in groups)
    return BytesRead(
        tables,
        found.partitions,
        str(combined(found.accuracies)),
        tuple(found.pruning),
        None if upper == tables else upper,
    )


@dataclass(frozen=True, slots=True)
class _Size:
    """The bytes of a table that are read, and those before blocks are left out."""

    read: int
    at_most: int


_NOTHING = _Size(0, 0)


@dataclass(slots=True)
class _Found:
    statement: Statement
    scans: Scans
    partitions: int | None = None
    accuracies: list[Accuracy] = field(default_factory=list)
    pruning: list[Pruning] = field(default_factory=list)
    # The suffixes that a condition admits, of those that it was asked about.
    _suffixes: dict[str, Collection[str]] = field(default_factory=dict)

    def is_stored(self, ref: TableRef) -> bool:
        """Whether a table has rows here: what external tables have is known once it was read."""
        table = self.statement.catalog.find_table(ref)
        return table is not None and table.kind is not TableKind.EXTERNAL

    def table(self, ref: TableRef, columns: Sequence[str]) -> _Size:
        """The bytes that are read of a table."""
        table = self.statement.catalog.find_table(ref)
        scans = self.scans.get(ref, ())
        columns = [c for c in columns if not any(within(c, other) for other in columns)]
        if table is None or not (columns or scans):
            return _NOTHING
        shadow = shadow_of(table)
        if shadow is not None:
            self.accuracies.append(shadow.accuracy_of(columns))
        if any(scan.at_most for scan in scans) and (shadow is None or not shadow.blocks):
            self.accuracies.append(Accuracy.UPPER_BOUND)
        if any(scan.suffix is not None for scan in scans):
            scans = [scan for scan in scans if self._has_suffix(scan)]
            if not scans:
                return _NOTHING
            names = {name for scan in scans for name in scan.columns}
            columns = [c for c in columns if c in names]
        if not scans:
            size = self._sizes(table, columns)
            return _Size(size, size)
        parts = _Parts(scans)
        partitions = partitions_of(table)
        if partitions is None or (not table.num_rows and shadow is None):
            size = self._whole(table, columns, parts)
        else:
            size = self._pruned(table, partitions, columns, parts)
        left_out = self._left_out(table, columns, parts)
        self._tell(table, size, left_out, parts)
        return _Size(max(size - left_out, 0), size)

    def _whole(self, table: Table, columns: Sequence[str], parts: _Parts) -> int:
        """The bytes of columns of a table that no scan reads by partition."""
        if not parts.sampled:
            return self._sizes(table, columns)
        return round(sum(self._sizes(table, [c]) * parts.share(c) for c in columns))

    def _sizes(self, table: Table, columns: Sequence[str]) -> int:
        return self.statement.services.sizes.columns(self.statement.session, table, columns)

    def _tell(self, table: Table, size: int, left_out: int, parts: _Parts) -> None:
        """Keep how a table was pruned."""
        filters = tuple(scan.filters for scan in parts.scans)
        if any(filters):
            found = Pruning(
                table.ref,
                max(size - left_out, 0),
                min(left_out, size),
                parts.partitions,
                parts.blocks,
                filters,
            )
            self.pruning.append(found)

    # Partitions

    def _pruned(self, table: Table, partitions: Partitions, columns: Sequence[str], parts: _Parts) -> int:
        """The bytes of the columns of a table, each in those partitions in which a scan reads it."""
        shadow = shadow_of(table)
        if shadow is None:
            counted = self.statement.services.sizes.statistics.of(self.statement.session, table, columns)
            keys: Collection[int] = counted.rows
            relation = relation_of(counted, partitions)
            remembered = counted.admitted
        else:
            known = {partition_key(table, id_): id_ for id_ in shadow.parts if id_ != WHOLE}
            keys = known.keys()
            relation = partition_relation([k for k in keys if k != UNPARTITIONED_KEY], partitions)
            remembered = {}
        parts.needed = [self._keys(scan, keys, relation, partitions, remembered) for scan in parts.scans]
        every = set().union(*parts.needed)
        parts.partitions = len(every), len(keys)
        self.partitions = (self.partitions or 0) + len(every)
        total = 0.0 if parts.sampled else 0
        for column in columns:
            wanted = parts.wanted(column)
            if shadow is not None:
                size = shadow.bytes_of([column], [WHOLE, *(known[k] for k in wanted)])
            else:
                key = column_key(table, column)
                size = 0 if key is None else counted.bytes_of([key], wanted)
            total += size * parts.share(column) if parts.sampled else size
        return round(total)

    # Blocks

    def _left_out(self, table: Table, columns: Sequence[str], parts: _Parts) -> int:
        """The bytes of columns in the blocks that no scan needs: known once a statement runs, or from what
        was told of a shadow table."""
        shadow = shadow_of(table)
        if shadow is not None:
            return self._told_left_out(table, shadow, columns, parts)
        if self.statement.dry_run or not any(scan.blocks is not None for scan in parts.scans):
            return 0
        session, sizes = self.statement.session, self.statement.services.sizes
        if sizes.table(session, table) <= sizes.statistics.blocks.block_bytes:
            return 0
        blocks = sizes.statistics.blocks.of(session, table, columns)
        if blocks is None:
            return 0
        admitted = [
            None if scan.blocks is None else admitted_blocks(session, blocks, scan.blocks)
            for scan in parts.scans
        ]
        parts.count(blocks.keys, admitted)
        total = 0.0
        for column in columns:
            key = column_key(table, column)
            if key is not None:
                unread = parts.unread(column, blocks.keys, admitted)
                found = blocks.sizes[key]
                total += sum(found[n] for n in unread) * parts.share(column)
        return round(total)

    def _told_left_out(
        self, table: Table, shadow: ShadowStatistics, columns: Sequence[str], parts: _Parts
    ) -> int:
        """As :meth:`_left_out`, by the blocks that were told; what they leave open is an upper bound."""
        if not shadow.blocks or not any(scan.at_most for scan in parts.scans):
            return 0
        told = self.statement.services.sizes.statistics.told.of(table, shadow)
        if told is None:
            self.accuracies.append(Accuracy.UPPER_BOUND)
            return 0
        session, keys = self.statement.session, told.blocks.keys
        admitted = [
            None if scan.blocks is None else told.admitted(session, scan.blocks) for scan in parts.scans
        ]
        if not parts.covered(keys, admitted) or told.open:
            self.accuracies.append(Accuracy.UPPER_BOUND)
        parts.count(keys, admitted)
        total = 0.0
        for column in columns:
            size = told.size(shadow, column, parts.unread(column, keys, admitted))
            total += size * parts.share(column)
        return round(total)

    def _keys(
        self,
        scan: Scan,
        keys: Collection[int],
        relation: pa.Table,
        partitions: Partitions,
        remembered: dict[str, Collection[int]],
    ) -> Collection[int]:
        """The partitions that a scan reads: ``__UNPARTITIONED__`` always, as it may have any value.

        ``remembered`` is what conditions were found to admit.
        """
        if scan.condition is None and scan.dropped is None:
            return keys
        fields = [Field("c1", partitions.kind), Field("c2", partitions.kind), Field("c3", INT64.kind)]
        condition = scan.condition or "TRUE"
        if scan.dropped is not None:
            condition += f" AND NOT {scan.dropped}"
        admitted = remembered.get(condition)
        if admitted is None:
            found = self._admitted(relation, fields, condition, "c3")
            if found is None:
                return keys
            if len(remembered) >= _REMEMBERED:
                remembered.clear()
            kept = {UNPARTITIONED_KEY} & set(keys)
            admitted = remembered[condition] = frozenset((*map(int, found), *kept))
        return admitted

    def _admitted(
        self, relation: pa.Table, fields: Sequence[Field], condition: str, column: str
    ) -> list[str] | None:
        """The values of a column of a relation where a condition holds; None when it cannot be computed."""
        session = self.statement.session
        session.register(_RELATION, relation, fields)
        try:
            found = session.scalar(f"SELECT list({column}) FROM {_RELATION} AS {LABEL} WHERE {condition}")
        except BigQueryError:
            return None
        finally:
            session.unregister(_RELATION)
        return found if isinstance(found, list) else []

    # Wildcards

    def _has_suffix(self, scan: Scan) -> bool:
        if scan.suffixes is None:
            return True
        admitted = self._suffixes.get(scan.suffixes)
        if admitted is None:
            admitted = self._suffixes[scan.suffixes] = self._admitted_suffixes(scan.suffixes)
        return scan.suffix in admitted

    def _admitted_suffixes(self, condition: str) -> Collection[str]:
        import pyarrow as pa

        from bqsim.types.arrow import table_of

        asked = {
            s.suffix
            for some in self.scans.values()
            for s in some
            if s.suffixes == condition and s.suffix is not None
        }
        relation = table_of([pa.array(sorted(asked), pa.string())])
        found = self._admitted(relation, [Field("c1", STRING.kind)], condition, "c1")
        return asked if found is None else set(found)


@dataclass(slots=True)
class _Parts:
    """The parts of a table that its scans read: ``needed`` are the partitions of each of them, None when no
    partition is left out."""

    scans: Sequence[Scan]
    needed: list[Collection[int]] | None = None
    partitions: tuple[int, int] | None = None
    blocks: tuple[int, int] | None = None

    @property
    def sampled(self) -> bool:
        return any(scan.share != 1.0 for scan in self.scans)

    def share(self, column: str) -> float:
        """How much of a column is read: samples of several scans are taken to be of the same blocks."""
        return max((s.share for s in self.scans if _reads(s, column)), default=1.0)

    def wanted(self, column: str) -> Collection[int]:
        """The partitions in which a scan reads a column; those of all scans when none names it."""
        needed = self.needed or []
        reading = [some for scan, some in zip(self.scans, needed, strict=True) if _reads(scan, column)]
        if len(reading) == 1:
            return reading[0]
        return set().union(*(reading or needed))

    def covered(self, keys: Sequence[int], admitted: Sequence[Collection[int] | None]) -> bool:
        """Whether it is known of all parts that scans with filters on blocks read which blocks they read."""
        if any(s.at_most and some is None for s, some in zip(self.scans, admitted, strict=True)):
            return False
        return self.needed is None or set().union(*self.needed) <= set(keys)

    def count(self, keys: Sequence[int], admitted: Sequence[Collection[int] | None]) -> None:
        """Note how many of the blocks in the partitions ``keys`` are read: those that a scan admits."""
        shown = [n for n, key in enumerate(keys) if self.needed is None or any(key in k for k in self.needed)]
        unread = set(self._unread(range(len(self.scans)), keys, admitted))
        self.blocks = len(shown) - len(unread), len(shown)

    def unread(
        self, column: str, keys: Sequence[int], admitted: Sequence[Collection[int] | None]
    ) -> list[int]:
        """The numbers of the blocks that lie in a partition in which a column is read, but that no scan
        admits that reads it there."""
        reading = [n for n, scan in enumerate(self.scans) if _reads(scan, column)]
        return self._unread(reading or range(len(self.scans)), keys, admitted)

    def _unread(
        self, scans: Sequence[int], keys: Sequence[int], admitted: Sequence[Collection[int] | None]
    ) -> list[int]:
        found = []
        for block, key in enumerate(keys):
            there = [admitted[n] for n in scans if self.needed is None or key in self.needed[n]]
            if there and all(some is not None and block not in some for some in there):
                found.append(block)
        return found


def _reads(scan: Scan, column: str) -> bool:
    return any(column == name or within(name, column) for name in scan.columns)


def within(name: str, other: str) -> bool:
    """Whether a name is of a field in a column or field."""
    return name.startswith(f"{other}.")
