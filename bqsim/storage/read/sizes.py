"""Logical bytes of what a session reads, before any restriction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bqsim.sql.statements.sizes import ColumnSizes, column_total
from bqsim.types.bytes_size import table_bytes

from .projection import LABEL, Projection
from .sources import ResultRows, Source

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session


def projected(
    session: Session, known: ColumnSizes, source: Source, projection: Projection
) -> tuple[int, int]:
    """The bytes of the selected fields in all rows, and the number of rows.

    ``known`` remembers the sizes of whole columns of tables as they are now.
    """
    if isinstance(source, ResultRows):
        rows = projection.take(source.result.rows)
        return table_bytes(projection.fields, rows), rows.num_rows
    remembered: list[str] = []
    totals: list[str] = []
    expressions = projection.expressions(source)
    for field, (index, nested), expression in zip(
        projection.fields, projection.places, expressions, strict=True
    ):
        if source.row_count is not None and nested is None and index < len(source.fields):
            remembered.append(field.name)
        else:
            totals.append(column_total(field, expression))
    nbytes = known.columns(session, source.table, remembered)
    if not totals and source.row_count is not None:
        return nbytes, source.row_count
    sql = f"SELECT [{', '.join(['count(*)', *totals])}] FROM {source.storage.engine_table} AS {LABEL}"
    found = session.scalar(f"{sql} WHERE {source.live}")
    assert isinstance(found, list)
    count, *more = (int(value or 0) for value in found)
    return nbytes + sum(more), count
