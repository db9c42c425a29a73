"""Shadow tables that are to be read: rows are made for them when their import asked for that, else it is an
error that says what to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import Table, TableKind
from bqsim.catalog.shadow import ShadowStatistics, is_empty_shadow, shadow_of
from bqsim.errors import BigQueryError, invalid

from .partition_ids import parse_partition_id
from .writes import writing

if TYPE_CHECKING:
    from bqsim.catalog.refs import TableRef
    from bqsim.datagen import ColumnSpec
    from bqsim.engine.protocol import Session
    from bqsim.sql.googlesql import Analyzed

    from .base import Services, Statement

# Statements that read rows of the tables that they name, and are charged for nothing.
_UNCHARGED = frozenset(
    f"resolved_{name}_stmt"
    for name in ("create_materialized_view", "create_snapshot_table", "create_table", "assert")
)
# How many partitions generated rows are spread over.
PARTITIONS = 1000


def refusal(table: Table) -> BigQueryError:
    """What reading a shadow table without rows is answered with."""
    return invalid(
        f"Table {table.ref.api_name} is a shadow table: it has the schema and the statistics of a real table "
        "but no rows, so that only dry runs can use it. Load rows into it (a load job, INSERT or bqsim seed) "
        "or ask for generated ones (bqsim import --generate-rows 1000)."
    )


def fill_read(statement: Statement, refs: Iterable[TableRef]) -> None:
    """Make rows for the shadow tables that a statement is about to read. Raises :func:`refusal`."""
    if not statement.dry_run:
        fill_refs(statement.services, statement.session, refs)


def fill_uncharged(statement: Statement) -> None:
    """As :func:`fill_read`, for statements that nobody else asks it for."""
    if statement.analyzed.kind in _UNCHARGED and not statement.dry_run:
        fill_tables(statement.services, statement.session, _read(statement, statement.analyzed))


def _read(statement: Statement, analyzed: Analyzed, passed: set[TableRef] | None = None) -> Iterator[Table]:
    """The tables that a statement reads; ``passed`` are the views whose own were told."""
    passed = set() if passed is None else passed
    if analyzed.kind == "resolved_create_table_stmt" and not _copies(statement.node):
        return
    for source in analyzed.sources.values():
        table = source.table
        if source.matches:
            yield from source.matches
        elif table.view_query is not None and table.kind is TableKind.VIEW:
            if table.ref not in passed:
                passed.add(table.ref)
                view = statement.services.planner.view(table, statement.ctx)
                yield from _read(statement, view, passed)
        else:
            yield table


def _copies(node: Any) -> bool:
    """Whether CREATE TABLE has COPY or CLONE, not LIKE."""
    return any(
        name in node.DESCRIPTOR.fields_by_name and node.HasField(name) for name in ("clone_from", "copy_from")
    )


def fill_refs(services: Services, session: Session, refs: Iterable[TableRef]) -> None:
    """As :func:`fill_tables`, for the tables of these names that there are."""
    found = map(services.catalog.find_table, refs)
    fill_tables(services, session, (table for table in found if table is not None))


def fill_tables(services: Services, session: Session, tables: Iterable[Table]) -> None:
    """Make rows for those of the tables that have statistics alone. Raises :func:`refusal`."""
    for table in tables:
        statistics = shadow_of(table)
        if statistics is None:
            continue
        current = services.catalog.find_table(table.ref)
        if current is not None and is_empty_shadow(current):
            if not statistics.generate:
                raise refusal(current)
            _generate(services, session, current, statistics, statistics.generate)


def _generate(
    services: Services, session: Session, table: Table, statistics: ShadowStatistics, count: int
) -> None:
    from bqsim.datagen import DataGenerator, DataSpec, TableSpec

    name = table.ref.sql_name
    digest = hashlib.blake2b(f"{services.draws.seed}/{name}".encode(), digest_size=6).digest()
    spec = TableSpec(table.ref.table, table.fields, count, _partition_values(table, statistics))
    rows = DataGenerator(DataSpec((spec,), int.from_bytes(digest, "big"))).rows()
    with writing(services.catalog, services.claims, session, table.ref) as writer:
        # Another statement may have made them meanwhile.
        if not is_empty_shadow(writer.table):
            return
        start = 0
        for low, number in _shares(_partition_rows(table, statistics), count):
            writer.partition = f"TIMESTAMP '{low}'"
            writer.append(rows.slice(start, number), writer.table.fields)
            start += number
        writer.partition = None
        writer.append(rows.slice(start), writer.table.fields)


def _partition_rows(table: Table, statistics: ShadowStatistics) -> dict[datetime, int]:
    """How many rows the partitions of a table by ingestion time have, by their first moment."""
    time = table.time_partitioning
    if time is None or time.field is not None:
        return {}
    return {
        low: rows for low, rows in _largest(table, statistics).items() if isinstance(low, datetime) and rows
    }


def _shares(rows: Mapping[datetime, int], count: int) -> Iterator[tuple[datetime, int]]:
    """``count`` rows divided as ``rows`` are; the parts add up to it."""
    total, before = sum(rows.values()), 0
    for low, own in rows.items():
        number = count * (before + own) // total - count * before // total
        before += own
        if number:
            yield low, number


def _largest(table: Table, statistics: ShadowStatistics) -> dict[datetime | int, int]:
    """The rows of the largest partitions, by the first value of each."""
    largest = sorted(statistics.parts.items(), key=lambda part: (-part[1][0], part[0]))[:PARTITIONS]
    found: dict[datetime | int, int] = {}
    for id_, (rows, _, _) in largest:
        try:
            low = parse_partition_id(table, id_).low
        except BigQueryError:
            continue
        if low is not None and rows:
            found[low] = rows
    return found


def _partition_values(table: Table, statistics: ShadowStatistics) -> dict[str, ColumnSpec]:
    """Values of the partitioning column that lie in the partitions that there are, as often as they say."""
    from bqsim.datagen import ColumnSpec

    time, by_range = table.time_partitioning, table.range_partitioning
    column = time.field if time is not None else by_range.field if by_range is not None else None
    if column is None:
        return {}
    values: dict[Any, float] = {
        _text(table, column, low): float(rows) for low, rows in _largest(table, statistics).items()
    }
    if not values:
        return {}
    return {column: ColumnSpec(values=tuple(values), weights=tuple(values.values()))}


def _text(table: Table, column: str, low: datetime | int) -> Any:
    """The first value of a partition, as the generator takes it."""
    if isinstance(low, int):
        return low
    kind = table.fields[table.field_index(column) or 0].kind
    return {"DATE": f"{low:%Y-%m-%d}", "DATETIME": f"{low:%Y-%m-%dT%H:%M:%S}"}.get(
        kind.value, f"{low:%Y-%m-%dT%H:%M:%S}Z"
    )
