"""Stored rows of tables: new storage, and rows copied into it without leaving the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bqsim.catalog.resources import Storage, Table
from bqsim.engine.protocol import PARTITION, VERSION_BEGIN, VERSION_END, Session
from bqsim.errors import BigQueryError
from bqsim.types import Field

from . import checks
from .partition_ids import partitions_of, start_of

# What tells rows of one partition apart while they are ordered.
_NUMBER = "_bq_number"


def with_storage(session: Session, engine_table: str, table: Table) -> Table:
    """Create an empty stored table for the fields of ``table`` in the open transaction."""
    columns = tuple(f"c{i}" for i in range(1, len(table.fields) + 1))
    time = table.time_partitioning
    partition = PARTITION if time is not None and time.field is None else None
    named = list(zip(columns, table.fields, strict=True))
    session.create_table(engine_table, named, partition=partition is not None)
    return replace(table, storage=Storage(engine_table, columns, len(columns) + 1, partition=partition))


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
    version: int | str,
    at_us: int | None = None,
    which: str = "",
    partition: str | None = None,
) -> int:
    """Copy the rows of one stored table into another with the same fields; the number of rows.

    ``which`` is a further engine condition of theirs. ``partition`` is the engine expression of the partition
    that they get in a target by ingestion time; without one they keep theirs.
    """
    copied = f"{live(source, at_us)} AND {which}" if which else live(source, at_us)
    columns, values = [*target.columns, VERSION_BEGIN], [*source.columns, str(version)]
    if target.partition is not None:
        columns.append(target.partition)
        values.append(partition or source.partition or "NULL")
    return session.execute(
        f"INSERT INTO {target.engine_table} ({', '.join(columns)})"
        f" SELECT {', '.join(values)} FROM {source.engine_table} WHERE {copied}"
    )


def arrival_partition(table: Table, version: int) -> str | None:
    """The engine expression of the partition of rows that arrive at ``version`` (epoch microseconds); None
    for tables that are not partitioned by ingestion time."""
    storage, time = table.storage, table.time_partitioning
    if storage is None or storage.partition is None or time is None:
        return None
    return f"TIMESTAMP '{start_of(time.type, version)}'"


def insert_select(
    session: Session,
    table: Table,
    fields: Sequence[Field],
    select: str,
    version: int,
    ends: int | None = None,
    partition: str | None = None,
    returning: str = "",
    ordered: bool = False,
) -> Any:
    """Insert the rows of an engine SELECT whose columns are ``v1`` … for ``fields``; the number of rows, or
    the values of ``returning``, engine expressions of the columns as they are stored, of the first row.

    Every value passes the checks of its field. Fields of the table that are not among ``fields`` become
    NULL (or
    an empty array). ``version`` and ``ends`` are the ends of the rows' time. ``partition`` is the engine
    expression of their partition in a table by ingestion time, else it is that of ``version``. ``ordered``:
    rows of one partition are stored together, in the order in which they come, so that who reads one
    partition passes over the others.
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
    columns = [*storage.columns, VERSION_BEGIN, VERSION_END]
    values += [str(version), "NULL" if ends is None else str(ends)]
    if storage.partition is not None:
        columns.append(storage.partition)
        values.append(partition or arrival_partition(table, version) or "NULL")
    rows = f"SELECT {', '.join(values)} FROM ({select})"
    partitions = partitions_of(table)
    if ordered and partitions is not None and (partition or not partitions.ingestion):
        named = ", ".join(f"{value} AS {column}" for value, column in zip(values, columns, strict=True))
        numbered = f"SELECT {named}, row_number() OVER () AS {_NUMBER} FROM ({select})"
        rows = f"SELECT {', '.join(columns)} FROM ({numbered}) ORDER BY {partitions.key}, {_NUMBER}"
    sql = f"INSERT INTO {storage.engine_table} ({', '.join(columns)}) {rows}"
    return session.row(f"{sql} RETURNING {returning}") if returning else session.execute(sql)
