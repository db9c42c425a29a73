"""Copy jobs: tables, snapshots, clones and restores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.names import check_table_id
from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import RowAccessPolicy, Storage, Table, TableKind
from bqsim.engine.protocol import Session
from bqsim.errors import already_exists, invalid, not_found, unsupported
from bqsim.jobs.config import Target, parse_target
from bqsim.jobs.job import Job
from bqsim.jobs.reading import bad_value, enum, items, mapping, required, table_ref, text
from bqsim.jobs.statistics import CopyStatistics
from bqsim.jobs.target import collect_policy, write_table
from bqsim.sql.row_security import protecting
from bqsim.sql.statements.buffered import flushed
from bqsim.sql.statements.storage import copy_rows, storage_of, with_storage
from bqsim.sql.statements.writes import Writer

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.sql.executor import Executor

OPERATIONS = frozenset({"COPY", "SNAPSHOT", "CLONE", "RESTORE"})
# Page "Quotas and limits": source tables of one copy job.
MAX_SOURCES = 1200


@dataclass(frozen=True, slots=True)
class Source:
    """A table to copy, at a past time (epoch microseconds) when ``at_us`` is set."""

    table: TableRef
    at_us: int | None = None


@dataclass(frozen=True, slots=True)
class CopyConfig:
    sources: tuple[Source, ...]
    target: Target
    operation: str


def parse_copy(body: Mapping[str, Any], project: str) -> CopyConfig:
    """Read a ``JobConfigurationTableCopy``."""
    single = mapping(body, "sourceTable")
    given = items(body, "sourceTables") or ([single] if single else [])
    if not given:
        raise required("sourceTables")
    if len(given) > MAX_SOURCES:
        raise invalid(f"Too many source tables: {len(given)}, limit is {MAX_SOURCES}", "sourceTables")
    if not body.get("destinationTable"):
        raise required("destinationTable")
    operation = enum(body, "operationType", OPERATIONS, "COPY")
    sources = tuple(_source(item, project) for item in given)
    if operation != "COPY" and len(sources) > 1:
        raise invalid(f"A {operation} operation takes exactly one source table", "sourceTables")
    target = parse_target(body, project, default_write="WRITE_EMPTY")
    expiration = text(body, "destinationExpirationTime")
    if expiration:
        target = replace(target, expiration_ms=_expiration_ms(expiration))
    return CopyConfig(sources, target, operation)


def _source(item: object, project: str) -> Source:
    ref = table_ref({"sourceTables": item}, "sourceTables", project)
    name, at, decorator = ref.table.partition("@")
    if "$" in name:
        raise unsupported(f"The partition decorator in source table {ref.api_name}")
    if not at:
        return Source(ref)
    if not decorator.lstrip("-").isdigit():
        raise invalid(f"Invalid snapshot decorator @{decorator}")
    return Source(replace(ref, table=name), int(decorator) * 1000)


def _expiration_ms(given: str) -> int:
    from datetime import datetime

    try:
        return int(datetime.fromisoformat(given).timestamp() * 1000)
    except (ValueError, OverflowError) as exc:
        raise bad_value("destinationExpirationTime", given) from exc


class CopyRunner:
    """Runs copy jobs; rows stay in the engine."""

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def run(self, job: Job, config: CopyConfig, session: Session) -> None:
        """Copy; leaves statistics on the job. Raises its failure."""
        sources = [(self._table_of(s), self._at(s)) for s in config.sources]
        first = sources[0][0]
        for table, _ in sources:
            storage_of(table)
            self._executor.require_full_access(table, job.caller, job.groups)
        if config.operation == "COPY":
            rows = self._copy(job, config, sources, session)
        else:
            rows = self._derive(config, first, sources[0][1], session)
        copied = self._catalog.table(config.target.table)
        job.statistics = CopyStatistics(rows, self._executor.sizes.table(session, copied))

    def _copy(
        self, job: Job, config: CopyConfig, sources: Sequence[tuple[Table, int | None]], session: Session
    ) -> int:
        first = sources[0][0]
        for table, _ in sources[1:]:
            if table.fields != first.fields:
                raise invalid(
                    "Source tables must have the same schema: "
                    f"{table.ref.api_name} does not match {first.ref.api_name}"
                )
        target = replace(config.target, policies=_policies([table for table, _ in sources]))
        if self._catalog.find_table(target.table) is None or target.write == "WRITE_TRUNCATE":
            target = replace(
                target,
                time_partitioning=first.time_partitioning,
                range_partitioning=first.range_partitioning,
                clustering=first.clustering,
                description=first.description,
                labels=first.labels,
            )

        def insert(writer: Writer) -> int:
            return sum(
                copy_rows(
                    session,
                    storage_of(source),
                    _columns_for(writer.table, source),
                    writer.version,
                    at_us,
                    flushed(self._catalog.buffers, storage_of(source)),
                )
                for source, at_us in sources
            )

        _, rows = write_table(
            self._executor,
            session,
            target,
            first.fields,
            insert,
            query=False,
            cancelled=lambda: job.cancel_token is not None and job.cancel_token.cancelled,
        )
        return rows

    def _derive(self, config: CopyConfig, source: Table, at_us: int | None, session: Session) -> int:
        """A new table from one source: a snapshot, a clone or a restored snapshot."""
        ref = config.target.table
        check_table_id(ref.table)
        if config.operation == "SNAPSHOT" and source.kind is not TableKind.TABLE:
            raise invalid(f"Cannot create a snapshot of {source.ref.api_name}: it is not a table")
        if config.operation == "RESTORE" and source.kind is not TableKind.SNAPSHOT:
            raise invalid(f"Cannot restore {source.ref.api_name}: it is not a table snapshot")
        dataset = self._catalog.dataset(ref.dataset_ref)
        with self._catalog.lock(ref), self._catalog.change(session) as change:
            existing = self._catalog.find_table(ref)
            if existing is not None and config.target.write != "WRITE_TRUNCATE":
                raise already_exists("Table", ref.api_name)
            now_ms = change.time_us // 1000
            table = replace(
                source,
                ref=ref,
                kind=TableKind.SNAPSHOT if config.operation == "SNAPSHOT" else TableKind.TABLE,
                created_ms=now_ms,
                modified_ms=now_ms,
                etag=self._catalog.new_etag(),
                location=dataset.location,
                version=change.time_us,
                base_table=None if config.operation == "RESTORE" else source.ref,
                snapshot_ms=None if config.operation == "RESTORE" else (at_us or change.time_us) // 1000,
                expiration_ms=config.target.expiration_ms,
            )
            table = with_storage(session, self._catalog.next_engine_table(), table)
            stored = storage_of(source)
            kept = flushed(self._catalog.buffers, stored)
            rows = copy_rows(session, stored, storage_of(table), change.time_us, at_us, kept)
            change.put_table(replace(table, num_rows=rows))
        return rows

    def _at(self, source: Source) -> int | None:
        """The absolute time of a source's decorator; a negative one is relative to now."""
        if source.at_us is None or source.at_us >= 0:
            return source.at_us
        return self._catalog.clock.now_us() + source.at_us

    def _table_of(self, source: Source) -> Table:
        at_us = self._at(source)
        if at_us is None:
            return self._catalog.table(source.table)
        table = self._catalog.table_at(source.table, at_us)
        if table is None:
            raise not_found("Table", source.table.api_name)
        return protecting(self._catalog, table)


def _policies(sources: Sequence[Table]) -> tuple[RowAccessPolicy, ...]:
    """The row access policies of all sources, which go with the rows; their names must differ."""
    found: dict[str, RowAccessPolicy] = {}
    for source in sources:
        for policy in source.row_access_policies:
            collect_policy(found, policy)
    return tuple(found.values())


def _columns_for(table: Table, source: Table) -> Storage:
    """The storage of ``table`` with the columns that the fields of ``source`` go to, in their order."""
    storage = storage_of(table)
    by_name = {f.name.casefold(): c for f, c in zip(table.fields, storage.columns, strict=True)}
    return replace(storage, columns=tuple(by_name[f.name.casefold()] for f in source.fields))
