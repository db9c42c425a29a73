"""Rows and bytes of stored tables by partition, counted once and then kept by what each version changed."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import Table
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END, Session
from bqsim.sim.stale import seen
from bqsim.types import Field

from .partition_ids import UNPARTITIONED_KEY, Partitions, partitions_of

if TYPE_CHECKING:
    import pyarrow as pa

# The key of all rows of a table without partitions.
WHOLE_KEY = 0
_LIVE = f"{VERSION_END} IS NULL"


@dataclass(slots=True)
class Counted:
    """The live rows of one version of an engine table, by the key of their partition.

    ``rows`` has the number of rows and when they last changed (epoch microseconds), ``columns`` the logical
    bytes of engine columns, and of fields in them, as far as they were asked for. Not to be changed by
    whoever gets it.
    """

    version: int
    rows: dict[int, tuple[int, int]]
    columns: dict[str, dict[int, int]] = field(default_factory=dict)
    fields: dict[str, Field] = field(default_factory=dict)
    # The partitions as a relation for conditions, once it was asked for.
    relation: Any = None
    # The partitions that conditions admit, of those that were asked lately.
    admitted: dict[str, Collection[int]] = field(default_factory=dict)
    # When partitions changed, in order, with the bytes of all up to each; of so many columns.
    aged: tuple[int, list[int], list[int]] | None = None

    @property
    def total_rows(self) -> int:
        return sum(rows for rows, _ in self.rows.values())

    def bytes_until(self, time_us: int) -> int:
        """The bytes of all known columns in the partitions that have not changed since a time."""
        if self.aged is None or self.aged[0] != len(self.columns):
            whole = [sizes for column, sizes in self.columns.items() if "." not in column]
            ordered = sorted(
                (changed_us, sum(sizes.get(key, 0) for sizes in whole))
                for key, (_, changed_us) in self.rows.items()
            )
            times = [changed_us for changed_us, _ in ordered]
            self.aged = len(self.columns), times, list(accumulate((n for _, n in ordered), initial=0))
        return self.aged[2][bisect_right(self.aged[1], time_us)]

    def bytes_of(self, columns: Iterable[str], keys: Iterable[int] | None = None) -> int:
        """The bytes of engine columns, in the partitions of some keys or in all."""
        if keys is None:
            return sum(sum(self.columns[c].values()) for c in columns)
        keys = list(keys)
        return sum(sizes.get(k, 0) for c in columns for sizes in (self.columns[c],) for k in keys)


def column_key(table: Table, name: str) -> str | None:
    """How a column, or a field in one (``s.a``), is called here: the engine column and the positions of the
    fields (``c3.0``). None for unknown names."""
    first, *others = name.split(".")
    index = table.field_index(first)
    if index is None or table.storage is None:
        return None
    key, field_ = table.storage.columns[index], table.fields[index]
    for other in others:
        at = next((n for n, f in enumerate(field_.fields) if f.name.casefold() == other.casefold()), None)
        if at is None:
            return None
        key, field_ = f"{key}.{at}", field_.fields[at]
    return key


def column_of(key: str) -> str:
    return key.partition(".")[0]


def path_of(key: str) -> tuple[int, ...]:
    return tuple(map(int, key.split(".")[1:]))


class TableStatistics:
    """The statistics of stored tables, by engine table. Thread safe.

    A table whose rows have changed since it was counted is not read again: only rows that began or ended
    since are. ``blocks`` are those of clustered tables, ``told`` those that shadow tables came with.
    """

    def __init__(self, capacity: int = 65_536) -> None:
        from .cluster_blocks import ClusterBlocks
        from .shadow_blocks import ShadowBlocks

        self.blocks = ClusterBlocks()
        self.told = ShadowBlocks()
        self._known: dict[str, Counted] = {}
        self._capacity = capacity
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget everything, blocks too: versions that are put back may come again with other rows."""
        with self._lock:
            self._known.clear()
        self.blocks.clear()

    def known(self) -> dict[str, Counted]:
        """What is known, by engine table."""
        with self._lock:
            return dict(self._known)

    def restore(self, engine_table: str, counted: Counted) -> None:
        """Know what was counted before, perhaps of a version that has passed."""
        with self._lock:
            self._known.setdefault(engine_table, counted)

    def knows(self, table: Table) -> bool:
        """Whether some version of a table's rows was counted."""
        return table.storage is not None and table.storage.engine_table in self._known

    def of(self, session: Session, table: Table, names: Iterable[str] = ()) -> Counted:
        """The rows of ``table`` by partition, with the bytes of the named columns, or fields in them.

        Unknown names count nothing. The table must have rows of its own.
        """
        storage = table.storage
        assert storage is not None
        fields = dict(zip(storage.columns, table.fields, strict=True))
        keys = [key for n in names if (key := column_key(table, n)) is not None]
        wanted = {key: fields[column_of(key)] for key in keys}
        partitions = partitions_of(table)
        known = self._known.get(storage.engine_table)
        if known is not None and known.version < table.version and seen() is None:
            known = _brought_to(session, table, partitions, known)
        if known is None or known.version != table.version:
            known = Counted(table.version, {})
            missing = wanted
            ends = _ends_of(session, table, partitions)
        else:
            missing = {c: f for c, f in wanted.items() if known.fields.get(c) != f}
            if not missing:
                self._keep(storage.engine_table, known)
                return known
        found = _count(session, table, partitions, missing, _LIVE)
        # Rows that ended changed their partition then.
        rows = known.rows or {
            key: (count, max(changed_us, ends.get(key, 0))) for key, (count, changed_us) in found.rows.items()
        }
        counted = Counted(
            table.version,
            rows,
            {**known.columns, **found.columns},
            {**known.fields, **missing},
            known.relation,
        )
        self._keep(storage.engine_table, counted)
        return counted

    def foreseen(self, session: Session, table: Table) -> Counted:
        """The rows of ``table`` by partition as the open transaction of ``session`` is about to commit them;
        others know of it once it has.
        """
        storage = table.storage
        assert storage is not None
        name, partitions = storage.engine_table, partitions_of(table)
        known, counted = self._known.get(name), None
        if known is not None and known.version < table.version:
            counted = _brought_to(session, table, partitions, known)
        if counted is None:
            ends = _ends_of(session, table, partitions)
            counted = _count(session, table, partitions, {}, _LIVE)
            counted.rows |= {k: (n, max(at, ends.get(k, 0))) for k, (n, at) in counted.rows.items()}
        found = counted
        session.on_commit(lambda: self._keep(name, found))
        return found

    def _keep(self, engine_table: str, counted: Counted) -> None:
        # Live rows are not those of a version that is seen later than it was.
        if seen() is not None:
            return
        with self._lock:
            before = self._known.get(engine_table)
            if before is not None and before.version > counted.version:
                return
            if len(self._known) >= self._capacity:
                self._known.clear()
            self._known[engine_table] = counted


