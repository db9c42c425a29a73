"""LOAD DATA: files into a new or an existing table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.change import same_shape
from bqsim.catalog.names import check_table_id
from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import invalid, invalid_query, not_found
from bqsim.sql.googlesql import resolved
from bqsim.sql.plan import Context, LoadStats, StatementResult
from bqsim.types import Field, Mode

from . import names, results
from .base import Services, Statement, enum_name
from .claims import Outdated
from .defaults import default_expression
from .external import partition_columns
from .fields import field_from_definition
from .file_options import configuration
from .file_source import FileBatch, FileSource, source_of
from .named_partition import NamedPartition, named_partition
from .one_partition import by_ingestion, one_partition
from .partitions import clustering, partitioning
from .tables import create_temp_dataset, described, wrong_kind
from .writes import Writer, created, finish_creation, writing

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.engine.protocol import Session

STATEMENT_TYPE = "LOAD_DATA"


def load_data(statement: Statement) -> StatementResult:
    node, catalog = statement.node, statement.catalog
    temporary = bool(node.is_temp_table)
    ref = names.table_ref(node.name_path, statement.ctx, temporary=temporary)
    check_table_id(ref.table)
    if catalog.find_dataset(ref.dataset_ref) is None:
        if not temporary:
            raise not_found("Dataset", ref.dataset_ref.api_name, statement.ctx.location)
        create_temp_dataset(statement, ref.dataset_ref)
    config = configuration(statement.options(node.from_files_option_list), "LOAD DATA")
    partitions = partition_columns(statement, config)
    given = tuple(field_from_definition(d, statement.options) for d in node.column_definition_list)
    source = source_of(config, partitions, detecting=not given)
    existing = catalog.find_table(ref)
    if existing is not None and existing.kind is not TableKind.TABLE:
        raise wrong_kind(existing)
    overwrite = enum_name(node, "insertion_mode") == "OVERWRITE"
    fields = _fields(statement, source, given, None if overwrite else existing)
    if existing is None or overwrite:
        table = _table(statement, ref, fields)
        result = results.on_table(STATEMENT_TYPE, results.CREATE, table)
    else:
        table = existing
        result = StatementResult(STATEMENT_TYPE, ddl_target_table=ref)
    result.ddl_operation = None
    partition = named_partition(statement, table) if resolved.has(node, "partition_filter") else None
    if statement.dry_run:
        return result
    objects = statement.services.objects
    counted = _Counted(source.batches(objects, fields))
    if existing is None or overwrite:
        _create(statement, table, counted, partition)
    else:
        _append(statement, table, fields, counted, partition)
    result.load = LoadStats(len(source.matching(objects)), counted.bytes, counted.rows, counted.bad)
    return result


@dataclass(slots=True)
class _Counted:
    """Batches of files, counted as they pass."""

    batches: Iterable[FileBatch]
    rows: int = 0
    bytes: int = 0
    bad: int = 0

    def __iter__(self) -> Iterator[pa.Table]:
        for batch in self.batches:
            self.rows += batch.rows.num_rows
            self.bytes += batch.bytes
            self.bad += batch.bad
            yield batch.rows


def _fields(
    statement: Statement, source: FileSource, given: tuple[Field, ...], existing: Table | None
) -> tuple[Field, ...]:
    """The columns to read: those given, those of the table, or those that the files have."""
    objects = statement.services.objects
    if given:
        listed = source.partition_fields(source.matching(objects))
        known = {f.name.casefold() for f in given}
        return (*given, *(f for f in listed if f.name.casefold() not in known))
    if existing is None:
        return source.detect(objects)
    found = source.detect(objects)
    if source.options.format == "CSV":
        # Columns of CSV go by their position.
        return existing.fields
    known_fields = {f.name.casefold(): f for f in existing.fields}
    for field in found:
        if field.name.casefold() not in known_fields:
            raise invalid(
                f"Provided Schema does not match Table {existing.ref.api_name}. "
                f"Cannot add fields (field: {field.name})"
            )
    return tuple(known_fields[f.name.casefold()] for f in found)


def _table(statement: Statement, ref: Any, fields: tuple[Field, ...]) -> Table:
    node = statement.node
    time, by_range = partitioning(statement, node.partition_by_list, fields)
    return described(statement, ref, fields, time, by_range, clustering(node.cluster_by_list, fields))


def _create(statement: Statement, table: Table, rows: _Counted, partition: NamedPartition | None) -> None:
    catalog, session = statement.catalog, statement.session
    with catalog.lock(table.ref), catalog.change(session) as change:
        writer = created(catalog, session, change, table)
        with _in_partition(writer, partition):
            writer.append_batches(rows, writer.table.fields)
        finish_creation(change, writer)


@contextmanager
def _in_partition(writer: Writer, partition: NamedPartition | None) -> Iterator[None]:
    if partition is None:
        yield
        return
    with one_partition(writer, partition.id, replacing=partition.overwrite):
        yield


def _append(
    statement: Statement,
    table: Table,
    fields: Sequence[Field],
    rows: _Counted,
    partition: NamedPartition | None,
) -> None:
    named = [replace(f, name=_spelling(table, f)) for f in fields]
    written = {f.name for f in named}
    others = [f for f in table.fields if f.name not in written]
    for field in others:
        if field.mode is Mode.REQUIRED and field.default is None:
            raise invalid(f"Required field {field.name} is missing in the files")
    defaults = {f.name: default_expression(statement, f) for f in others if f.default is not None}
    columns = [table.fields[table.field_index(f.name) or 0] for f in named]
    with _writing(statement, table) as writer, _in_partition(writer, partition):
        writer.append_batches(rows, columns, given=named, defaults=defaults)


@contextmanager
def _writing(statement: Statement, table: Table) -> Iterator[Writer]:
    """A writer into ``table`` as it was found, which the analysis may know in another shape."""
    services, ctx = statement.services, statement.ctx
    with writing(services.catalog, services.claims, statement.session, table.ref, ctx.cancelled) as writer:
        if not same_shape(table, writer.table):
            raise Outdated(table.ref)
        yield writer


def _spelling(table: Table, field: Field) -> str:
    index = table.field_index(field.name)
    if index is None:
        raise invalid_query(
            f"Provided Schema does not match Table {table.ref.api_name}. "
            f"Cannot add fields (field: {field.name})"
        )
    return table.fields[index].name


# -- analysis: GoogleSQL knows LOAD DATA into tables that there are

_NAME = r"(?:`[^`]+`|[A-Za-z_][\w-]*)"
_LOAD = re.compile(
    rf"\s*LOAD\s+DATA\s+(?P<mode>INTO|OVERWRITE)\s+(?P<temp>TEMP(?:ORARY)?\s+TABLE\s+)?"
    rf"(?P<path>{_NAME}(?:\s*\.\s*{_NAME})*)(?P<clauses>.*?)(?P<files>\bFROM\s+FILES\b.*)",
    re.IGNORECASE | re.DOTALL,
)
_PARTITIONS = re.compile(r"\bPARTITIONS\s*\(", re.IGNORECASE)
_ORDERED = re.compile(r"\b(?:PARTITION|CLUSTER)\s+BY\b", re.IGNORECASE)


def with_target(services: Services, sql: str, ctx: Context, session: Session) -> Context:
    """The context in which LOAD DATA is analysed: the table to be made is there, with the columns that the
    files have where clauses name them.
    """
    found = _LOAD.match(sql)
    if found is None:
        return ctx
    path = [p.strip("` \n\t") for p in re.split(r"\.(?=(?:[^`]*`[^`]*`)*[^`]*$)", found["path"])]
    temporary = found["temp"] is not None
    if temporary and ctx.temp_dataset is None:
        return ctx
    ref = names.table_ref(path, ctx, temporary=temporary)
    existing = services.catalog.find_table(ref)
    listed = found["clauses"].lstrip().startswith("(")
    if existing is not None and (found["mode"].upper() == "INTO" or listed):
        if not _PARTITIONS.search(found["clauses"]) or not by_ingestion(existing):
            return ctx
        # The statement brings the pseudo columns itself.
        return replace(ctx, pinned={**ctx.pinned, ref: replace(existing, time_partitioning=None)})
    stub = Table(ref, TableKind.TABLE, (), 0, 0, "", ctx.location)
    pinned = replace(ctx, pinned={**ctx.pinned, ref: stub})
    if listed or not _ORDERED.search(found["clauses"]):
        return pinned
    # Without the clauses that name columns, to know the files.
    shorter = f"LOAD DATA INTO {found['temp'] or ''}{found['path']} {found['files']}"
    statement = Statement(services, services.googlesql.analyze(shorter, pinned), pinned, session)
    config = configuration(statement.options(statement.node.from_files_option_list), "LOAD DATA")
    source = source_of(config, partition_columns(statement, config), detecting=True)
    columns = replace(stub, fields=source.detect(services.objects))
    return replace(ctx, pinned={**ctx.pinned, ref: columns})
