"""The rows of a session out of their source: what it reads, in which rows of it, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bqsim.jobs.select import select_columns
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import column_names

from .blocks import Blocks
from .projection import LABEL, Projection
from .sampling import Sample
from .sources import ResultRows, Source, StoredRows

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.engine.protocol import Session

RELATION = "_bq_read"
_NUMBER = "_bq_number"
_COUNTS = (Field("part", TypeKind.INT64), Field("rows", TypeKind.INT64))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a session reads. ``condition`` is an engine condition over relation ``t``; rows that do not
    fulfil it, or that the sample leaves out, are not read."""

    source: Source
    projection: Projection
    blocks: Blocks
    condition: str | None = None
    sample: Sample | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for readings of the same values."""
        source = self.source
        read: object = self.projection.places
        if not isinstance(source, ResultRows):
            read = tuple(self.projection.expressions(source))
        return (source.key, read, self.condition, self.sample, self.blocks.size)

    @property
    def counted(self) -> bool:
        """Whether the block map alone tells how many rows are read."""
        return self.condition is None and self.sample is None

    def rows(self, session: Session, start: int, end: int) -> pa.Table:
        """The canonical rows that are read of rows ``[start, end)`` of the source."""
        if isinstance(self.source, ResultRows):
            return self._result_rows(session, self.source, start, end)
        columns = ", ".join(self.projection.expressions(self.source))
        # Conditions may become joins, which do not keep the order of rows.
        order = "" if self.counted else f" ORDER BY {LABEL}.rowid"
        sql = f"SELECT {columns} {self._from(self.source, start, end)}{order}"
        return _with_arrays(session.query(sql, self.projection.fields), self.projection.fields)

    def counts(self, session: Session, start: int, end: int, part: int) -> dict[int, int]:
        """How many rows are read of ``[start, end)``, by part: part i is rows ``[i * part, (i + 1) * part)``
        of the source. Parts without rows are left out."""
        if isinstance(self.source, ResultRows):
            found = {}
            for at in range(start - start % part, end, part):
                low, high = max(at, start), min(at + part, end)
                found[at // part] = self._result_count(session, self.source, low, high)
            return found
        rest = self._from(self.source, start, end)
        sql = f"SELECT {LABEL}.rowid // {part} AS part, count(*) AS n {rest} GROUP BY ALL"
        parts, numbers = session.query(sql, _COUNTS).columns
        return dict(zip(parts.to_pylist(), numbers.to_pylist(), strict=True))

    # Stored tables

    def _from(self, source: StoredRows, start: int, end: int) -> str:
        conditions = [f"{LABEL}.rowid >= {start} AND {LABEL}.rowid < {end}"]
        if self.sample is not None:
            blocks = self.sample.blocks(start, end)
            taken = f"({LABEL}.rowid // {self.sample.size}) IN ({', '.join(map(str, blocks))})"
            conditions.append(taken if blocks else "FALSE")
        guard = source.live
        if self.blocks.whole:
            guard = f"{LABEL}.rowid < {end}" if end == self.blocks.end else ""
        if self.condition is None:
            conditions += [guard] if guard else []
        elif guard:
            # The condition may fail, and must not see rows that are not read.
            conditions.append(f"CASE WHEN {guard} THEN ({self.condition}) ELSE FALSE END")
        else:
            conditions.append(f"({self.condition})")
        return f"FROM {source.storage.engine_table} AS {LABEL} WHERE {' AND '.join(conditions)}"

    # Results

    def _result_rows(self, session: Session, source: ResultRows, start: int, end: int) -> pa.Table:
        rows = self._sampled(source, start, end)
        if self.condition is None:
            return self.projection.take(rows)
        places = self.projection.places
        needed = sorted({index for index, _ in places})
        names = column_names(rows.num_columns)
        columns = ", ".join(f"{LABEL}.{names[i]}" for i in needed)
        order = f" ORDER BY {LABEL}.{_NUMBER}"
        found = self._query(session, source, rows, columns, [source.fields[i] for i in needed], order)
        return select_columns(found, [(needed.index(i), n) for i, n in places], self.projection.fields)

    def _result_count(self, session: Session, source: ResultRows, start: int, end: int) -> int:
        rows = self._sampled(source, start, end)
        if self.condition is None:
            return int(rows.num_rows)
        found = self._query(session, source, rows, "0, count(*)", _COUNTS)
        return int(found.column(1).to_pylist()[0])

    def _query(
        self,
        session: Session,
        source: ResultRows,
        rows: pa.Table,
        columns: str,
        fields: Sequence[Field],
        tail: str = "",
    ) -> pa.Table:
        session.register(RELATION, rows, source.fields)
        try:
            numbered = f"SELECT *, row_number() OVER () AS {_NUMBER} FROM {RELATION}"
            sql = f"SELECT {columns} FROM ({numbered}) AS {LABEL} WHERE ({self.condition}){tail}"
            return session.query(sql, fields)
        finally:
            session.unregister(RELATION)

    def _sampled(self, source: ResultRows, start: int, end: int) -> pa.Table:
        import pyarrow as pa

        if self.sample is None:
            return source.result.slice(start, end - start)
        runs = [source.result.slice(low, high - low) for low, high in self.sample.runs(start, end)]
        return pa.concat_tables(runs) if runs else source.result.slice(0, 0)


def _with_arrays(rows: pa.Table, fields: Sequence[Field]) -> pa.Table:
    """Rows with empty arrays where a REPEATED column was added after them."""
    for index, field in enumerate(fields):
        column = rows.column(index)
        if field.mode is Mode.REPEATED and column.null_count:
            import pyarrow as pa

            arrays = [_array(chunk) for chunk in column.chunks]
            rows = rows.set_column(index, rows.schema.field(index), pa.chunked_array(arrays))
    return rows


def _array(chunk: pa.Array) -> pa.Array:
    import pyarrow as pa

    offsets = chunk.buffers()[1]
    return pa.Array.from_buffers(chunk.type, len(chunk), [None, offsets], 0, chunk.offset, [chunk.values])
