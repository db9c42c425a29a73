"""What statements are charged for: the bytes of the columns and partitions that they read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.catalog.shadow import WHOLE, Accuracy, combined, shadow_of
from bqsim.errors import BigQueryError
from bqsim.sql.lower.partition_conditions import LABEL
from bqsim.sql.plan import BytesRead, QueryPlan, Scan, StatementResult
from bqsim.types import INT64, STRING, Field

from .partition_ids import UNPARTITIONED, UNPARTITIONED_KEY, Partitions, parse_partition_id, partitions_of
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
    inputs = [rows for _, rows in plan.inputs.values()]
    sizes = [rows.bytes_processed for rows in inputs if hasattr(rows, "bytes_processed")]
    read = bytes_read(statement, plan.columns_read, plan.scans, plan.wildcards)
    accuracy = read.accuracy
    if any(hasattr(rows, "bytes_read") for rows in inputs):
        accuracy = str(combined([Accuracy(accuracy), Accuracy.LOWER_BOUND]))
    return BytesRead((*sizes, *read.tables), read.partitions, accuracy)


def charged(result: StatementResult) -> StatementResult:
    """A statement that ran, with the bytes of the external tables that it read."""
    if result.plan is not None:
        sizes = [rows.bytes_read for _, rows in result.plan.inputs.values() if hasattr(rows, "bytes_read")]
        if sizes:
            result.read = replace(result.read, tables=(*result.read.tables, *sizes))
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
    tables = []
    for matches in wildcards:
        tables.append(sum(sizes.pop(ref, 0) for ref in matches))
    tables += sizes.values()
    return BytesRead(tuple(tables), found.partitions, str(combined(found.accuracies)))


@dataclass(slots=True)
class _Found:
    statement: Statement
    scans: Scans
    partitions: int | None = None
    accuracies: list[Accuracy] = field(default_factory=list)
    # The suffixes that a condition admits, of those that it was asked about.
    _suffixes: dict[str, Collection[str]] = field(default_factory=dict)

    def is_stored(self, ref: TableRef) -> bool:
        """Whether a table has rows here: what external tables have is known once it was read."""
        table = self.statement.catalog.find_table(ref)
        return table is not None and table.kind is not TableKind.EXTERNAL

    def table(self, ref: TableRef, columns: Sequence[str]) -> int:
        """The bytes that are read of a table."""
        table = self.statement.catalog.find_table(ref)
        scans = self.scans.get(ref, ())
        columns = [c for c in columns if not any(within(c, other) for other in columns)]
        if table is None or not (columns or scans):
            return 0
        shadow = shadow_of(table)
        if shadow is not None:
            self.accuracies.append(shadow.accuracy_of(columns))
        if any(scan.at_most for scan in scans):
            self.accuracies.append(Accuracy.UPPER_BOUND)
        if scans and all(scan.suffix is not None for scan in scans):
            scans = [scan for scan in scans if self._has_suffix(scan)]
            if not scans:
                return 0
            names = {name for scan in scans for name in scan.columns}
            return self._sizes(table, [c for c in columns if c in names])
        partitions = partitions_of(table)
        if partitions is None or not scans or (not table.num_rows and shadow is None):
            return self._sizes(table, columns)
        return self._pruned(table, partitions, columns, scans)

    def _sizes(self, table: Table, columns: Sequence[str]) -> int:
        return self.statement.services.sizes.columns(self.statement.session, table, columns)

    # Partitions

    def _pruned(
        self, table: Table, partitions: Partitions, columns: Sequence[str], scans: Sequence[Scan]
    ) -> int:
        """The bytes of the columns of a table, each in those partitions in which a scan reads it."""
        shadow = shadow_of(table)
        if shadow is None:
            counted = self.statement.services.sizes.statistics.of(self.statement.session, table, columns)
            keys: Collection[int] = counted.rows
            relation = relation_of(counted, partitions)
            remembered = counted.admitted
        else:
            known = {_key_of(table, id_): id_ for id_ in shadow.parts if id_ != WHOLE}
            keys = known.keys()
            relation = partition_relation([k for k in keys if k != UNPARTITIONED_KEY], partitions)
            remembered = {}
        needed = [self._keys(scan, keys, relation, partitions, remembered) for scan in scans]
        every = set().union(*needed)
        self.partitions = (self.partitions or 0) + len(every)
        total = 0
        for column in columns:
            reading = [some for scan, some in zip(scans, needed, strict=True) if _reads(scan, column)]
            wanted = set().union(*reading) if reading else every
            if shadow is not None:
                total += shadow.bytes_of([column], [WHOLE, *(known[k] for k in wanted)])
            else:
                key = column_key(table, column)
                if key is not None:
                    total += counted.bytes_of([key], wanted)
        return total

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
        if scan.condition is None:
            return True
        admitted = self._suffixes.get(scan.condition)
        if admitted is None:
            admitted = self._suffixes[scan.condition] = self._admitted_suffixes(scan.condition)
        return scan.suffix in admitted

    def _admitted_suffixes(self, condition: str) -> Collection[str]:
        import pyarrow as pa

        from bqsim.types.arrow import table_of

        asked = {
            s.suffix
            for some in self.scans.values()
            for s in some
            if s.condition == condition and s.suffix is not None
        }
        relation = table_of([pa.array(sorted(asked), pa.string())])
        found = self._admitted(relation, [Field("c1", STRING.kind)], condition, "c1")
        return asked if found is None else set(found)


def within(name: str, other: str) -> bool:
    """Whether a name is of a field in a column or field."""
    return name.startswith(f"{other}.")


def _reads(scan: Scan, column: str) -> bool:
    return any(column == name or within(name, column) for name in scan.columns)


def _key_of(table: Table, id_: str) -> int:
    """The key of a partition that was imported; those that the table cannot have are in none."""
    if id_ == UNPARTITIONED:
        return UNPARTITIONED_KEY
    try:
        return parse_partition_id(table, id_).key
    except BigQueryError:
        return UNPARTITIONED_KEY
