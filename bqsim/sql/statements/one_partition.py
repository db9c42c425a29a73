"""Writing to one partition of a table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bqsim.catalog.resources import Table
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END
from bqsim.errors import already_exists, invalid

from .partition_ids import NULL_PARTITION, UNPARTITIONED, in_partition, parse_partition_id
from .storage import live, storage_of
from .writes import Writer


def check_one_partition(table: Table, partition: str) -> None:
    """Raises ``invalid`` for what is no partition of ``table`` that can be written to."""
    if partition == UNPARTITIONED:
        raise invalid(f"Cannot write to the partition {UNPARTITIONED} of table {table.ref.api_name}.")
    if partition == NULL_PARTITION and by_ingestion(table):
        raise invalid(
            f"Invalid partition {NULL_PARTITION} of ingestion-time partitioned table {table.ref.api_name}."
        )
    parse_partition_id(table, partition)


@contextmanager
def one_partition(
    writer: Writer, partition: str, *, replacing: bool = False, empty: bool = False
) -> Iterator[None]:
    """Let the rows that are inserted within the block be those of a partition, by its id.

    ``replacing``: its old rows are removed; ``empty``: it must have none, else ``duplicate`` is raised.
    Raises ``invalid`` when a row is of another partition.
    """
    table, session = writer.table, writer.session
    storage = storage_of(table)
    bounds = parse_partition_id(table, partition)
    inside = in_partition(table, partition)
    rows = f"FROM {storage.engine_table} WHERE {live(storage)} AND {inside}"
    if replacing:
        writer.remove(f"SELECT rowid {rows}")
    elif empty and int(str(session.scalar(f"SELECT count(*) {rows}"))):
        raise already_exists("Table", f"{table.ref.api_name}${partition}")
    if by_ingestion(table):
        writer.partition = f"TIMESTAMP '{bounds.low}'"
        yield
        return
    yield
    outside = session.scalar(
        f"SELECT count(*) FROM {storage.engine_table}"
        f" WHERE {VERSION_BEGIN} = {writer.version} AND {VERSION_END} IS NULL AND ({inside}) IS NOT TRUE"
    )
    if int(str(outside)):
        raise invalid(
            f"Some rows belong to different partitions rather than destination partition {partition}"
        )


def by_ingestion(table: Table) -> bool:
    """Whether the partition of a row is that of its arrival."""
    time = table.time_partitioning
    return time is not None and time.field is None
