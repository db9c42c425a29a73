"""CREATE EXTERNAL TABLE, and the rows of external tables, which are read when a query reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import BigQueryError, invalid, invalid_query
from bqsim.objects import ObjectStore
from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.catalog import DEFINED
from bqsim.sql.plan import StatementResult
from bqsim.types import Field
from bqsim.types.api_schema import fields_to_api

from . import results
from .base import Statement
from .fields import field_from_definition
from .file_options import configuration, given_fields, known_option
from .file_source import FileSource, source_of
from .options import with_options
from .tables import operation_on, target_of, wrong_kind

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.engine.protocol import Session

CONFIG = "externalDataConfiguration"
# Formats of which single columns are read.
_BY_COLUMN = frozenset({"PARQUET", "ORC"})


def create_external_table(statement: Statement) -> StatementResult:
    node, catalog = statement.node, statement.catalog
    ref = target_of(statement)
    values = statement.options(resolved.get(node, "option_list"))
    config = configuration({k: v for k, v in values.items() if known_option(k)}, "CREATE EXTERNAL TABLE")
    connection = resolved.get(node, "connection")
    if resolved.has(node, "connection"):
        config["connectionId"] = connection.connection.full_name
    fields = tuple(
        field_from_definition(d, statement.options) for d in resolved.get(node, "column_definition_list")
    )
    partitions = partition_columns(statement, config)
    source = source_of(config, partitions, detecting=not fields)
    objects = statement.services.objects
    if fields:
        shown = (*fields, *(partitions or ()))
        if partitions == ():
            shown = (*fields, *source.partition_fields(source.matching(objects)))
    else:
        shown = source.detect(objects)
        config["autodetect"] = True
    if fields:
        config["schema"] = {"fields": fields_to_api(fields)}
    now_ms = statement.now_ms()
    table = Table(
        ref,
        TableKind.EXTERNAL,
        shown,
        created_ms=now_ms,
        modified_ms=now_ms,
        etag=statement.etag(),
        location=catalog.dataset(ref.dataset_ref).location,
        metadata={CONFIG: config},
    )
    table = with_options(table, {k: v for k, v in values.items() if not known_option(k)})
    with catalog.lock(ref):
        existing = catalog.find_table(ref)
        operation = operation_on(statement, existing)
        if operation == results.SKIP and existing is not None:
            return results.on_table("CREATE_EXTERNAL_TABLE", operation, existing, show_schema=True)
        if existing is not None and existing.kind is not TableKind.EXTERNAL:
            raise wrong_kind(existing)
        if not statement.dry_run:
            with catalog.change(statement.session) as change:
                change.put_table(table)
    return results.on_table("CREATE_EXTERNAL_TABLE", operation, table, show_schema=True)


def partition_columns(statement: Statement, config: dict[str, Any]) -> tuple[Field, ...] | None:
    """WITH PARTITION COLUMNS: the columns, none to detect them, None without the clause."""
    node = statement.node
    hive: dict[str, Any] = config.get("hivePartitioningOptions") or {}
    if not node.HasField("with_partition_columns"):
        if hive:
            raise invalid_query("Option hive_partition_uri_prefix requires the clause WITH PARTITION COLUMNS")
        return None
    clause = resolved.get(node, "with_partition_columns")
    if not hive.get("sourceUriPrefix"):
        raise invalid_query("WITH PARTITION COLUMNS requires the option hive_partition_uri_prefix")
    definitions = clause.column_definition_list
    listed = tuple(field_from_definition(d, statement.options) for d in definitions)
    hive["mode"] = "CUSTOM" if listed else "AUTO"
    if listed:
        hive["fields"] = fields_to_api(listed)
    return listed


def check_cached(table: Table) -> None:
    """Raises ``invalidQuery`` for a table without a cache of its files' metadata."""
    if table.kind is not TableKind.EXTERNAL:
        raise wrong_kind(table)
    if not (table.metadata.get(CONFIG) or {}).get("metadataCacheMode"):
        raise invalid_query(f"Table {table.ref.api_name} does not have metadata caching enabled")


@dataclass(slots=True)
class ExternalRows:
    """The rows of one external table, read from its files by whoever calls it.

    ``bytes_read`` are the bytes that it read last: nobody knows them before. Of files by rows they are those
    of the files; of Parquet and ORC files those of the columns ``names``, and fields in them, as values of
    BigQuery's types.
    """

    table: Table
    source: FileSource
    objects: ObjectStore
    bytes_read: int = field(default=0, compare=False)
    names: tuple[str, ...] | None = None

    def reading(self, names: tuple[str, ...]) -> ExternalRows:
        """The rows for a scan that needs only some columns."""
        return replace(self, names=names)

    def __call__(self, session: Session) -> pa.Table:
        """Canonical rows of the table's fields, the URI of the file last."""
        name = f"{self.table.ref.dataset}.{self.table.ref.table}"
        try:
            rows, self.bytes_read = self.source.rows(self.objects, self.table.fields, with_names=True)
        except BigQueryError as error:
            if error.reason.name == "notFound":
                uri = error.message.rpartition(" ")[2]
                raise invalid(
                    f"Error while reading table: {name}, error message: Failed to expand table {name} "
                    f"with file pattern {uri}: matched no files. File: {uri}"
                ) from None
            text = error.message.removeprefix("Error while reading data, error message: ")
            raise invalid(f"Error while reading table: {name}, error message: {text}") from None
        if self.source.options.format in _BY_COLUMN and self.names is not None:
            self.bytes_read = self._column_bytes(rows)
        return rows

    def _column_bytes(self, rows: pa.Table) -> int:
        """The bytes of what is needed of the rows; the columns in the names of files are not read."""
        from bqsim.types.bytes_size import path_bytes

        told: set[str] = set()
        if self.source.partitions is not None:
            infos = self.source.matching(self.objects)
            told = {f.name.casefold() for f in self.source.partition_fields(infos)}
        total = 0
        for name in self.names or ():
            first, *path = name.split(".")
            index = self.table.field_index(first)
            if index is not None and first.casefold() not in told:
                total += path_bytes(self.table.fields[index], rows.column(index), path)
        return total


# Turns an external table into one whose rows can be read.
Readable = Callable[[Table], Table]


def readable(objects: ObjectStore) -> Readable:
    """What gives external tables their rows."""

    def read(table: Table) -> Table:
        config: Mapping[str, Any] = table.metadata.get(CONFIG) or {}
        detecting = given_fields(config) is None
        source = source_of(config, detecting=detecting)
        if not table.fields:
            table = replace(table, fields=source.detect(objects))
        rows = ExternalRows(table, source, objects)
        return replace(table, metadata={**table.metadata, "virtual": rows})

    return read


def defined_tables(
    definitions: Mapping[str, Mapping[str, Any]], project: str, location: str
) -> dict[TableRef, Table]:
    """The external tables that a query defines for itself, as a context pins them."""
    found = {}
    for name, config in definitions.items():
        try:
            source_of(config)
            fields = given_fields(config) or ()
        except (AttributeError, TypeError, ValueError):
            raise invalid(f"Invalid external table definition: {name}", name) from None
        ref = TableRef(project, DEFINED, name)
        table = Table(ref, TableKind.EXTERNAL, fields, 0, 0, "", location, metadata={CONFIG: dict(config)})
        found[ref] = table
    return found
