"""Rows that are not visible yet: those of a PENDING stream before its commit, and of a BUFFERED one before
they are flushed."""

from __future__ import annotations

from dataclasses import replace

from bqsim.catalog.resources import Storage, Table
from bqsim.engine.protocol import VERSION_BEGIN, Session
from bqsim.errors import Internal
from bqsim.sql.statements import checks
from bqsim.sql.statements.conversions import converted
from bqsim.sql.statements.storage import storage_of
from bqsim.sql.statements.writes import Writer

from .streams import Staging, WriteStream


def staging_writer(session: Session, stream: WriteStream, table: Table) -> tuple[Staging, Writer]:
    """Where the stream's next rows are staged, made or brought to the table's schema in the open
    transaction, with a writer that checks them as rows of ``table``."""
    staging = staged_for(session, stream, table)
    if staging is None:
        staging = _create(session, stream, table, stream.next_offset)
    storage = Storage(staging.engine_table, staging.columns, 0)
    return staging, Writer(session, replace(table, storage=storage), 0)


def staged_for(session: Session, stream: WriteStream, table: Table) -> Staging | None:
    """The stream's staged rows as rows of ``table``, whose schema may have changed since; None without
    any."""
    staging, storage = stream.staging, storage_of(table)
    if staging is None or _is_shaped(staging, table, storage):
        return staging
    shaped = _create(session, stream, table, staging.first)
    values = _values(staging, table)
    session.execute(
        f"INSERT INTO {shaped.engine_table} ({', '.join(shaped.columns)}, {VERSION_BEGIN})"
        f" SELECT {', '.join(values)}, 0 FROM {staging.engine_table} ORDER BY rowid"
    )
    session.drop_table(staging.engine_table)
    return shaped


def move_rows(session: Session, stream: WriteStream, writer: Writer, end: int) -> WriteStream:
    """Insert the stream's rows from its first unflushed one up to the offset ``end`` into its table; the
    stream as it is then."""
    start = stream.flushed
    if end <= start:
        return stream
    staging = stream.staging
    if staging is None:
        raise Internal(f"the rows of {stream.name.path} are not there")
    # Rows that were brought to another shape in this transaction would not have their rowids yet.
    values = ", ".join(f"{v} AS v{i}" for i, v in enumerate(_values(staging, writer.table), 1))
    moved = writer.insert(
        writer.table.fields,
        f"SELECT {values} FROM {staging.engine_table}"
        f" WHERE rowid >= {start - staging.first} AND rowid < {end - staging.first}",
    )
    if moved != end - start:
        raise Internal(f"{moved} rows of {stream.name.path} are there in place of {end - start}")
    if end < stream.next_offset:
        return replace(stream, staging=staging, flushed=end)
    session.drop_table(staging.engine_table)
    return replace(stream, staging=None, flushed=end)


def _values(staging: Staging, table: Table) -> list[str]:
    """The engine expression of each field of ``table`` over the staged rows."""
    storage = storage_of(table)
    staged = zip(staging.columns, staging.fields, strict=True)
    if _is_shaped(staging, table, storage):
        return list(staging.columns)
    if staging.base == storage.engine_table:
        sources = {column: (column, field) for column, field in staged}
        keys = list(storage.columns)
    else:
        sources = {field.name.casefold(): (column, field) for column, field in staged}
        keys = [f.name.casefold() for f in table.fields]
    values = []
    for key, field in zip(keys, table.fields, strict=True):
        source = sources.get(key)
        values.append(checks.missing(field) if source is None else converted(source[0], source[1], field))
    return values


def _is_shaped(staging: Staging, table: Table, storage: Storage) -> bool:
    if staging.base != storage.engine_table or staging.columns != storage.columns:
        return False
    return staging.fields is table.fields or all(
        a.type == b.type for a, b in zip(staging.fields, table.fields, strict=True)
    )


def _create(session: Session, stream: WriteStream, table: Table, first: int) -> Staging:
    storage = storage_of(table)
    # The names of one stream's engine tables differ, and so do those of different streams.
    used = stream.staging.engine_table.rpartition("_")[2] if stream.staging else "0"
    name = f"w{stream.key}_{first}_{int(used) + 1}"
    session.create_table(name, list(zip(storage.columns, table.fields, strict=True)))
    return Staging(name, storage.engine_table, storage.columns, table.fields, first)
