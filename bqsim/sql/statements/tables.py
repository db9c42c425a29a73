"""CREATE TABLE in its forms, and DROP TABLE."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bqsim.catalog.names import check_table_id
from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import Dataset, RangePartitioning, Table, TableKind, TimePartitioning
from bqsim.catalog.shadow import as_shadow
from bqsim.errors import BigQueryError, already_exists, invalid_query, not_found
from bqsim.sql.googlesql import resolved
from bqsim.sql.plan import QueryPlan, StatementResult
from bqsim.sql.row_security import protecting
from bqsim.types import Field

from . import names, results
from .base import Statement, enum_name, registered
from .buffered import flushed
from .fields import collation_text, field_from_definition, with_default_collation
from .keys import foreign_keys
from .options import with_options
from .partitions import clustering, partitioning
from .query import engine_select, run_plan
from .quotas import charge_plan
from .storage import copy_rows, storage_of
from .time_travel import snapshot_time, table_at
from .writes import Writer, created, finish_creation, is_large

TEMP_TABLE_MS = 24 * 3600 * 1000


def create_table(statement: Statement) -> StatementResult:
    """CREATE TABLE with column definitions, LIKE, COPY or CLONE."""
    node = statement.node
    if resolved.has(node, "clone_from"):
        return _create_copy(statement, node.clone_from, "CREATE_TABLE", clone=True)
    if resolved.has(node, "copy_from"):
        return _create_copy(statement, node.copy_from, "CREATE_TABLE", clone=False)
    table = _described(statement)
    like = resolved.get(node, "like_table").full_name
    if like:
        table = _like(statement, table, statement.analyzed.tables[like])
    return _create(statement, table, "CREATE_TABLE")


def create_table_as_select(statement: Statement) -> StatementResult:
    node = statement.node
    table = _described(statement)
    plan = statement.services.planner.plan_inner(
        statement.analyzed, statement.ctx, node.query, node.output_column_list, "AS"
    )
    read = charge_plan(statement, plan)
    result = _create(statement, table, "CREATE_TABLE_AS_SELECT", plan)
    result.plan, result.route, result.route_reason = plan, plan.route, plan.route_reason
    result.tables = plan.tables
    result.row_level_security = plan.policies_used is not None
    if result.ddl_operation != results.SKIP:
        result.read = read
    return result


def create_snapshot(statement: Statement) -> StatementResult:
    return _create_copy(statement, statement.node.clone_from, "CREATE_SNAPSHOT_TABLE", snapshot=True)


def target_of(statement: Statement) -> TableRef:
    """The table that a CREATE statement names; its id is checked and its dataset must exist.

    That of temporary tables is made when it does not, unless nothing may change.
    """
    node = statement.node
    temporary = enum_name(node, "create_scope") == "CREATE_TEMP"
    ref = names.table_ref(resolved.get(node, "name_path"), statement.ctx, temporary=temporary)
    check_table_id(ref.table)
    if statement.catalog.find_dataset(ref.dataset_ref) is None:
        if not temporary:
            raise not_found("Dataset", ref.dataset_ref.api_name, statement.ctx.location)
        create_temp_dataset(statement, ref.dataset_ref)
    return ref


def create_temp_dataset(statement: Statement, ref: DatasetRef) -> None:
    """Create the hidden dataset of a script's or session's temporary tables; a dry run creates none."""
    if statement.dry_run:
        return
    with statement.catalog.change(statement.session) as change:
        change.put_dataset(_temp_dataset(statement, ref))


def _temp_dataset(statement: Statement, ref: DatasetRef) -> Dataset:
    """A dataset whose tables live for a day."""
    now_ms = statement.now_ms()
    dataset = Dataset(ref, statement.ctx.location, now_ms, now_ms, statement.etag())
    return replace(dataset, default_table_expiration_ms=TEMP_TABLE_MS)


def _dataset_of(statement: Statement, ref: TableRef) -> Dataset:
    """The dataset of a table to be made; in a dry run that of temporary tables may be still to come."""
    found = statement.catalog.find_dataset(ref.dataset_ref)
    if found is None and statement.dry_run and ref.dataset_ref == statement.ctx.temp_dataset:
        return _temp_dataset(statement, ref.dataset_ref)
    return found or statement.catalog.dataset(ref.dataset_ref)


def operation_on(statement: Statement, existing: Table | None) -> str:
    """What a CREATE statement does given what has the name already: CREATE, REPLACE or SKIP; or it fails."""
    mode = enum_name(statement.node, "create_mode")
    if existing is None:
        return results.CREATE
    if mode == "CREATE_IF_NOT_EXISTS":
        return results.SKIP
    if mode == "CREATE_OR_REPLACE":
        return results.REPLACE
    raise already_exists("Table", existing.ref.api_name)


def wrong_kind(table: Table) -> BigQueryError:
    return invalid_query(
        f"{table.ref.api_name} is not allowed for this operation because it is currently a {table.kind}."
    )


def _described(statement: Statement) -> Table:
    """The table that the statement's columns, clauses and options describe."""
    node = statement.node
    ref = target_of(statement)
    like = resolved.get(node, "like_table").full_name if resolved.has(node, "like_table") else ""
    # GoogleSQL lists the pseudo columns of the table to be like, too.
    hidden = {f.name for f in statement.analyzed.sources[like].pseudo} if like else set()
    definitions = [d for d in resolved.get(node, "column_definition_list") if d.name not in hidden]
    fields = tuple(field_from_definition(d, statement.options) for d in definitions)
    time, by_range = partitioning(statement, node.partition_by_list, fields)
    return described(statement, ref, fields, time, by_range, clustering(node.cluster_by_list, fields))


