"""EXPORT DATA: the rows of a query as files in Cloud Storage."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.engine.formats.shards import Shards, numbered
from bqsim.engine.formats.writing import WRITERS, WriteOptions, check_writable, delimiter_of
from bqsim.errors import BigQueryError, invalid_query, unsupported
from bqsim.objects import Uri, parse_uri
from bqsim.objects.uris import SCHEME
from bqsim.sql.plan import ExportStats, StatementResult

from .base import Statement, registered
from .options import option_value
from .pages import MOST_ROWS, pages
from .query import engine_select, run_plan
from .quotas import charge_plan

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.sql.plan import QueryPlan

# Page "EXPORT DATA statement": options for Cloud Storage, with their types.
_OPTIONS = {
    "uri": "STRING",
    "format": "STRING",
    "compression": "STRING",
    "overwrite": "BOOL",
    "header": "BOOL",
    "field_delimiter": "STRING",
    "use_avro_logical_types": "BOOL",
}
# What the engine calls the rows that are exported.
_EXPORTED = "_bq_exported"
# Options of exports to other services, and their formats.
_ELSEWHERE = frozenset(
    {"spanner_options", "bigtable_options", "auto_create_column_families", "truncate", "alloydb_options"}
)
_FORMATS_ELSEWHERE = frozenset({"CLOUD_SPANNER", "CLOUD_BIGTABLE", "CLOUD_PUBSUB", "ALLOYDB"})
_SCHEMES_ELSEWHERE = ("s3://", "azure://", "https://", "projects/")
# Options that only CSV has.
_CSV_ONLY = ("header", "field_delimiter")


@dataclass(frozen=True, slots=True)
class _Export:
    """Where the files go and how they are written."""

    uri: Uri
    format: str
    overwrite: bool
    options: WriteOptions


def export_data(statement: Statement) -> StatementResult:
    node = statement.node
    export = _export(statement.options(node.option_list))
    plan = statement.services.planner.plan_inner(
        statement.analyzed, statement.ctx, node.query, node.output_column_list, "AS"
    )
    check_writable(export.format, plan.schema)
    result = StatementResult("EXPORT_DATA", plan.route, plan.route_reason, plan=plan, tables=plan.tables)
    result.read = charge_plan(statement, plan)
    before = statement.services.objects.glob(str(export.uri))
    if before and not export.overwrite:
        raise invalid_query(
            f"Files already exist at destination {export.uri}. Set the option overwrite=true to replace them."
        )
    if statement.dry_run:
        return result
    result.export, written = _write(statement, export, plan)
    for old in before:
        if old.uri not in written:
            statement.services.objects.delete(old.uri)
    return result


def _export(values: Mapping[str, Any]) -> _Export:
    """The options, checked."""
    for name in values:
        if name in _ELSEWHERE:
            raise unsupported(f"The export option {name}")
        if name not in _OPTIONS:
            raise invalid_query(f"Unknown option: {name}")
    given = {name: option_value(name, _OPTIONS[name], value) for name, value in values.items()}
    given = {name: value for name, value in given.items() if value is not None}
    if "format" not in given:
        raise invalid_query("Option 'format' is required for EXPORT DATA statement")
    format_ = given["format"].upper()
    if format_ in _FORMATS_ELSEWHERE:
        raise unsupported(f"EXPORT DATA with format {format_}")
    if format_ not in WRITERS:
        raise _bad("format", given["format"])
    compression = given.get("compression", "NONE").upper()
    if compression not in WRITERS[format_][1] | {"NONE"}:
        raise invalid_query(
            f"Compression type {given['compression']} is not supported for export format {format_}"
        )
    for name in _CSV_ONLY:
        if name in given and format_ != "CSV":
            raise invalid_query(f"Option '{name}' is only supported for CSV format")
    if "use_avro_logical_types" in given and format_ != "AVRO":
        raise invalid_query("Option 'use_avro_logical_types' is only supported for AVRO format")
    delimiter = delimiter_of(given.get("field_delimiter"))
    if delimiter is None:
        raise _bad("field_delimiter", given["field_delimiter"])
    options = WriteOptions(
        compression=compression,
        header=given.get("header", True),
        delimiter=delimiter,
        logical_types=given.get("use_avro_logical_types", False),
    )
    return _Export(_uri(given.get("uri", "")), format_, given.get("overwrite", False), options)


def _uri(text: str) -> Uri:
    if not text:
        raise invalid_query("Option 'uri' is required for EXPORT DATA statement")
    if text.startswith(_SCHEMES_ELSEWHERE):
        raise unsupported(f"EXPORT DATA to {text.partition(':')[0]}")
    if not text.startswith(SCHEME):
        raise _bad("uri", text)
    try:
        uri = parse_uri(text)
    except BigQueryError:
        raise _bad("uri", text) from None
    if uri.wildcards != 1:
        raise invalid_query(f"Option 'uri' value must be a wild card URI with exactly one '*': {text}")
    return uri


def _bad(name: str, value: str) -> BigQueryError:
    return invalid_query(f"Invalid value for option '{name}': {value}")


def _write(statement: Statement, export: _Export, plan: QueryPlan) -> tuple[ExportStats, frozenset[str]]:
    """The rows as files in their order; what became of them, and the files' URIs."""
    create = statement.services.objects.create
    with (
        Shards(create, (export.uri,), export.format, plan.schema, export.options) as files,
        closing(_rows(statement, plan)) as parts,
    ):
        for rows in parts:
            files.write(rows)
    (count,) = files.counts
    written = frozenset(str(numbered(export.uri, number)) for number in range(count))
    return ExportStats(count, files.rows), written


def _rows(statement: Statement, plan: QueryPlan) -> Generator[pa.Table, None, None]:
    """The rows of a plan, a part at a time: the engine keeps them on disk where there are many."""
    if plan.engine_sql is None:
        yield run_plan(statement, plan)
        return
    session = statement.session
    labels = [f"v{i}" for i in range(1, len(plan.schema) + 1)]
    # A failure takes the table with it.
    with session.transaction():
        with registered(session, plan):
            session.execute(f"CREATE OR REPLACE TEMP TABLE {_EXPORTED} AS {engine_select(plan)}")
        yield from pages(session, _EXPORTED, labels, plan.schema, "TRUE", MOST_ROWS)
        session.drop_table(_EXPORTED)
