"""Rows in the streaming buffer: who does not see them, and the DML that they refuse."""

from __future__ import annotations

from dataclasses import dataclass

from bqsim.catalog.buffers import StreamingBuffers
from bqsim.catalog.resources import Storage, Table
from bqsim.engine.protocol import VERSION_BEGIN, Session
from bqsim.errors import BigQueryError

from .base import Statement
from .sizes import column_total
from .storage import live, storage_of
from .writes import Writer

# What the refusal calls a statement (page "Error messages", badRequest).
CHANGE = "UPDATE or DELETE statement"
TRUNCATE = "TRUNCATE DML statement"


@dataclass(frozen=True, slots=True)
class Buffered:
    """The rows of a table that are in its buffer: how many, their logical bytes, when the oldest came.

    ``others`` is the engine condition of the rows that are not.
    """

    rows: int
    bytes: int
    oldest_us: int
    others: str


def flushed(buffers: StreamingBuffers, storage: Storage) -> str:
    """The engine condition of a stored table's rows that are not in its buffer; empty when none are."""
    buffer = buffers.find(storage.engine_table)
    return "" if buffer is None else f"NOT {buffer.holds(VERSION_BEGIN)}"


def buffered(session: Session, buffers: StreamingBuffers, table: Table) -> Buffered | None:
    """What the buffer holds of ``table`` as it is here; None for a table without a buffer."""
    storage = table.storage
    buffer = None if storage is None else buffers.find(storage.engine_table)
    if buffer is None or storage is None:
        return None
    sizes = " + ".join(column_total(f, c) for f, c in zip(table.fields, storage.columns, strict=True))
    found = session.scalar(
        f"SELECT [count(*), CAST({sizes or '0'} AS BIGINT)] FROM {storage.engine_table}"
        f" WHERE {live(storage, table.version)} AND {buffer.holds(VERSION_BEGIN)}"
    )
    assert isinstance(found, list)
    rows, size = (int(number) for number in found)
    return Buffered(rows, size, buffer.oldest_us, f"NOT {buffer.holds(VERSION_BEGIN)}") if rows else None


def refuse_buffered(statement: Statement, writer: Writer, kind: str) -> None:
    """Fail when any of the rows that ``writer`` has removed is in the table's buffer."""
    storage = storage_of(writer.table)
    buffer = statement.catalog.buffers.find(storage.engine_table) if writer.removed else None
    if buffer is None:
        return
    touched = f"{writer.gone} AND {buffer.holds(VERSION_BEGIN)}"
    if statement.session.scalar(f"SELECT count(*) FROM {storage.engine_table} WHERE {touched}"):
        raise BigQueryError(
            "badRequest",
            f"{kind} over table {writer.table.ref.sql_name} would affect rows in the streaming buffer, "
            "which is not supported",
            location="query",
        )
