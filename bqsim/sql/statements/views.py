"""CREATE VIEW, also of materialized views."""

from __future__ import annotations

import sys
from dataclasses import replace

from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import unsupported
from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.prepass import prepare
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.sql.lower.outputs import fields_of
from bqsim.sql.plan import StatementResult
from bqsim.types import Field

from . import materialized, results
from .base import Statement
from .fields import field_from_definition, with_collations
from .options import with_options
from .partitions import clustering, partitioning
from .tables import operation_on, target_of, wrong_kind


def create_view(statement: Statement) -> StatementResult:
    return _create(statement, TableKind.VIEW, "CREATE_VIEW")


def create_materialized_view(statement: Statement) -> StatementResult:
    if resolved.has(statement.node, "replica_source"):
        raise unsupported("CREATE MATERIALIZED VIEW AS REPLICA OF")
    result = _create(statement, TableKind.MATERIALIZED_VIEW, "CREATE_MATERIALIZED_VIEW")
    if not statement.dry_run and result.ddl_operation != results.SKIP and result.ddl_target_table is not None:
        materialized.first_refresh(statement, result.ddl_target_table)
    return result


def _create(statement: Statement, kind: TableKind, statement_type: str) -> StatementResult:
    node, catalog = statement.node, statement.catalog
    ref = target_of(statement)
    fields = _fields(statement)
    now_ms = statement.now_ms()
    view = Table(
        ref,
        kind,
        fields,
        created_ms=now_ms,
        modified_ms=now_ms,
        etag=statement.etag(),
        location=catalog.dataset(ref.dataset_ref).location,
        view_query=query_text(statement, resolved.get(node, "sql")),
    )
    if kind is TableKind.MATERIALIZED_VIEW:
        time, by_range = partitioning(statement, node.partition_by_list, fields)
        view = replace(
            view,
            time_partitioning=time,
            range_partitioning=by_range,
            clustering=clustering(node.cluster_by_list, fields),
        )
    view = with_options(view, statement.options(resolved.get(node, "option_list")))
    if kind is TableKind.MATERIALIZED_VIEW:
        materialized.check(statement, view)
    if statement.ctx.default_dataset != ref.dataset_ref or statement.ctx.project != ref.project:
        # The view is read in its own dataset: names that mean something only here are errors now.
        statement.services.planner.view(view, statement.ctx)
    with catalog.lock(ref):
        existing = catalog.find_table(ref)
        operation = operation_on(statement, existing)
        if existing is not None and operation == results.REPLACE and existing.kind is not kind:
            raise wrong_kind(existing)
        if operation != results.SKIP and not statement.dry_run:
            with catalog.change(statement.session) as change:
                change.put_table(view)
    shown = existing if operation == results.SKIP and existing is not None else view
    result = results.on_table(statement_type, operation, shown, show_schema=True)
    result.tables = tuple(t.ref for t in statement.analyzed.tables.values() if t.ref != ref)
    return result


def _fields(statement: Statement) -> tuple[Field, ...]:
    """The view's columns: those of its query, with what its column list says about them."""
    node = statement.node
    columns = resolved.get(node, "output_column_list")
    plain = fields_of([c.name for c in columns], [type_from_proto(c.column.type) for c in columns])
    fields = [with_collations(f, c.column.annotation_map) for f, c in zip(plain, columns, strict=True)]
    definitions = resolved.get(node, "column_definition_list")
    described = {d.name.casefold(): field_from_definition(d, statement.options) for d in definitions}
    return tuple(
        replace(f, description=d.description, attributes=d.attributes)
        if (d := described.get(f.name.casefold()))
        else f
        for f in fields
    )


def query_text(statement: Statement, sql: str) -> str:
    """The user's own text of a part of the statement that GoogleSQL gives as ``sql``."""
    original: str = statement.analyzed.original_sql
    if statement.analyzed.expansion is not None:
        sql = statement.analyzed.expansion.restored(sql)
    if sql in original:
        return sql
    prepared = prepare(original, len(original), sys.maxsize)
    start = prepared.sql.rfind(sql)
    return original[prepared.original_offset(start) : prepared.original_offset(start + len(sql))]
