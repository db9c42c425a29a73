"""Which tables may be copied into which: schemas, partitioning and clustering (page *Managing tables*)."""

from __future__ import annotations

from collections.abc import Sequence

from bqsim.catalog.resources import Table
from bqsim.errors import BigQueryError, invalid
from bqsim.jobs.sources import Rows
from bqsim.jobs.target_partition import specification
from bqsim.types import Field

# How errors name the ways of partitioning.
NONE, INGESTION, COLUMN = "Non partitioned", "Partitioned", "Column partitioned"


def layout(table: Table) -> str:
    """How a table is partitioned: :data:`NONE`, by :data:`INGESTION` time, or by a :data:`COLUMN`."""
    time = table.time_partitioning
    if time is not None and time.field is None:
        return INGESTION
    return NONE if time is None and table.range_partitioning is None else COLUMN


def layout_of(rows: Rows) -> str:
    """That of the table; one partition by ingestion time is like a table without partitions."""
    found = layout(rows.table)
    return NONE if found == INGESTION and rows.partition is not None else found


def check_alike(sources: Sequence[Rows]) -> None:
    """Raises ``invalid`` unless several sources may be copied together."""
    first = sources[0]
    for other in sources[1:]:
        pair = f"{other.table.ref.api_name} does not match {first.table.ref.api_name}"
        if not same_fields(first.table.fields, other.table.fields):
            raise invalid(f"Source tables must have the same schema: {pair}")
        if _spec(first) != _spec(other):
            raise invalid(f"Source tables must have the same partitioning specification: {pair}")


def same_fields(fields: Sequence[Field], others: Sequence[Field]) -> bool:
    """Whether columns have the same names, types and modes in the same order."""
    return len(fields) == len(others) and all(
        one.name.casefold() == other.name.casefold()
        and (one.kind, one.mode, one.range_element) == (other.kind, other.mode, other.range_element)
        and same_fields(one.fields, other.fields)
        for one, other in zip(fields, others, strict=True)
    )


def check_layout(source: Rows, target: Table, partition: str | None) -> None:
    """Raises ``invalid`` unless rows may be copied into a table, or into a ``partition`` of it."""
    given, wanted = layout_of(source), layout(target)
    if partition is not None and wanted == INGESTION:
        if given != NONE:
            raise invalid(
                f"Cannot copy all partitions of {source.table.ref.api_name} into one partition of "
                f"{target.ref.api_name}"
            )
    elif given == NONE or wanted == NONE:
        if given != wanted and (given, wanted) != (NONE, INGESTION):
            raise invalid(f"Failed to copy {given} table to {wanted} table: not supported.")
    elif _spec(source).casefold() != _spec_of(target).casefold():
        raise _incompatible(source, target)
    if target.clustering and not _same_names(target.clustering, source.table.clustering):
        raise invalid(
            f"Failed to copy {source.table.ref.api_name} to {target.ref.api_name}: "
            "incompatible clustering fields."
        )


def _incompatible(source: Rows, target: Table) -> BigQueryError:
    return invalid(
        "Incompatible table partitioning specification. Expects partitioning specification "
        f"{_spec_of(target)}, but input partitioning specification is {_spec(source)}"
    )


def _spec(source: Rows) -> str:
    return specification(None, None, ()) if layout_of(source) == NONE else _spec_of(source.table)


def _spec_of(table: Table) -> str:
    return specification(table.time_partitioning, table.range_partitioning, ())


def _same_names(names: Sequence[str], others: Sequence[str]) -> bool:
    return [n.casefold() for n in names] == [n.casefold() for n in others]
