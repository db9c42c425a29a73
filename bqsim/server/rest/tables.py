"""The ``tables`` methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.names import check_table_id
from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Dataset, Table, TableKind
from bqsim.catalog.shadow import rows_shown
from bqsim.errors import already_exists, invalid
from bqsim.jobs.decorated import decorated, delete_partition, described
from bqsim.sql.access import table_path
from bqsim.sql.statements.buffered import buffered
from bqsim.sql.statements.fields import with_default_collation
from bqsim.sql.statements.storage_figures import Figures, figures_of
from bqsim.types import Field, field_of
from bqsim.types.api_schema import fields_from_api

from .datasets import ref_of as dataset_ref_of
from .lists import page
from .preconditions import check_if_match, merge_patch, same_reference, without_nulls
from .reply import Reply, etag_of
from .request import Request
from .table_json import EMPTY, attributes_from_json, settings_json, table_to_json, table_to_list_json
from .table_schema import apply, evolve

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session

_VIEW_MEMBERS = {"view": TableKind.VIEW, "materializedView": TableKind.MATERIALIZED_VIEW}


def ref_of(request: Request) -> TableRef:
    """The table named by the path, without a partition or snapshot decorator."""
    table = request.path["tableId"].partition("$")[0].partition("@")[0]
    return TableRef(request.path["projectId"], request.path["datasetId"], table)


def _named(request: Request) -> TableRef:
    """The table named by the path, with its decorators."""
    return TableRef(request.path["projectId"], request.path["datasetId"], request.path["tableId"])


def _find(request: Request, ref: TableRef) -> Table:
    return request.core.jobs.anonymous_table(ref) or request.core.catalog.table(ref)


async def _reply(request: Request, table: Table) -> Reply:
    figures, held = EMPTY, None
    if table.storage is not None and rows_shown(table):
        sizes, buffers = request.core.executor.sizes, request.core.catalog.buffers
        catalog = request.core.catalog
        figures, held = await request.core.write(
            lambda session: (
                figures_of(catalog, sizes, session, table),
                buffered(session, buffers, table),
            )
        )
    return Reply(table_to_json(_narrowed(request, table), request, figures, held=held), etag=table.etag)


async def get(request: Request) -> Reply:
    """``tables.get``, with ``selectedFields`` and ``view``."""
    named = _named(request)
    source = decorated(named)
    if request.core.catalog.expiring.pending():
        await request.core.write(request.core.executor.expire)
    if source is not None and not named.dataset.startswith("_"):
        executor = request.core.executor
        table, size = await request.core.write(lambda session: described(executor, session, named, source))
        return Reply(table_to_json(_narrowed(request, table), request, Figures(size)), etag=table.etag)
    table = _find(request, ref_of(request))
    if request.text("view") == "BASIC":
        return Reply(table_to_json(_narrowed(request, table), request, view="BASIC"), etag=table.etag)
    return await _reply(request, table)


def _narrowed(request: Request, table: Table) -> Table:
    """``table`` with the fields that ``selectedFields`` names."""
    selected = request.text("selectedFields")
    return replace(table, fields=_selected(table, selected)) if selected else table


def _selected(table: Table, text: str) -> tuple[Field, ...]:
    indexes = []
    for name in text.split(","):
        index = table.field_index(name.strip().partition(".")[0])
        if index is None:
            raise invalid(f"Invalid field selection {name.strip()[:200]}", "selectedFields")
        indexes.append(index)
    return tuple(table.fields[i] for i in sorted(set(indexes)))


async def list_(request: Request) -> Reply:
    """``tables.list``, in the order of ids."""
    catalog, dataset = request.core.catalog, dataset_ref_of(request)

    def fetch(after: str, limit: int) -> list[Table]:
        if request.core.iam.policy is None:
            return catalog.tables(dataset, after, limit)
        found = catalog.tables(dataset, after)
        return request.visible("bigquery.tables.list", found, lambda t: table_path(t.ref))[:limit]

    found, token = page(request, fetch, lambda t: t.ref.table)
    body: dict[str, Any] = {"kind": "bigquery#tableList"}
    if token:
        body["nextPageToken"] = token
    if found:
        body["tables"] = [table_to_list_json(t) for t in found]
    body["totalItems"] = catalog.table_count(dataset)
    body["etag"] = etag_of(body)
    return Reply(body, etag=body["etag"])


async def insert(request: Request) -> Reply:
    """``tables.insert``: a table, view, materialized view or external table."""
    core, body = request.core, without_nulls(request.body)
    dataset_ref = dataset_ref_of(request)
    reference = body.get("tableReference") or {}
    same_reference(reference, dataset_ref.to_json(), "table")
    ref = dataset_ref.table(reference.get("tableId") or "")
    check_table_id(ref.table)
    now = core.now_ms()

    def work(session: Session) -> Table:
        dataset = core.catalog.dataset(dataset_ref)
        if core.catalog.find_table(ref) is not None:
            raise already_exists("Table", ref.api_name)
        table = _new_table(request, dataset, ref, body, now)
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            if core.catalog.find_table(ref) is not None:
                raise already_exists("Table", ref.api_name)
            if table.kind is TableKind.TABLE:
                from bqsim.sql.statements.storage import with_storage

                table = with_storage(session, core.catalog.next_engine_table(), table)
            table = replace(table, version=change.time_us)
            change.put_table(table)
        if table.kind is TableKind.MATERIALIZED_VIEW:
            core.executor.fill_materialized_view(session, ref)
            return core.catalog.table(ref)
        return table

    return await _reply(request, await core.write(work))


def _new_table(request: Request, dataset: Dataset, ref: TableRef, body: Mapping[str, Any], now: int) -> Table:
    given = [kind for member, kind in _VIEW_MEMBERS.items() if body.get(member)]
    kind = given[0] if given else TableKind.TABLE
    if body.get("externalDataConfiguration"):
        kind = TableKind.EXTERNAL
    table = Table(
        ref=ref,
        kind=kind,
        fields=fields_from_api((body.get("schema") or {}).get("fields")),
        created_ms=now,
        modified_ms=now,
        etag=request.core.catalog.new_etag(),
        location=dataset.location,
    )
    if kind in _VIEW_MEMBERS.values():
        table = _with_view(request, table, _view_query(body))
    elif kind is TableKind.EXTERNAL and not table.fields:
        external = body["externalDataConfiguration"].get("schema") or {}
        table = replace(table, fields=fields_from_api(external.get("fields")))
    return _with_defaults(attributes_from_json(table, body, now), dataset, now)


def _with_defaults(table: Table, dataset: Dataset, now: int) -> Table:
    """``table`` with the expirations and the collation that its dataset gives to new tables."""
    time = table.time_partitioning
    partition_ms = dataset.default_partition_expiration_ms
    if time is not None and time.expiration_ms is None and partition_ms is not None:
        table = replace(table, time_partitioning=replace(time, expiration_ms=partition_ms))
    elif table.expiration_ms is None and dataset.default_table_expiration_ms is not None:
        table = replace(table, expiration_ms=now + dataset.default_table_expiration_ms)
    if table.default_collation is None and dataset.default_collation:
        table = replace(table, default_collation=dataset.default_collation)
    if table.default_collation and table.fields:
        fields = tuple(with_default_collation(f, table.default_collation) for f in table.fields)
        table = replace(table, fields=fields)
    return table


def _view_query(body: Mapping[str, Any]) -> str | None:
    """The query of the view that a body describes."""
    for member in _VIEW_MEMBERS:
        if body.get(member):
            query = body[member].get("query")
            return query if isinstance(query, str) else None
    return None


def _with_view(request: Request, table: Table, query: str | None) -> Table:
    """``table`` as a view of ``query``, which is analysed for its columns."""
    from bqsim.sql.plan import Context

    if not query:
        raise invalid("Required parameter is missing: query", "query")
    core = request.core
    ctx = Context(
        project=request.path["projectId"],
        caller=request.caller.email,
        groups=request.caller.groups,
        location=table.location,
        now_us=core.clock.now_us(),
    )
    analyzed = core.googlesql.analyze(query, ctx)
    if analyzed.kind != "resolved_query_stmt":
        raise invalid("A view must be defined by a SELECT statement", "query")
    core.executor.access.statement(analyzed, ctx)
    described = {f.name.casefold(): f.description for f in table.fields}
    fields = tuple(
        replace(field_of(name or f"f{i}_", type_), description=described.get(name.casefold()))
        for i, (name, _, type_) in enumerate(analyzed.output_columns())
    )
    return replace(table, view_query=query, fields=fields)


async def patch(request: Request) -> Reply:
    """``tables.patch``: members of the body replace those of the table, null clears."""
    return await _change(request, merge=True)


async def update(request: Request) -> Reply:
    """``tables.update``: the body replaces everything a client may set."""
    return await _change(request, merge=False)


async def _change(request: Request, *, merge: bool) -> Reply:
    core, ref = request.core, ref_of(request)
    same_reference(request.body.get("tableReference"), ref.to_json(), "table")

    def work(session: Session) -> Table:
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            before = core.catalog.table(ref)
            check_if_match(request, before.etag)
            table = _changed(request, session, before, merge)
            table = replace(table, modified_ms=core.now_ms(), etag=core.catalog.new_etag())
            change.put_table(table)
            return table

    return await _reply(request, await core.write(work))


def _changed(request: Request, session: Session, before: Table, merge: bool) -> Table:
    current = table_to_json(before, request) if merge else {}
    body = merge_patch(current, request.body)
    for name, value in settings_json(before).items():
        # Partitioning is chosen when a table is created and stays.
        if name in ("timePartitioning", "rangePartitioning"):
            body.setdefault(name, value)
    if merge:
        # Both places of this flag mean the same; the one that the patch names wins.
        given = request.body.get("timePartitioning")
        flag = given.get("requirePartitionFilter") if isinstance(given, Mapping) else None
        if flag is not None and "requirePartitionFilter" not in request.body:
            body["requirePartitionFilter"] = flag
        elif flag is None and request.body.get("requirePartitionFilter") is False:
            (body.get("timePartitioning") or {}).pop("requirePartitionFilter", None)
    table = before
    query = _view_query(request.body)
    if before.kind in _VIEW_MEMBERS.values():
        if query is not None and query != before.view_query:
            table = _with_view(request, table, query)
        schema = request.body.get("schema")
        if schema:
            table = replace(table, fields=_described(table.fields, fields_from_api(schema.get("fields"))))
    elif request.body.get("schema") is not None:
        wanted = fields_from_api(request.body["schema"].get("fields"))
        if wanted or before.fields:
            fields, added = evolve(before, wanted)
            table = apply(session, table, fields, added)
    table = attributes_from_json(table, body, request.core.now_ms())
    _check_partitioning(before, table)
    return table


def _described(fields: Sequence[Field], given: Sequence[Field]) -> tuple[Field, ...]:
    """The columns of a view with the descriptions and policy tags of ``given``."""
    by_name = {f.name.casefold(): f for f in given}
    out = []
    for field in fields:
        new = by_name.get(field.name.casefold())
        if new is not None:
            nested = _described(field.fields, new.fields)
            field = replace(field, description=new.description, attributes=new.attributes, fields=nested)
        out.append(field)
    return tuple(out)


def _check_partitioning(before: Table, after: Table) -> None:
    """Of a table's partitioning only the expiration may change."""
    old, new = before.time_partitioning, after.time_partitioning
    time_changed = (old and (old.type, old.field)) != (new and (new.type, new.field))
    if not time_changed and before.range_partitioning == after.range_partitioning:
        return
    if before.time_partitioning is None and before.range_partitioning is None:
        raise invalid("Cannot convert non partitioned table to partitioned table.")
    raise invalid(f"Cannot change partitioning spec for a partitioned table {before.ref.api_name}.")


async def delete(request: Request) -> Reply:
    """``tables.delete``, of a table or of one partition. Rows stay for time travel."""
    core, ref, named = request.core, ref_of(request), _named(request)
    source = decorated(named)

    def work(session: Session) -> None:
        if source is not None and source.partition is not None:
            check_if_match(request, core.catalog.table(ref).etag)
            delete_partition(core.executor, session, source, named)
            return
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            check_if_match(request, core.catalog.table(ref).etag)
            change.drop_table(ref)

    await core.write(work)
    return Reply(None, 204)
