"""Logical sizes of stored columns, what bytes processed are made of (BigQuery page *Data types*, sizes)."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from bqsim.catalog.resources import Table
from bqsim.catalog.shadow import shadow_of
from bqsim.catalog.stored_bytes import Sized
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END, Session
from bqsim.sim.stale import seen
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.bytes_size import FIXED

from .storage_figures import EndedRows
from .table_statistics import TableStatistics, column_key

if TYPE_CHECKING:
    from bqsim.catalog.stored_bytes import StoredBytes

# How many tables one engine query reads.
AT_ONCE = 20
# Tables of so many rows are not counted whole where something is known of them.
_LARGE = 100_000

_VARIABLE: dict[TypeKind, str] = {
    TypeKind.STRING: "2 + strlen({0})",
    TypeKind.BYTES: "2 + octet_length({0})",
    TypeKind.JSON: "strlen({0})",
    TypeKind.GEOGRAPHY: "16 + 24 * bq_geo_vertices({0})",
}


def size_expression(field: Field, value: str, depth: int = 0, path: tuple[int, ...] = ()) -> str:
    """The engine expression of the bytes of one value of ``field``; NULL values count 0 (yielded as NULL
    or 0). ``path`` are the positions of a field within: only that is counted.
    """
    if field.mode is Mode.REPEATED:
        return _array(field, value, depth, path)
    return _single(field, value, depth, path)


def _array(field: Field, value: str, depth: int, path: tuple[int, ...]) -> str:
    if field.kind in FIXED:
        return f"{FIXED[field.kind]} * list_count({value})"
    element = f"e{depth}"
    return f"list_sum(list_transform({value}, lambda {element}: {_single(field, element, depth + 1, path)}))"


def _single(field: Field, value: str, depth: int, path: tuple[int, ...]) -> str:
    if field.kind in FIXED:
        return f"CASE WHEN {value} IS NULL THEN 0 ELSE {FIXED[field.kind]} END"
    if field.kind is TypeKind.STRUCT:
        parts = [
            f'COALESCE({size_expression(f, f"""({value})."_{i + 1}" """.strip(), depth, path[1:])}, 0)'
            for i, f in enumerate(field.fields)
            if not path or path[0] == i
        ]
        return f"({' + '.join(parts) or '0'})"
    return _VARIABLE[field.kind].format(value)


def column_total(field: Field, column: str, path: tuple[int, ...] = ()) -> str:
    """The engine aggregate of the bytes of a whole column, or of a field in it."""
    if _is_fixed(field):
        return f"{FIXED[field.kind]} * count({column})"
    return f"COALESCE(sum({size_expression(field, column, path=path)}), 0)"


def stored_bytes(values: Any, source: Field, field: Field) -> int | None:
    """The logical bytes that canonical Arrow values of ``source`` have once they are stored in ``field``;
    None when only the engine can count them.
    """
    if source.type == field.type and not _has_shapes(field):
        from bqsim.types.bytes_size import logical_bytes

        return logical_bytes(field, values)
    if field.mode is not Mode.REPEATED and source.mode is not Mode.REPEATED and field.kind in FIXED:
        return FIXED[field.kind] * (len(values) - int(values.null_count))
    return None


def _has_shapes(field: Field) -> bool:
    return field.kind is TypeKind.GEOGRAPHY or any(map(_has_shapes, field.fields))


def row_sizes(table: Table) -> str:
    """Engine expressions of what :func:`row_bytes` tells the bytes of each column of one row from."""
    storage = table.storage
    assert storage is not None
    pairs = zip(table.fields, storage.columns, strict=True)
    return ", ".join(f"{c} IS NOT NULL" if _is_fixed(f) else size_expression(f, c) for f, c in pairs)


def row_bytes(table: Table, found: Sequence[object]) -> list[int]:
    """The bytes of each column of one row, by the values of :func:`row_sizes`."""
    return [
        FIXED[field.kind] * bool(value) if _is_fixed(field) else int(str(value or 0))
        for field, value in zip(table.fields, found, strict=True)
    ]


def _is_fixed(field: Field) -> bool:
    return field.mode is not Mode.REPEATED and field.kind in FIXED


def added_bytes(session: Session, table: Table, columns: Sequence[str], version: int) -> dict[str, int]:
    """The bytes of engine columns in the rows that a version has added to a table."""
    return sums(session, table, columns, f"{VERSION_BEGIN} = {version} AND {VERSION_END} IS NULL")[1]


def sums(
    session: Session, table: Table, columns: Sequence[str], condition: str
) -> tuple[int, dict[str, int]]:
    """How many rows meet a condition, and the bytes of engine columns in them."""
    storage = table.storage
    assert storage is not None
    fields = dict(zip(storage.columns, table.fields, strict=True))
    totals = "".join(f", CAST({column_total(fields[c], c)} AS BIGINT)" for c in columns)
    found = session.scalar(f"SELECT [count(*){totals}] FROM {storage.engine_table} WHERE {condition}")
    rows, *sizes = found if isinstance(found, list) else [0] * (1 + len(columns))
    return int(rows), dict(zip(columns, map(int, sizes), strict=True))


class ColumnSizes:
    """Sizes of live columns: those that ``written`` knows, else counted once and kept by
    :attr:`statistics`. Shadow tables answer from what was imported of them.
    """

    def __init__(self, written: StoredBytes, capacity: int = 262_144) -> None:
        self._written = written
        written.on_forget(self._forget)
        self.statistics = TableStatistics()
        self.ended = EndedRows()
        self._totals: dict[_Key, int] = {}
        self._capacity = capacity
        self._lock = threading.Lock()

    def columns(self, session: Session, table: Table, names: Iterable[str]) -> int:
        """The bytes of named columns, or fields in them (``s.a``), of a table's live rows; unknown names
        count nothing.
        """
        shadow = shadow_of(table)
        if shadow is not None:
            return shadow.bytes_of(names)
        storage = table.storage
        if storage is None or not table.num_rows:
            return 0
        names = list(names)
        columns = {key for n in names if (key := column_key(table, n)) is not None}
        written = self._known(session, table, columns)
        if all(column in written for column in columns):
            return sum(written[column] for column in columns)
        counted = self.statistics.of(session, table, names)
        if seen() is None:
            # Who writes rows keeps the bytes of whole columns only.
            known = {column: counted.bytes_of([column]) for column in columns if "." not in column}
            self._written.learn(storage.engine_table, Sized(table.version, table.num_rows, known))
        return counted.bytes_of(columns)

    def _known(self, session: Session, table: Table, columns: Collection[str]) -> Mapping[str, int]:
        """The bytes of columns that are known from writing, and from what has changed since."""
        storage = table.storage
        assert storage is not None
        before = self._written.latest(storage.engine_table)
        if before is None or before.version > table.version or seen() is not None:
            return self._written.of(storage.engine_table, table.version)
        if before.version == table.version or not all(c in before.columns for c in columns):
            return before.columns if before.version == table.version else {}
        since, kept = before.version, [c for c in storage.columns if c in before.columns]
        came = f"{VERSION_BEGIN} > {since} AND {VERSION_END} IS NULL"
        went = f"{VERSION_BEGIN} <= {since} AND {VERSION_END} > {since}"
        more, added = sums(session, table, kept, came)
        less, taken = sums(session, table, kept, went)
        if before.rows + more - less != table.num_rows:
            return {}
        now = {c: before.columns[c] + added[c] - taken[c] for c in kept}
        self._written.learn(storage.engine_table, Sized(table.version, table.num_rows, now))
        return now

    def _forget(self) -> None:
        """Versions were put back: what was counted of them, and of later ones, is no longer so."""
        self.statistics.clear()
        self.ended.clear()
        with self._lock:
            self._totals.clear()

    def table(self, session: Session, table: Table) -> int:
        """The bytes of all columns of a table's live rows: its ``numBytes``."""
        return self.columns(session, table, [f.name for f in table.fields])

    def appended(self, session: Session, table: Table, since: int, names: Iterable[str]) -> int | None:
        """The bytes of columns of the rows that came after a version of a table; None when others went."""
        storage = table.storage
        assert storage is not None
        columns = [
            (f, storage.columns[i])
            for n in names
            if (i := table.field_index(n)) is not None
            for f in (table.fields[i],)
        ]
        total = " + ".join(column_total(field, column) for field, column in columns)
        went = f"{VERSION_BEGIN} <= {since} AND {VERSION_END} > {since}"
        if session.scalar(f"SELECT count(*) FROM {storage.engine_table} WHERE {went}"):
            return None
        came = f"{VERSION_BEGIN} > {since} AND {VERSION_END} IS NULL"
        found = session.scalar(
            f"SELECT CAST({total or '0'} AS BIGINT) FROM {storage.engine_table} WHERE {came}"
        )
        return int(str(found or 0))

    def tables(self, session: Session, tables: Sequence[Table]) -> list[int]:
        """:meth:`table` of each of many tables, with few engine queries."""
        shadows = {n: s for n, table in enumerate(tables) if (s := shadow_of(table)) is not None}
        keys = [None if n in shadows else _key(table) for n, table in enumerate(tables)]
        written = {key: size for key in keys if key is not None and (size := self._total(key)) is not None}
        missing = [
            (key, table)
            for key, table in zip(keys, tables, strict=True)
            if table.num_rows and key is not None and key not in written and key not in self._totals
        ]
        found: dict[_Key, int] = {}
        for key, table in missing:
            if table.num_rows >= _LARGE:
                known = self._known(session, table, key[2])
                if all(column in known for column in key[2]):
                    found[key] = sum(known[column] for column in key[2])
        missing = [(key, table) for key, table in missing if key not in found]
        for some in alike(missing):
            found |= _totals(session, some)
        written |= found
        totals = [
            0 if key is None or not t.num_rows else written[key] if key in written else self._totals[key]
            for key, t in zip(keys, tables, strict=True)
        ]
        for n, shadow in shadows.items():
            totals[n] = shadow.bytes
        if found and seen() is None:
            with self._lock:
                if len(self._totals) + len(found) > self._capacity:
                    self._totals.clear()
                self._totals |= found
        return totals

    def _total(self, key: _Key) -> int | None:
        """The bytes of all columns, if they are known from writing."""
        name, version, columns = key
        written = self._written.of(name, version)
        try:
            return sum([written[column] for column in columns])
        except KeyError:
            return None


