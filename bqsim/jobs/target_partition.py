"""Partitions of a job's destination: one that a decorator names, and how its table is partitioned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bqsim.catalog.resources import RangePartitioning, Table, TimePartitioning
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END
from bqsim.errors import already_exists, invalid
from bqsim.jobs.config import Target
from bqsim.sql.statements.partition_ids import (
    NULL_PARTITION,
    UNPARTITIONED,
    Bounds,
    in_partition,
    parse_partition_id,
)
from bqsim.sql.statements.storage import live, storage_of
from bqsim.sql.statements.writes import Writer


def check_partition(table: Table, target: Target) -> None:
    """Raises ``invalid`` when the decorator of the target names no partition of ``table`` to write to."""
    if target.partition is None:
        return
    if table.time_partitioning is None and table.range_partitioning is None and table.storage is None:
        raise invalid("Partitioning specification must be provided in order to create partitioned table")
    if target.partition == UNPARTITIONED:
        raise invalid(f"Cannot write to the partition {UNPARTITIONED} of table {table.ref.api_name}.")
    if target.partition == NULL_PARTITION and _by_ingestion(table):
        raise invalid(
            f"Invalid partition {NULL_PARTITION} of ingestion-time partitioned {table.ref.api_name}."
        )
    parse_partition_id(table, target.partition)


@contextmanager
def one_partition(writer: Writer, target: Target) -> Iterator[None]:
    """Let the rows that are inserted within the block be those of the partition that the decorator names.

    Its old rows are removed when the target truncates. Raises ``duplicate`` when it must be empty,
    ``invalid`` when a row is of another partition.
    """
    if target.partition is None:
        yield
        return
    table, session = writer.table, writer.session
    storage = storage_of(table)
    bounds = parse_partition_id(table, target.partition)
    inside = in_partition(table, target.partition)
    rows = f"FROM {storage.engine_table} WHERE {live(storage)} AND {inside}"
    if target.write in ("WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA"):
        writer.remove(f"SELECT rowid {rows}")
    elif target.write == "WRITE_EMPTY" and int(str(session.scalar(f"SELECT count(*) {rows}"))):
        raise already_exists("Table", f"{target.table.api_name}${target.partition}")
    if _by_ingestion(table):
        writer.partition = _start(bounds)
        yield
        return
    yield
    outside = session.scalar(
        f"SELECT count(*) FROM {storage.engine_table}"
        f" WHERE {VERSION_BEGIN} = {writer.version} AND {VERSION_END} IS NULL AND ({inside}) IS NOT TRUE"
    )
    if int(str(outside)):
        raise invalid(
            f"Some rows belong to different partitions rather than destination partition {target.partition}"
        )


def _by_ingestion(table: Table) -> bool:
    time = table.time_partitioning
    return time is not None and time.field is None


def _start(bounds: Bounds) -> str:
    return f"TIMESTAMP '{bounds.low}'"


def check_partitioning(table: Table, target: Target) -> None:
    """Raises ``invalid`` when the target asks for another partitioning or clustering than ``table`` has."""
    time, by_range = target.time_partitioning, target.range_partitioning
    if time is None and by_range is None and not target.clustering:
        return
    partitioned = time is not None or by_range is not None
    own = specification(table.time_partitioning, table.range_partitioning, table.clustering)
    asked = specification(
        time if partitioned else table.time_partitioning,
        by_range if partitioned else table.range_partitioning,
        target.clustering or table.clustering,
    )
    if asked.casefold() != own.casefold():
        raise invalid(
            f"Incompatible table partitioning specification. Expects partitioning specification {own}, "
            f"but input partitioning specification is {asked}"
        )


def specification(
    time: TimePartitioning | None, by_range: RangePartitioning | None, clustering: tuple[str, ...]
) -> str:
    """How errors show the partitioning and clustering of a table."""
    parts = []
    if time is not None:
        column = f",field:{time.field}" if time.field else ""
        parts.append(f"interval(type:{time.type.lower()}{column})")
    if by_range is not None:
        bounds = f"start:{by_range.start},end:{by_range.end},interval:{by_range.interval}"
        parts.append(f"range(field:{by_range.field},{bounds})")
    if clustering:
        parts.append(f"clustering({','.join(clustering)})")
    return " ".join(parts) or "none"
