"""Stored rows of tables: new storage, and rows copied into it without leaving the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bqsim.catalog.resources import Storage, Table
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END, Session
from bqsim.errors import BigQueryError
from bqsim.types import Field

from . import checks


def with_storage(session: Session, engine_table: str, table: Table) -> Table:
    """Create an empty stored table for the fields of ``table`` in the open transaction."""
    columns = tuple(f"c{i}" for i in range(1, len(table.fields) + 1))
    session.create_table(engine_table, list(zip(columns, table.fields, strict=True)))
    return replace(table, storage=Storage(engine_table, columns, len(columns) + 1))


def storage_of(table: Table) -> Storage:
    """The storage of a table that has rows of its own. Raises for views and external tables."""
    if table.storage is None:
        raise BigQueryError(
            "invalid",
            f"{table.ref.api_name} is not allowed for this operation because it is currently a {table.kind}.",
        )
    return table.storage


def live(storage: Storage, at_us: int | None = None) -> str:
    """The engine condition of a stored table's rows: now, or at a past time."""
    if at_us is None:
        return f"{VERSION_END} IS NULL"
    return f"{VERSION_BEGIN} <= {at_us} AND ({VERSION_END} IS NULL OR {VERSION_END} > {at_us})"


def forget_changes(session: Session, storage: Storage) -> None:
    """Forget the sequence numbers of change data capture, when all rows have been removed."""
    if storage.changes is not None:
        session.execute(f"DELETE FROM {storage.changes.engine_table}")


def copy_rows(
    session: Session,
    source: Storage,
    target: Storage,
    version: int,
    at_us: int | None = None,
    which: str = "",
) -> int:
    """Copy the rows of one stored table into another with the same fields; the number of rows.

    ``which`` is a further engine condition of theirs.
    """
    copied = f"{live(source, at_us)} AND {which}" if which else live(source, at_us)
    return session.execute(
        f"INSERT INTO {target.engine_table} ({', '.join(target.columns)}, {VERSION_BEGIN})"
        f" SELECT {', '.join(source.columns)}, {version}"
        f" FROM {source.engine_table} WHERE {copied}"
    )


def insert_select(
    session: Session,
    table: Table,
    fields: Sequence[Field],
    select: str,
    version: int,
    ends: int | None = None,
) -> int:
    """Insert the rows of an engine SELECT whose columns are ``v1`` … for ``fields``; the number of rows.

    Every value passes the checks of its field. Fields of the table that are not among ``fields`` become
    NULL (or
    an empty array). ``version`` and ``ends`` are the ends of the rows' time.
    """
    storage = storage_of(table)
    positions = {f.name: i for i, f in enumerate(fields, 1)}
    values: list[str] = []
    for field in table.fields:
        position = positions.get(field.name)
        if position is None:
            values.append(checks.missing(field))
        else:
            source = f"v{position}"
            values.append(source if checks.plain(field) else checks.stored(field, source))
    end = "NULL" if ends is None else str(ends)
    return session.execute(
        f"INSERT INTO {storage.engine_table} ({', '.join(storage.columns)}, {VERSION_BEGIN}, {VERSION_END})"
        f" SELECT {', '.join(values)}, {version}, {end} FROM ({select})"
    )
