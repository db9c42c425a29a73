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

    ``closed`` is how many of them lists do not see; ``others`` the engine condition of the rows that they do.
    """

    rows: int
    bytes: int
    oldest_us: int
    closed: int
    others: str


def streamed(buffers: StreamingBuffers, writer: Writer, *, open_: bool = False) -> None:
    """Once the rows of ``writer`` are committed they are in its table's buffer; ``open_``: as those of the
    Storage Write API are."""
    name, version, follows = storage_of(writer.table).engine_table, writer.version, writer.table.version
    writer.session.on_commit(lambda: buffers.add(name, version, follows, open_=open_))


def flushed(buffers: StreamingBuffers, storage: Storage) -> str:
    """The engine condition of a stored table's rows that its buffer does not hide; empty when none are."""
    buffer = buffers.find(storage.engine_table)
    closed = "" if buffer is None else buffer.closed(VERSION_BEGIN)
    return f"NOT {closed}" if closed else ""


def buffered(session: Session, buffers: StreamingBuffers, table: Table) -> Buffered | None:
    """What the buffer holds of ``table`` as it is here; None for a table without a buffer."""
    storage = table.storage
    buffer = None if storage is None else buffers.find(storage.engine_table)
    if buffer is None or storage is None:
        return None
    sizes = " + ".join(column_total(f, c) for f, c in zip(table.fields, storage.columns, strict=True))
    closed = buffer.closed(VERSION_BEGIN)
    found = session.scalar(
        f"SELECT [count(*), CAST({sizes or '0'} AS BIGINT), count(*) FILTER (WHERE {closed or 'false'})]"
        f" FROM {storage.engine_table}"
        f" WHERE {live(storage, table.version)} AND {buffer.holds(VERSION_BEGIN)}"
    )
    assert isinstance(found, list)
    rows, size, hidden = (int(number) for number in found)
    others = f"NOT {closed}" if closed else ""
    return Buffered(rows, size, buffer.oldest_us, hidden, others) if rows else None


def refuse_buffered(statement: Statement, writer: Writer, kind: str) -> None:
    """Fail when any of the rows that ``writer`` has removed is in the table's buffer."""
    storage = storage_of(writer.table)
    buffer = statement.catalog.buffers.find(storage.engine_table) if writer.removed else None
    closed = "" if buffer is None else buffer.closed(VERSION_BEGIN)
    if not closed:
        return
    touched = f"{writer.gone} AND {closed}"
    if statement.session.scalar(f"SELECT count(*) FROM {storage.engine_table} WHERE {touched}"):
        raise BigQueryError(
            "badRequest",
            f"{kind} over table {writer.table.ref.sql_name} would affect rows in the streaming buffer, "
            "which is not supported",
            location="query",
        )
