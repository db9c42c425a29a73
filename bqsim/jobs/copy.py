"""Copy jobs: tables and partitions, snapshots, clones and restores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.names import check_table_id
from bqsim.catalog.resources import Dataset, RowAccessPolicy, Table, TableKind
from bqsim.engine.protocol import Session
from bqsim.errors import already_exists, invalid, not_found
from bqsim.jobs.config import Target, parse_target
from bqsim.jobs.copy_columns import columns_for
from bqsim.jobs.copy_layout import INGESTION, NONE, check_alike, check_layout, layout, layout_of
from bqsim.jobs.reading import bad_value, enum, items, mapping, required, text
from bqsim.jobs.schema_updates import merge_fields
from bqsim.jobs.sources import US_PER_MS, Rows, Source, parse_source, rows_of
from bqsim.jobs.statistics import CopyStatistics
from bqsim.jobs.target import check_target, collect_policy, write_table
from bqsim.sql.statements.sizes import added_bytes
from bqsim.sql.statements.storage import arrival_partition, copy_rows, storage_of, with_storage
from bqsim.sql.statements.writes import Writer

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.jobs.job import Job
    from bqsim.sql.executor import Executor

# Operations, with the kinds that their source may have.
OPERATIONS: Mapping[str, frozenset[TableKind]] = {
    "COPY": frozenset({TableKind.TABLE, TableKind.SNAPSHOT}),
    "SNAPSHOT": frozenset({TableKind.TABLE, TableKind.SNAPSHOT}),
    "CLONE": frozenset({TableKind.TABLE, TableKind.SNAPSHOT}),
    "RESTORE": frozenset({TableKind.SNAPSHOT}),
}
_UNSPECIFIED = "OPERATION_TYPE_UNSPECIFIED"
# Page "Quotas and limits": source tables of one copy job.
MAX_SOURCES = 1200


@dataclass(frozen=True, slots=True)
class CopyConfig:
    """``JobConfigurationTableCopy``."""

    sources: tuple[Source, ...]
    target: Target
    operation: str


def parse_copy(body: Mapping[str, Any], project: str) -> CopyConfig:
    """Read a ``JobConfigurationTableCopy``; 400 for what is wrong with it."""
    single = mapping(body, "sourceTable")
    given = items(body, "sourceTables") or ([single] if single else [])
    if not given:
        raise required("sourceTables")
    if len(given) > MAX_SOURCES:
        raise invalid(f"Too many source tables: {len(given)}, limit is {MAX_SOURCES}", "sourceTables")
    if not body.get("destinationTable"):
        raise required("destinationTable")
    operation = enum(body, "operationType", frozenset({*OPERATIONS, _UNSPECIFIED}), "COPY")
    sources = tuple(parse_source(item, "sourceTables", project) for item in given)
    target = parse_target(body, project, default_write="WRITE_EMPTY")
    expiration = text(body, "destinationExpirationTime")
    if expiration:
        target = replace(target, expiration_ms=_expiration_ms(expiration))
    config = CopyConfig(sources, target, "COPY" if operation == _UNSPECIFIED else operation)
    _check_operation(config)
    return config


def _check_operation(config: CopyConfig) -> None:
    operation = config.operation
    if operation == "COPY":
        return
    if len(config.sources) > 1:
        raise invalid(f"A {operation} operation takes exactly one source table", "sourceTables")
    if config.sources[0].partition is not None or config.target.partition is not None:
        raise invalid(f"A {operation} operation takes whole tables, not partitions", "operationType")
    if config.target.write == "WRITE_APPEND":
        raise invalid(f"A {operation} operation cannot append to a table", "writeDisposition")


def _expiration_ms(given: str) -> int:
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(given)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as exc:
        raise bad_value("destinationExpirationTime", given) from exc


class CopyRunner:
    """Runs copy jobs; rows stay in the engine."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    @property
    def _catalog(self) -> Catalog:
        return self._executor.catalog

    def check(self, job: Job, config: CopyConfig, session: Session) -> None:
        """What :meth:`run` does before it writes: raises what is wrong."""
        sources = self._sources(job, config)
        if config.operation == "COPY":
            target = self._target(config, sources)
            existing = check_target(self._catalog, target)
            if existing is not None and (target.write != "WRITE_TRUNCATE" or target.partition is not None):
                merge_fields(existing, sources[0].table.fields, target.schema_updates, query=False)
        else:
            self._check_derived(config, sources[0], self._catalog.find_table(config.target.table))
        job.statistics = CopyStatistics()

    def run(self, job: Job, config: CopyConfig, session: Session) -> None:
        """Copy; leaves statistics on the job. Raises its failure."""
        self._executor.require_rows(session, *(source.table for source in config.sources))
        sources = self._sources(job, config)
        if config.operation == "COPY":
            job.statistics = self._copy(job, config, sources, session)
        else:
            job.statistics = self._derive(config, sources[0], session)

    def _sources(self, job: Job, config: CopyConfig) -> list[Rows]:
        sources = [rows_of(self._executor, source, job) for source in config.sources]
        kinds = OPERATIONS[config.operation]
        for source in sources:
            table = source.table
            # A table as it was may be restored as a snapshot of it is.
            if table.kind not in kinds and not (config.operation == "RESTORE" and source.at_us is not None):
                raise invalid(
                    f"Invalid operation type {config.operation} for source table {table.ref.api_name}: "
                    f"it is not a table {'snapshot' if config.operation == 'RESTORE' else ''}".rstrip()
                )
        if config.operation == "COPY":
            check_alike(sources)
        return sources

    # -- COPY

    def _target(self, config: CopyConfig, sources: Sequence[Rows]) -> Target:
        """The target, shaped like the first source where it is to be created. Raises ``invalid`` where that
        one's partitioning or clustering does not fit an existing table."""
        target = replace(config.target, policies=_policies(sources))
        existing = self._catalog.find_table(target.table)
        if existing is not None and existing.kind is TableKind.TABLE:
            for source in sources:
                check_layout(source, existing, target.partition)
            return target
        first = sources[0].table
        if layout_of(sources[0]) == NONE and target.partition is None:
            first = replace(first, time_partitioning=None, require_partition_filter=False)
        return replace(
            target,
            time_partitioning=first.time_partitioning,
            range_partitioning=first.range_partitioning,
            require_partition_filter=first.require_partition_filter,
            clustering=first.clustering,
            description=first.description,
            friendly_name=first.friendly_name,
            labels=first.labels,
        )

    def _copy(
        self, job: Job, config: CopyConfig, sources: Sequence[Rows], session: Session
    ) -> CopyStatistics:
        statistics = CopyStatistics()

        def insert(writer: Writer) -> int:
            return sum(self._insert(writer, source, statistics) for source in sources)

        write_table(
            self._executor,
            session,
            self._target(config, sources),
            sources[0].table.fields,
            insert,
            query=False,
            cancelled=lambda: job.cancel_token is not None and job.cancel_token.cancelled,
        )
        return statistics

    def _insert(self, writer: Writer, source: Rows, statistics: CopyStatistics) -> int:
        """Copy the rows of one source."""
        table = writer.table
        partition = writer.partition
        if partition is None and layout(source.table) != INGESTION:
            partition = arrival_partition(table, writer.version)
        known = {f.name.casefold() for f in source.table.fields}
        others = [f for f in table.fields if f.name.casefold() not in known]
        columns = columns_for(
            table, source.table, self._executor.defaults(writer.session, table, others) if others else {}
        )
        statistics.copied_bytes += source.size(writer.session, self._executor)[1]
        rows = copy_rows(
            writer.session, columns, storage_of(table), writer.version, source.at_us, source.which, partition
        )
        statistics.copied_rows += rows
        return rows

    # -- SNAPSHOT, CLONE, RESTORE

    def _check_derived(self, config: CopyConfig, source: Rows, existing: Table | None) -> Dataset:
        """The dataset of a table to be made from another. Raises what its target refuses."""
        target = config.target
        check_table_id(target.table.table)
        dataset = self._catalog.dataset(target.table.dataset_ref)
        if dataset.location.casefold() != source.table.location.casefold():
            raise invalid(
                f"Cannot read and write in different locations: source: {source.table.location}, "
                f"destination: {dataset.location}"
            )
        if existing is None:
            if target.create == "CREATE_NEVER":
                raise not_found("Table", target.table.api_name)
        elif target.write == "WRITE_EMPTY":
            raise already_exists("Table", target.table.api_name)
        elif existing.kind is not _made(config):
            raise invalid(
                f"{existing.ref.api_name} is not allowed for this operation because it is currently a "
                f"{existing.kind}."
            )
        return dataset

    def _derive(self, config: CopyConfig, source: Rows, session: Session) -> CopyStatistics:
        """A new table from one source: a snapshot, a clone or a restored snapshot."""
        target, catalog = config.target, self._catalog
        restored = config.operation == "RESTORE"
        with catalog.lock(target.table), catalog.change(session) as change:
            dataset = self._check_derived(config, source, catalog.find_table(target.table))
            now_ms = change.time_us // US_PER_MS
            expiration_ms = target.expiration_ms
            if expiration_ms is None and dataset.default_table_expiration_ms:
                expiration_ms = now_ms + dataset.default_table_expiration_ms
            table = replace(
                source.table,
                ref=target.table,
                kind=_made(config),
                created_ms=now_ms,
                modified_ms=now_ms,
                etag=catalog.new_etag(),
                location=dataset.location,
                version=change.time_us,
                base_table=None if restored else source.table.ref,
                snapshot_ms=None if restored else (source.at_us or change.time_us) // US_PER_MS,
                expiration_ms=expiration_ms,
                metadata={**source.table.metadata, **target.metadata},
            )
            table = with_storage(session, catalog.next_engine_table(), table)
            size = source.size(session, self._executor)[1]
            rows = copy_rows(
                session, source.storage, storage_of(table), change.time_us, source.at_us, source.which
            )
            table = replace(table, num_rows=rows)
            columns = storage_of(table).columns
            counted = added_bytes(session, table, columns, change.time_us)
            change.note_bytes(storage_of(table).engine_table, counted, rows)
            change.put_table(table)
        return CopyStatistics(rows, size)


def _made(config: CopyConfig) -> TableKind:
    return TableKind.SNAPSHOT if config.operation == "SNAPSHOT" else TableKind.TABLE


def _policies(sources: Sequence[Rows]) -> tuple[RowAccessPolicy, ...]:
    """The row access policies of all sources, which go with the rows; their names must differ."""
    found: dict[str, RowAccessPolicy] = {}
    for source in sources:
        for policy in source.table.row_access_policies:
            collect_policy(found, policy)
    return tuple(found.values())