_Key = tuple[str, int, tuple[str, ...]]
_K = TypeVar("_K")


def _key(table: Table) -> _Key | None:
    storage = table.storage
    return None if storage is None else (storage.engine_table, table.version, storage.columns)


def _totals(session: Session, tables: Sequence[tuple[_Key, Table]]) -> dict[_Key, int]:
    """The bytes of the live rows of tables whose columns have the same types."""
    values = [f"v{n}" for n in range(len(tables[0][1].fields))]
    selects = []
    for number, ((name, _, columns), _table) in enumerate(tables):
        named = "".join(f", {column} AS {value}" for column, value in zip(columns, values, strict=True))
        selects.append(f"SELECT {number} AS n{named} FROM {name} WHERE {VERSION_END} IS NULL")
    row = " + ".join(
        f"COALESCE({size_expression(f, v)}, 0)" for f, v in zip(tables[0][1].fields, values, strict=True)
    )
    found = session.scalar(
        f"SELECT list([n, size]) FROM (SELECT n, CAST(sum({row or '0'}) AS BIGINT) AS size"
        f" FROM ({' UNION ALL '.join(selects)}) GROUP BY n)"
    )
    sizes = {tables[n][0]: int(size) for n, size in found} if isinstance(found, list) else {}
    return {key: sizes.get(key, 0) for key, _ in tables}


def alike(tables: Iterable[tuple[_K, Table]], at_once: int = AT_ONCE) -> Iterator[list[tuple[_K, Table]]]:
    """Tables whose columns have the same types together, as many as one engine query is to read."""
    shapes: dict[tuple[object, ...], list[tuple[_K, Table]]] = {}
    for key, table in tables:
        shapes.setdefault(tuple(map(_shape, table.fields)), []).append((key, table))
    for same in shapes.values():
        for start in range(0, len(same), at_once):
            yield same[start : start + at_once]


def _shape(field: Field) -> object:
    repeated = field.mode is Mode.REPEATED
    return (
        (field.kind, repeated, tuple(map(_shape, field.fields))) if field.fields else (field.kind, repeated)
    )