def described(
    statement: Statement,
    ref: TableRef,
    fields: tuple[Field, ...],
    time: TimePartitioning | None,
    by_range: RangePartitioning | None,
    clustered: tuple[str, ...],
) -> Table:
    """A new table with these columns, and what the statement's other clauses and options say of it."""
    node = statement.node
    dataset = _dataset_of(statement, ref)
    collation = dataset.default_collation
    if _has(node, "collation_name"):
        collation = collation_text(resolved.get(node, "collation_name"))
    fields = tuple(with_default_collation(f, collation) for f in fields)
    now_ms = statement.now_ms()
    if time is not None and dataset.default_partition_expiration_ms:
        time = replace(time, expiration_ms=dataset.default_partition_expiration_ms)
    table = Table(
        ref,
        TableKind.TABLE,
        fields,
        created_ms=now_ms,
        modified_ms=now_ms,
        etag=statement.etag(),
        location=dataset.location,
        expiration_ms=_default_expiration(now_ms, dataset.default_table_expiration_ms),
        time_partitioning=time,
        range_partitioning=by_range,
        clustering=clustered,
        default_collation=collation,
    )
    if _has(node, "primary_key"):
        if not resolved.get(node, "primary_key").unenforced:
            raise invalid_query("Primary keys must be declared as NOT ENFORCED")
        table = replace(table, primary_key=tuple(resolved.get(node, "primary_key").column_name_list))
    keys = foreign_keys(statement, resolved.get(node, "foreign_key_list"))
    if keys:
        table = replace(table, metadata={**table.metadata, "tableConstraints": {"foreignKeys": keys}})
    return with_options(table, statement.options(resolved.get(node, "option_list")))


def _has(node: Any, field: str) -> bool:
    """Whether a node has a field, own or inherited, that is set."""
    try:
        return bool(resolved.has(node, field))
    except AttributeError:
        return False


def _default_expiration(now_ms: int, default_ms: int | None) -> int | None:
    return now_ms + default_ms if default_ms else None


def _like(statement: Statement, table: Table, source: Table) -> Table:
    """CREATE TABLE LIKE: the schema and metadata of ``source``, the statement's own options over them."""
    clauses: tuple[TimePartitioning | None, RangePartitioning | None] = (
        table.time_partitioning,
        table.range_partitioning,
    )
    if clauses == (None, None):
        clauses = (source.time_partitioning, source.range_partitioning)
    merged = replace(
        source,
        ref=table.ref,
        kind=TableKind.TABLE,
        created_ms=table.created_ms,
        modified_ms=table.modified_ms,
        etag=table.etag,
        location=table.location,
        num_rows=0,
        storage=None,
        view_query=None,
        base_table=None,
        snapshot_ms=None,
        row_access_policies=(),
        expiration_ms=table.expiration_ms,
        time_partitioning=clauses[0],
        range_partitioning=clauses[1],
        clustering=table.clustering or source.clustering,
    )
    merged = as_shadow(merged, None)
    return with_options(merged, statement.options(resolved.get(statement.node, "option_list")))


def _create(
    statement: Statement, table: Table, statement_type: str, plan: QueryPlan | None = None
) -> StatementResult:
    """Create the table, with the rows of ``plan`` when there is one."""
    catalog, session = statement.catalog, statement.session
    with catalog.lock(table.ref):
        existing = catalog.find_table(table.ref)
        operation = operation_on(statement, existing)
        if operation == results.SKIP:
            assert existing is not None
            return results.on_table(statement_type, operation, existing, show_schema=True)
        if existing is not None and existing.kind is not TableKind.TABLE:
            raise wrong_kind(existing)
        if not statement.dry_run:
            with catalog.change(session) as change:
                writer = created(catalog, session, change, table)
                if plan is not None:
                    _fill(statement, writer, plan)
                finish_creation(change, writer)
    return results.on_table(statement_type, operation, table, show_schema=True)


def _fill(statement: Statement, writer: Writer, plan: QueryPlan) -> None:
    if plan.engine_sql is None:
        writer.append(run_plan(statement, plan), writer.table.fields, given=plan.schema)
        return
    with registered(statement.session, plan):
        large = is_large(statement.catalog, plan.tables)
        writer.insert(writer.table.fields, engine_select(plan), large=large)


