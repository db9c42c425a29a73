"""Tables named with decorators: one partition of them, as they were, or the list of their partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.errors import not_found
from bqsim.jobs.sources import Rows, Source, parse_source, stored_part
from bqsim.sql.information_schema.partitions import Partition, PartitionSizes, with_buffered
from bqsim.sql.statements.partition_ids import UNPARTITIONED, in_partition, partitions_of, unpartitioned
from bqsim.sql.statements.storage import live, storage_of
from bqsim.sql.statements.writes import writing
from bqsim.types import Field, TypeKind

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.engine.protocol import Session
    from bqsim.sql.executor import Executor

# What legacy SQL calls the list of the partitions of a table; clients list it as they do a table.
SUMMARY = "__PARTITIONS_SUMMARY__"
SUMMARY_FIELDS = (
    Field("project_id", TypeKind.STRING),
    Field("dataset_id", TypeKind.STRING),
    Field("table_id", TypeKind.STRING),
    Field("partition_id", TypeKind.STRING),
    Field("creation_time", TypeKind.INT64),
    Field("creation_timestamp", TypeKind.TIMESTAMP),
    Field("last_modified_time", TypeKind.INT64),
    Field("last_modified_timestamp", TypeKind.TIMESTAMP),
)


def decorated(ref: TableRef) -> Source | None:
    """What a table id with decorators means; None for one without. Raises ``invalid`` for bad ones."""
    if "$" not in ref.table and "@" not in ref.table:
        return None
    return parse_source(ref.to_json(), "tableId", ref.project)


def described(executor: Executor, session: Session, ref: TableRef, source: Source) -> tuple[Table, int]:
    """The table resource of a table id with decorators, with the rows that it names, and their bytes."""
    if source.partition == SUMMARY:
        table = executor.catalog.table(source.table)
        rows = summary_rows(executor, session, table)
        shown = replace(
            table,
            ref=ref,
            fields=SUMMARY_FIELDS,
            storage=None,
            num_rows=rows.num_rows,
            time_partitioning=None,
            range_partitioning=None,
            require_partition_filter=False,
            clustering=(),
            primary_key=(),
        )
        return shown, 0
    rows_ = named_rows(executor, source)
    count, size = rows_.size(session, executor)
    return replace(rows_.table, ref=ref, num_rows=count), size


def named_rows(executor: Executor, source: Source) -> Rows:
    """The rows that decorators name. Raises for tables that are not stored and for bad decorators."""
    return stored_part(executor.catalog, source)


def summary_rows(executor: Executor, session: Session, table: Table) -> pa.Table:
    """The partitions of a table, as rows of :data:`SUMMARY_FIELDS`. Raises ``invalid`` without any."""
    import datetime as dt

    from bqsim.types.values import table_from_rows

    if partitions_of(table) is None:
        raise unpartitioned(table)
    known = PartitionSizes(executor.sizes.statistics).of(session, [table]).get(table.ref, ())
    found: Sequence[Partition] = with_buffered(session, executor.catalog.buffers, table, known)
    ref, epoch = table.ref, dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    rows = []
    for part in found:
        at_ms, at = part.changed_us // 1000, epoch + dt.timedelta(microseconds=part.changed_us)
        rows.append([ref.project, ref.dataset, ref.table, part.id, at_ms, at, at_ms, at])
    return table_from_rows(SUMMARY_FIELDS, rows)


def delete_partition(executor: Executor, session: Session, source: Source, ref: TableRef) -> None:
    """Remove the rows of one partition. 404 for a partition that has none."""
    assert source.partition is not None
    catalog = executor.catalog
    with writing(catalog, executor.claims, session, source.table) as writer:
        table = writer.table
        storage = storage_of(table)
        inside = f"{live(storage)} AND {in_partition(table, source.partition)}"
        buffer = catalog.buffers.find(storage.engine_table)
        if buffer is not None and (table.time_partitioning is not None or source.partition == UNPARTITIONED):
            # What is in the streaming buffer is in no partition yet.
            inside += f" AND NOT {buffer.holds('_begin')}"
        if not writer.remove(f"SELECT rowid FROM {storage.engine_table} WHERE {inside}"):
            raise not_found("Table", ref.api_name)
