"""Blocks of clustered tables: a model of how the service stores their rows, for the bytes of queries.

The service keeps clustered tables sorted by rewriting them in the background, in blocks of sizes that it
chooses: that clustering pays from about 64 MB of a table or partition on is all that is documented (page
*Introduction to clustered tables*). The model: each partition is sorted by its clustering columns (NULL
first, strings by their first 1,024 characters) and cut into blocks of about equal logical bytes of all
columns, as few as hold no more than :data:`BLOCK_BYTES`; rows that sort alike stay together. Rows that came
since are read by every query, until a tenth of the rows has changed: then the table is sorted anew. LIMIT
does not end a scan early, as it may there.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import Table
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END, Session
from bqsim.errors import BigQueryError
from bqsim.sim.stale import seen
from bqsim.sql.lower.block_conditions import CHARACTERS, ordered_by
from bqsim.sql.lower.literals import literal_sql
from bqsim.sql.lower.partition_conditions import LABEL
from bqsim.types import INT64, Field, Mode, Type, TypeKind

from .partition_ids import partitions_of
from .table_statistics import WHOLE_KEY, column_key, column_of, path_of

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 64 * 1024 * 1024
# A table is sorted anew once one row in so many has changed.
CHANGED = 10
# Conditions whose blocks are remembered of a table.
REMEMBERED = 256
# Where blocks begin is found by about so many rows.
SAMPLE_ROWS = 100_000
_RELATION = "_bq_blocks"


# What blocks begin with, but the first one, by the key of their partition.
Bounds = dict[int, list[tuple[Any, ...]]]


@dataclass(slots=True)
class Blocks:
    """The blocks of one version of an engine table; not to be changed by whoever gets it.

    ``relation`` has the number of each block and what it has of the clustering columns, of ``fields``.
    ``keys`` are the partitions of the blocks, ``sizes`` the bytes of columns (``c3``, ``c3.0``) by block.
    """

    version: int
    rows: int
    bounds: Bounds
    relation: pa.Table
    fields: Sequence[Field]
    keys: Sequence[int]
    sizes: Mapping[str, Sequence[int]]
    shapes: Mapping[str, Field]
    admitted: dict[str, Collection[int]] = field(default_factory=dict)


class ClusterBlocks:
    """The blocks of stored tables, by engine table. Thread safe."""

    def __init__(
        self, block_bytes: int = BLOCK_BYTES, capacity: int = 4096, sample: int = SAMPLE_ROWS
    ) -> None:
        self.block_bytes = block_bytes
        self.sample = sample
        self._known: dict[str, Blocks] = {}
        self._capacity = capacity
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._known.clear()

    def of(self, session: Session, table: Table, names: Iterable[str]) -> Blocks | None:
        """The blocks of a clustered table with the bytes of the named columns, or fields in them; None of a
        table whose first clustering column has no order, or that is seen later than it was."""
        storage = table.storage
        if storage is None or not ordered_by(table) or seen() is not None:
            return None
        fields = dict(zip(storage.columns, table.fields, strict=True))
        keys = [key for n in names if (key := column_key(table, n)) is not None]
        wanted = {key: fields[column_of(key)] for key in keys}
        known = self._known.get(storage.engine_table)
        if known is not None and not _holds(session, table, known):
            known = None
        if known is not None and all(known.shapes.get(c) == f for c, f in wanted.items()):
            return known
        bounds = None
        if known is not None:
            wanted |= {c: f for c, f in known.shapes.items() if fields.get(column_of(c)) == f}
            bounds = known.bounds
        if bounds is None:
            bounds = self._bounds(session, table)
        found = _counted(session, table, bounds, wanted)
        with self._lock:
            if len(self._known) >= self._capacity:
                self._known.clear()
            self._known[storage.engine_table] = found
        return found

    def _bounds(self, session: Session, table: Table) -> Bounds:
        """Where blocks begin, by some of the rows of a large table, always the same ones."""
        from .sizes import size_expression

        storage = table.storage
        assert storage is not None
        whole = " + ".join(
            f"COALESCE({size_expression(f, c)}, 0)"
            for f, c in zip(table.fields, storage.columns, strict=True)
        )
        every = -(-table.num_rows // self.sample) or 1
        order = _order_of(table)
        sort = ", ".join(f"{name} NULLS FIRST" for name in order)
        inner = ", ".join(order)
        rows = ", ".join(f"{form} AS {name}" for name, form in order.items())
        taken = f" AND hash(rowid) % {every} = 0" if every > 1 else ""
        width = f"CAST({self.block_bytes / every} AS DOUBLE)"
        found = session.query(
            f"SELECT k, {inner} FROM ("
            f"SELECT *, lag(b) OVER (PARTITION BY k ORDER BY {sort}, z) AS before FROM ("
            f"SELECT *, CAST(floor((reached - z) * blocks / whole) AS BIGINT) AS b FROM ("
            f"SELECT *, ceil(whole / {width}) AS blocks FROM ("
            f"SELECT *, sum(z) OVER (PARTITION BY k ORDER BY {sort}, z ROWS UNBOUNDED PRECEDING) AS reached,"
            " sum(z) OVER (PARTITION BY k) AS whole FROM ("
            f"SELECT {_key_of(table)} AS k, {whole or '0'} AS z, {rows} FROM {storage.engine_table}"
            f" WHERE {VERSION_END} IS NULL{taken}))) WHERE whole > 0)) WHERE b > before ORDER BY k, {sort}",
            [Field("k", INT64.kind), *(_plain(table.fields[i]) for i in ordered_by(table))],
        )
        bounds: dict[int, list[tuple[Any, ...]]] = {}
        for key, *values in zip(*(column.to_pylist() for column in found.columns), strict=True):
            begins = bounds.setdefault(key, [])
            if not begins or begins[-1] != tuple(values):
                begins.append(tuple(values))
        return bounds


def _order_of(table: Table) -> dict[str, str]:
    """The engine expressions that rows are ordered by, by name."""
    storage = table.storage
    assert storage is not None
    return {f"g{n}": _ordered(table.fields[i], storage.columns[i]) for n, i in enumerate(ordered_by(table))}


def _key_of(table: Table) -> str:
    partitions = partitions_of(table)
    return str(WHOLE_KEY) if partitions is None else partitions.key


def _counted(session: Session, table: Table, bounds: Bounds, columns: Mapping[str, Field]) -> Blocks:
    """What the blocks that begin so have of the rows of a table."""
    from .sizes import size_expression

    storage = table.storage
    assert storage is not None
    order, names = _order_of(table), list(columns)
    sizes = {
        f"s{n}": f"COALESCE({size_expression(columns[c], column_of(c), path=path_of(c))}, 0)"
        for n, c in enumerate(names)
    }
    rows = "".join(f", {form} AS {name}" for name, form in (order | sizes).items())
    ends = ", ".join(f"min({g}) AS l{g}, max({g}) AS h{g}, count(*) - count({g}) AS n{g}" for g in order)
    summed = "".join(f", CAST(sum({s}) AS BIGINT) AS {s}" for s in sizes)
    shown = ", ".join(f"l{g}, h{g}, n{g}" for g in order)
    found_in = "".join(
        f" WHEN {key} THEN {_number(begins, _types(table), 0, len(begins))}" for key, begins in bounds.items()
    )
    block = f"CASE k{found_in} ELSE 0 END" if bounds else "0"
    number = Field("n", INT64.kind)
    ends_of = [f for i in ordered_by(table) for f in (*[_plain(table.fields[i])] * 2, number)]
    fields = [number, *ends_of, number]
    found = session.query(
        f"SELECT row_number() OVER (ORDER BY k, b) - 1, {shown}, k{''.join(f', {s}' for s in sizes)} FROM ("
        f"SELECT k, b, {ends}{summed} FROM (SELECT *, {block} AS b FROM ("
        f"SELECT {_key_of(table)} AS k{rows} FROM {storage.engine_table} WHERE {VERSION_END} IS NULL))"
        " GROUP BY k, b) ORDER BY k, b",
        [*fields, *[number] * len(names)],
    )
    at = len(fields)
    return Blocks(
        table.version,
        table.num_rows,
        bounds,
        found.select(range(at)),
        fields,
        found.column(at - 1).to_pylist(),
        {c: found.column(at + n).to_pylist() for n, c in enumerate(names)},
        dict(columns),
    )


def _types(table: Table) -> list[Type]:
    return [table.fields[i].value_type for i in ordered_by(table)]


def _number(begins: Sequence[tuple[Any, ...]], types: Sequence[Type], low: int, high: int) -> str:
    """The engine expression of the number of the block of a row, between two of them: a search by halves."""
    if low == high:
        return str(low)
    middle = (low + high) // 2
    before = _before(begins[middle], types, 0)
    first, second = _number(begins, types, low, middle), _number(begins, types, middle + 1, high)
    return f"CASE WHEN {before} THEN {first} ELSE {second} END"


def _before(begin: tuple[Any, ...], types: Sequence[Type], at: int) -> str:
    """The engine condition that a row comes before what a block begins with; NULL comes first."""
    if at == len(begin):
        return "FALSE"
    rest = _before(begin, types, at + 1)
    if begin[at] is None:
        return f"(g{at} IS NULL AND {rest})"
    value = literal_sql(types[at], begin[at])
    return f"(g{at} IS NULL OR g{at} < {value} OR (g{at} = {value} AND {rest}))"


def _ordered(field_: Field, column: str) -> str:
    return f"left({column}, {CHARACTERS})" if field_.kind is TypeKind.STRING else column


def _plain(field_: Field) -> Field:
    return Field("c", field_.kind, Mode.NULLABLE)


def _holds(session: Session, table: Table, known: Blocks) -> bool:
    """Whether a table is still sorted as it was in an earlier version."""
    if known.version == table.version:
        return True
    storage = table.storage
    if known.version > table.version or storage is None:
        return False
    came = session.scalar(
        f"SELECT count(*) FROM {storage.engine_table}"
        f" WHERE {VERSION_BEGIN} > {known.version} AND {VERSION_END} IS NULL"
    )
    came = int(str(came))
    went = known.rows + came - table.num_rows
    return (came + went) * CHANGED <= known.rows


def admitted_blocks(session: Session, blocks: Blocks, condition: str) -> Collection[int] | None:
    """The numbers of the blocks where a condition holds; None when it cannot be computed."""
    found = blocks.admitted.get(condition)
    if found is not None:
        return found
    session.register(_RELATION, blocks.relation, blocks.fields)
    try:
        listed = session.scalar(f"SELECT list(c1) FROM {_RELATION} AS {LABEL} WHERE {condition}")
    except BigQueryError:
        return None
    finally:
        session.unregister(_RELATION)
    if len(blocks.admitted) >= REMEMBERED:
        blocks.admitted.clear()
    found = blocks.admitted[condition] = frozenset(listed if isinstance(listed, list) else ())
    return found