def _create_copy(
    statement: Statement, scan: Any, statement_type: str, *, clone: bool = False, snapshot: bool = False
) -> StatementResult:
    """A table with the schema, metadata and rows of another one, now or at a past time."""
    catalog, session = statement.catalog, statement.session
    ref = target_of(statement)
    source, at_us = _source(statement, resolved.unwrap(scan))
    storage = storage_of(source)
    now_ms = statement.now_ms()
    dataset = _dataset_of(statement, ref)
    copy = replace(
        source,
        ref=ref,
        kind=TableKind.SNAPSHOT if snapshot else TableKind.TABLE,
        created_ms=now_ms,
        modified_ms=now_ms,
        etag=statement.etag(),
        location=dataset.location,
        storage=None,
        num_rows=0,
        expiration_ms=_default_expiration(now_ms, dataset.default_table_expiration_ms),
        base_table=source.ref if clone or snapshot else None,
        snapshot_ms=(now_ms if at_us is None else at_us // 1000) if clone or snapshot else None,
    )
    copy = with_options(copy, statement.options(resolved.get(statement.node, "option_list")))
    with catalog.lock(ref):
        existing = catalog.find_table(ref)
        operation = operation_on(statement, existing)
        if operation == results.SKIP:
            assert existing is not None
            return results.on_table(statement_type, operation, existing, show_schema=True)
        if existing is not None and existing.kind is not copy.kind:
            raise wrong_kind(existing)
        if not statement.dry_run:
            with catalog.change(session) as change:
                writer = created(catalog, session, change, copy)
                target, kept = storage_of(writer.table), flushed(catalog.buffers, storage)
                writer.inserted = copy_rows(session, storage, target, change.time_us, at_us, kept)
                finish_creation(change, writer)
    return results.on_table(statement_type, operation, copy, show_schema=True)


def _source(statement: Statement, scan: Any) -> tuple[Table, int | None]:
    """The table that a scan names, as of its FOR SYSTEM_TIME clause, with that time."""
    table: Table = statement.analyzed.sources[scan.table.full_name].table
    at_us = snapshot_time(statement, scan)
    security = statement.services.planner.security
    security.require_all(table, statement.ctx)
    if at_us is None:
        return table, None
    past = protecting(statement.catalog, table_at(statement, table, at_us))
    security.require_all(past, statement.ctx)
    return past, at_us


# What DROP drops: GoogleSQL's object type -> (statement type, kinds that it may be).
_DROPPED: dict[str, tuple[str, frozenset[TableKind]]] = {
    "TABLE": ("DROP_TABLE", frozenset({TableKind.TABLE})),
    "VIEW": ("DROP_VIEW", frozenset({TableKind.VIEW})),
    "MATERIALIZED VIEW": ("DROP_MATERIALIZED_VIEW", frozenset({TableKind.MATERIALIZED_VIEW})),
    "SNAPSHOT TABLE": ("DROP_SNAPSHOT_TABLE", frozenset({TableKind.SNAPSHOT})),
    "EXTERNAL TABLE": ("DROP_EXTERNAL_TABLE", frozenset({TableKind.EXTERNAL})),
}


def _dropped_ref(statement: Statement) -> TableRef:
    """The table that DROP names: a temporary one needs no dataset, nor does one that may be missing."""
    path, temp, default = statement.node.name_path, statement.ctx.temp_dataset, statement.ctx.default_dataset
    if temp is not None and len(path) == 1:
        temporary = temp.table(path[0])
        missing = default is None and statement.node.is_if_exists
        if missing or statement.catalog.find_table(temporary) is not None:
            return temporary
    return names.table_ref(path, statement.ctx)


def drop_table(statement: Statement, object_type: str) -> StatementResult:
    """DROP TABLE, VIEW, MATERIALIZED VIEW, SNAPSHOT TABLE or EXTERNAL TABLE."""
    statement_type, kinds = _DROPPED[object_type]
    node = statement.node
    catalog = statement.catalog
    ref = _dropped_ref(statement)
    with catalog.lock(ref):
        table = catalog.find_table(ref)
        if table is None:
            if node.is_if_exists:
                return StatementResult(statement_type, ddl_operation=results.SKIP, ddl_target_table=ref)
            if catalog.find_dataset(ref.dataset_ref) is None:
                raise not_found("Dataset", ref.dataset_ref.api_name, statement.ctx.location)
            raise not_found("Table", ref.api_name)
        if table.kind not in kinds:
            raise wrong_kind(table)
        if not statement.dry_run:
            with catalog.change(statement.session) as change:
                change.drop_table(ref)
            if statement.ctx.transaction is not None:
                statement.ctx.transaction.dropped(ref)
    return results.on_table(statement_type, results.DROP, table)
