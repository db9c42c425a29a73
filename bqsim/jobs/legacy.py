"""Query jobs in legacy SQL: what their text may name, and its translation to GoogleSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import invalid_query, not_found
from bqsim.jobs.sources import at_times
from bqsim.sql.information_schema.registry import META
from bqsim.sql.legacy import translate
from bqsim.sql.legacy.tokens import refused
from bqsim.sql.statements.partition_ids import (
    FIRST,
    LAST,
    NULL_PARTITION,
    UNPARTITIONED,
    parse_partition_id,
    partitions_of,
    unpartitioned,
)
from bqsim.types import TIMESTAMP, TypeKind, field_of

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.jobs.config import QueryConfig
    from bqsim.sql.plan import Context
    from bqsim.types import Field

_PSEUDO = (field_of("_PARTITIONTIME", TIMESTAMP),)
_READABLE = frozenset({TableKind.TABLE, TableKind.SNAPSHOT, TableKind.EXTERNAL})


class LegacyTables:
    """The tables of a catalog as a legacy SQL query sees them.

    ``authorize`` raises the denial of a GoogleSQL statement, so that nobody learns of the columns of a table
    that is not theirs to read.
    """

    def __init__(self, catalog: Catalog, ctx: Context, authorize: Callable[[str], None]) -> None:
        self._catalog = catalog
        self._ctx = ctx
        self._authorize = authorize

    @property
    def project(self) -> str:
        return self._ctx.project

    @property
    def dataset(self) -> tuple[str, str] | None:
        default = self._ctx.default_dataset
        return (default.project, default.dataset) if default is not None else None

    def columns(self, path: tuple[str, str, str]) -> Sequence[Field]:
        ref = TableRef(*path)
        self._authorize(f"SELECT 1 FROM `{ref.sql_name}`")
        if path[2].upper() in META:
            return META[path[2].upper()].fields
        table = self._catalog.find_table(ref)
        if table is None:
            if self._catalog.find_dataset(DatasetRef(*path[:2])) is None:
                raise not_found("Dataset", ref.dataset_ref.api_name, self._ctx.location)
            raise not_found("Table", ref.api_name, self._ctx.location)
        if table.kind is TableKind.VIEW:
            raise invalid_query("Cannot reference a standard SQL view in a legacy SQL query.")
        if table.kind not in _READABLE:
            raise refused(f"A table of kind {table.kind.value}")
        return table.fields

    @property
    def now_us(self) -> int:
        return self._ctx.now_us

    def pseudo(self, path: tuple[str, str, str]) -> Sequence[Field]:
        """``_PARTITIONTIME`` of a table by ingestion time."""
        table = self._catalog.find_table(TableRef(*path))
        time = None if table is None else table.time_partitioning
        return () if time is None or time.field is not None else _PSEUDO

    def exists(self, path: tuple[str, str, str]) -> bool:
        return self._catalog.find_table(TableRef(*path)) is not None

    def decorated(self, path: tuple[str, str, str], decorators: str) -> tuple[Sequence[Field], str]:
        """The rows of one partition, those of a past time, or the list of the partitions."""
        from bqsim.jobs.decorated import SUMMARY, SUMMARY_FIELDS, decorated

        fields = self.columns(path)
        ref = TableRef(*path)
        table = self._catalog.table(ref)
        source = decorated(replace(ref, table=ref.table + decorators))
        assert source is not None
        if source.partition == SUMMARY:
            return SUMMARY_FIELDS, _summary(table)
        where = "" if source.partition is None else f" WHERE {_condition(table, source.partition)}"
        source = at_times(self._catalog, source)
        if source.since_us is not None:
            if source.partition is not None and table.time_partitioning and not table.time_partitioning.field:
                raise refused("A range of times of a partition by ingestion time")
            ends = [source.since_us, self._ctx.now_us if source.at_us is None else source.at_us]
            times = ", ".join(f"TIMESTAMP_MICROS({end})" for end in ends)
            return fields, (
                f"SELECT * EXCEPT (_CHANGE_TYPE, _CHANGE_TIMESTAMP)"
                f" FROM APPENDS(TABLE `{ref.sql_name}`, {times}){where}"
            )
        moment = ""
        if source.at_us is not None:
            moment = f" FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({source.at_us})"
        return fields, f"SELECT * FROM `{ref.sql_name}`{moment}{where}"


def _summary(table: Table) -> str:
    """The query of the partitions of a table."""
    ref, at = table.ref, "last_modified_time"
    if partitions_of(table) is None:
        raise unpartitioned(table)
    return (
        "SELECT table_catalog AS project_id, table_schema AS dataset_id, table_name AS table_id,"
        " partition_id,"
        f" UNIX_MILLIS({at}) AS creation_time, {at} AS creation_timestamp,"
        f" UNIX_MILLIS({at}) AS last_modified_time, {at} AS last_modified_timestamp"
        f" FROM `{ref.project}.{ref.dataset}.INFORMATION_SCHEMA.PARTITIONS`"
        f" WHERE table_name = '{ref.table}' AND partition_id IS NOT NULL"
    )


def _condition(table: Table, partition: str) -> str:
    """The GoogleSQL condition of the rows of a partition, by its id."""
    bounds, partitions = parse_partition_id(table, partition), partitions_of(table)
    by = table.time_partitioning or table.range_partitioning
    assert by is not None and partitions is not None
    column = f"`{by.field}`" if by.field else "_PARTITIONTIME"
    if bounds.id == NULL_PARTITION or (bounds.id == UNPARTITIONED and not by.field):
        return f"{column} IS NULL"
    low, high = bounds.low, bounds.high
    if bounds.id == UNPARTITIONED:
        low, high = FIRST, LAST
        if partitions.unit is None:
            low, high = partitions.start, partitions.end
    ends = [_literal(partitions.kind, end) for end in (low, high)]
    if bounds.id == UNPARTITIONED:
        return f"({column} < {ends[0]} OR {column} >= {ends[1]})"
    return f"{column} >= {ends[0]} AND {column} < {ends[1]}"


def _literal(kind: TypeKind, value: object) -> str:
    """A literal of the type of a partitioning column."""
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return f"{kind} '{text[:10] if kind is TypeKind.DATE else text}'"


def in_googlesql(config: QueryConfig, tables: LegacyTables) -> QueryConfig:
    """The same query in GoogleSQL; raises what is wrong with a text in legacy SQL, or has no translation."""
    if not config.legacy:
        return config
    if config.named or config.positional:
        raise refused("A query parameter")
    return replace(config, sql=translate(config.sql, tables), legacy=False)