def _brought_to(
    session: Session, table: Table, partitions: Partitions | None, known: Counted
) -> Counted | None:
    """What was counted with what has changed since; None when the table is to be counted anew."""
    storage = table.storage
    assert storage is not None
    fields = dict(zip(storage.columns, table.fields, strict=True))
    kept = {c: f for c, f in known.fields.items() if fields.get(column_of(c)) == f}
    since = known.version
    came = _count(session, table, partitions, kept, f"{VERSION_BEGIN} > {since} AND {_LIVE}")
    went = _count(session, table, partitions, kept, f"{VERSION_BEGIN} <= {since} AND {VERSION_END} > {since}")
    rows = dict(known.rows)
    for sign, part in ((1, came), (-1, went)):
        for key, (count, changed_us) in part.rows.items():
            before, at_us = rows.get(key, (0, 0))
            rows[key] = before + sign * count, max(at_us, changed_us)
    if sum(count for count, _ in rows.values()) != table.num_rows or any(n < 0 for n, _ in rows.values()):
        return None
    columns = {}
    for column in kept:
        sizes = dict(known.columns[column])
        for sign, part in ((1, came), (-1, went)):
            for key, size in part.columns[column].items():
                sizes[key] = sizes.get(key, 0) + sign * size
        columns[column] = {k: v for k, v in sizes.items() if rows[k][0]}
    rows = {k: v for k, v in rows.items() if v[0]}
    relation = known.relation if rows.keys() == known.rows.keys() else None
    return Counted(table.version, rows, columns, kept, relation)


