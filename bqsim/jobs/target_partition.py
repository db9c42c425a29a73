"""Partitions of a job's destination: one that a decorator names, and how its table is partitioned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bqsim.catalog.resources import RangePartitioning, Table, TimePartitioning
from bqsim.errors import invalid
from bqsim.jobs.config import Target
from bqsim.sql.statements.one_partition import check_one_partition, one_partition
from bqsim.sql.statements.writes import Writer


def check_partition(table: Table, target: Target) -> None:
    """Raises ``invalid`` when the decorator of the target names no partition of ``table`` to write to."""
    if target.partition is None:
        return
    if table.time_partitioning is None and table.range_partitioning is None and table.storage is None:
        raise invalid("Partitioning specification must be provided in order to create partitioned table")
    check_one_partition(table, target.partition)


@contextmanager
def in_target(writer: Writer, target: Target) -> Iterator[None]:
    """Let the rows that are inserted within the block go where the target says: when its decorator names a
    partition, there, as :func:`one_partition` does it.
    """
    if target.partition is None:
        yield
        return
    replacing = target.write in ("WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA")
    empty = target.write == "WRITE_EMPTY"
    with one_partition(writer, target.partition, replacing=replacing, empty=empty):
        yield


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