def _ends_of(session: Session, table: Table, partitions: Partitions | None) -> dict[int, int]:
    """When rows of each partition ended last."""
    storage = table.storage
    assert storage is not None
    key = str(WHOLE_KEY) if partitions is None else partitions.key
    found = session.scalar(
        f"SELECT list([k, e]) FROM (SELECT {key} AS k, max({VERSION_END}) AS e FROM {storage.engine_table}"
        f" WHERE {VERSION_END} <= {table.version} GROUP BY 1)"
    )
    return dict(found) if isinstance(found, list) else {}


def _count(
    session: Session,
    table: Table,
    partitions: Partitions | None,
    columns: Mapping[str, Field],
    condition: str,
) -> Counted:
    """The rows that meet a condition, by partition."""
    from .sizes import column_total

    storage = table.storage
    assert storage is not None
    key = str(WHOLE_KEY) if partitions is None else partitions.key
    names = list(columns)
    totals = [column_total(columns[c], column_of(c), path_of(c)) for c in names]
    sizes = "".join(f", CAST({total} AS BIGINT) AS s{n}" for n, total in enumerate(totals))
    # Rows that ended changed their partition when they did.
    changed = f"max(greatest({VERSION_BEGIN}, COALESCE({VERSION_END}, 0)))"
    listed = "".join(f", s{n}" for n in range(len(names)))
    found = session.scalar(
        f"SELECT list([k, n, changed{listed}]) FROM (SELECT {key} AS k, count(*) AS n,"
        f" {changed} AS changed{sizes} FROM {storage.engine_table} WHERE {condition} GROUP BY 1)"
    )
    counted = Counted(table.version, {}, {c: {} for c in names})
    assert found is None or isinstance(found, list)
    for key_, rows, changed_us, *found_sizes in found or ():
        counted.rows[key_] = rows, changed_us
        for column, size in zip(names, found_sizes, strict=True):
            counted.columns[column][key_] = size or 0
    return counted


def relation_of(counted: Counted, partitions: Partitions) -> pa.Table:
    """The partitions that have rows, but ``__UNPARTITIONED__``, as ``c1`` (first value), ``c2`` (last value)
    of the type of the column, and ``c3`` (key)."""
    if counted.relation is None:
        counted.relation = partition_relation([k for k in counted.rows if k != UNPARTITIONED_KEY], partitions)
    relation: pa.Table = counted.relation
    return relation


def partition_relation(keys: Sequence[int], partitions: Partitions) -> pa.Table:
    """As :func:`relation_of`, for partitions by their keys."""
    import pyarrow as pa

    from bqsim.types import INT64
    from bqsim.types.arrow import arrow_type, table_of

    ends = [partitions.ends(key) for key in keys]
    kind = Field("c", partitions.kind)
    columns = []
    for side in (0, 1):
        numbers = pa.array([None if end is None else end[side] for end in ends], pa.int64())
        columns.append(_values(numbers, arrow_type(kind.type), partitions))
    return table_of([*columns, pa.array(list(keys), arrow_type(INT64))])


def _values(numbers: pa.Array, type_: pa.DataType, partitions: Partitions) -> pa.Array:
    """Epoch microseconds, or numbers of ranges, as values of the column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if partitions.unit is None:
        return numbers
    if pa.types.is_date(type_):
        days = pc.floor(pc.divide(pc.cast(numbers, pa.float64()), 86_400_000_000.0))
        return days.cast(pa.int32()).cast(type_)
    return numbers.cast(type_)
