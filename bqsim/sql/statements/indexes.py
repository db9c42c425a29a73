"""CREATE, ALTER and DROP of search and vector indexes: their metadata. Searches need none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bqsim.catalog.resources import Index, Table, TableKind
from bqsim.errors import already_exists, invalid_query, not_found
from bqsim.sql.googlesql import resolved
from bqsim.sql.lower.functions.search_query import analyzer_of
from bqsim.sql.plan import StatementResult
from bqsim.types import FLOAT64, INT64, JSON, STRING, TIMESTAMP, Field, TypeKind, array_of

from . import results
from .base import Statement, enum_name
from .names import table_ref

SEARCH, VECTOR = "SEARCH", "VECTOR"
_SEARCHED = frozenset({STRING, array_of(STRING), JSON})
_DATA_TYPES = {"STRING": STRING, "INT64": INT64, "TIMESTAMP": TIMESTAMP}
_OPTIONS = {
    SEARCH: frozenset({"analyzer", "analyzer_options", "data_types", "default_index_column_granularity"}),
    VECTOR: frozenset({"index_type", "distance_type", "ivf_options", "tree_ah_options"}),
}
_INDEX_TYPES = {"IVF": "ivf_options", "TREE_AH": "tree_ah_options"}
_DISTANCES = frozenset({"EUCLIDEAN", "COSINE", "DOT_PRODUCT"})


def create_index(statement: Statement) -> StatementResult:
    node, catalog = statement.node, statement.catalog
    kind = SEARCH if node.is_search else VECTOR if node.is_vector else ""
    if not kind:
        raise invalid_query("CREATE INDEX needs SEARCH or VECTOR")
    statement_type = f"CREATE_{kind}_INDEX"
    name = ".".join(resolved.get(node, "name_path"))
    options = statement.options(node.option_list)
    ref = table_ref(node.table_name_path, statement.ctx)
    with catalog.lock(ref):
        table = _table(statement, ref)
        index = _index(statement, kind, name, table, options)
        mode = enum_name(node, "create_mode")
        existing = next((i for i in table.indexes if i.kind == kind), None)
        if existing is not None and mode == "CREATE_IF_NOT_EXISTS":
            return results.on_table(statement_type, results.SKIP, table)
        if existing is not None and mode != "CREATE_OR_REPLACE":
            raise already_exists(f"{kind.capitalize()} index", f"{ref.api_name}.{existing.name}")
        if not statement.dry_run:
            with catalog.change(statement.session) as change:
                now_ms = change.time_us // 1000
                others = tuple(i for i in table.indexes if i.kind != kind)
                made = replace(index, created_ms=now_ms, modified_ms=now_ms)
                change.put_table(replace(table, indexes=(*others, made)))
    operation = results.CREATE if existing is None else results.REPLACE
    return results.on_table(statement_type, operation, table)


def _table(statement: Statement, ref: Any) -> Table:
    table = statement.catalog.table(ref)
    if table.kind is not TableKind.TABLE:
        raise invalid_query(f"Indexes can only be on tables, but {ref.api_name} is a {table.kind}")
    return table


def _index(statement: Statement, kind: str, name: str, table: Table, options: Mapping[str, Any]) -> Index:
    node = statement.node
    for option in options:
        if option not in _OPTIONS[kind]:
            raise invalid_query(f"Unknown option: {option}")
    names = [resolved.unwrap(item.column_ref).column.name for item in node.index_item_list]
    repeated = {n for n in names if names.count(n) > 1}
    if repeated:
        raise invalid_query(f"Duplicate column {sorted(repeated)[0]} in the index")
    fields = {f.name.casefold(): f for f in table.fields}
    columns = [fields[n.casefold()] for n in names]
    if kind == SEARCH:
        indexed = _searched(columns, table, options, every=node.index_all_columns)
    else:
        indexed = _vectors(columns, options)
    column_options = {
        resolved.unwrap(item.column_ref).column.name: statement.options(item.option_list)
        for item in node.index_item_list
        if item.option_list
    }
    stored = [resolved.unwrap(e) for e in node.storing_expression_list]
    return Index(
        name,
        kind,
        tuple(f.name for f in indexed),
        bool(node.index_all_columns),
        tuple(e.column.name for e in stored if e.DESCRIPTOR.name == "ResolvedColumnRefProto"),
        dict(options),
        column_options,
        statement.analyzed.original_sql.strip(),
    )


def _searched(columns: list[Field], table: Table, options: Mapping[str, Any], *, every: bool) -> list[Field]:
    """The columns of a search index, its options checked."""
    analyzer_of(options.get("analyzer"), options.get("analyzer_options"), "CREATE SEARCH INDEX")
    types = {"STRING"} if options.get("data_types") is None else {t.upper() for t in options["data_types"]}
    unknown = sorted(types - _DATA_TYPES.keys())
    if unknown:
        raise invalid_query(f"Invalid data type '{unknown[0]}' in option data_types")

    def is_searched(field: Field) -> bool:
        if field.type.kind is TypeKind.STRUCT:
            return any(map(is_searched, field.fields))
        more = {_DATA_TYPES[t] for t in types}
        return field.type in _SEARCHED or field.type in more

    if every:
        found = [f for f in table.fields if is_searched(f)]
        if not found:
            raise invalid_query(f"Table {table.ref.api_name} has no column that a search index can be on")
        return found
    for field in columns:
        if not is_searched(field):
            raise invalid_query(f"A search index cannot be on column {field.name} of type {field.type}")
    return columns


def _vectors(columns: list[Field], options: Mapping[str, Any]) -> list[Field]:
    """The column of a vector index, its options checked."""
    if len(columns) != 1:
        raise invalid_query("A vector index must be on exactly one column")
    if columns[0].type != array_of(FLOAT64):
        raise invalid_query(f"A vector index cannot be on column {columns[0].name} of type {columns[0].type}")
    kind = str(options.get("index_type") or "").upper()
    if kind not in _INDEX_TYPES:
        given = options.get("index_type")
        raise invalid_query(
            f"Invalid index_type '{given}' of a vector index" if given else "Option index_type is required"
        )
    distance = str(options.get("distance_type") or "EUCLIDEAN").upper()
    if distance not in _DISTANCES:
        raise invalid_query(f"Invalid distance_type '{options['distance_type']}' of a vector index")
    for name in ("ivf_options", "tree_ah_options"):
        text = options.get(name)
        if text is None:
            continue
        if name != _INDEX_TYPES[kind]:
            raise invalid_query(f"Option {name} cannot be used with index_type {kind}")
        try:
            is_object = isinstance(json.loads(text), dict)
        except ValueError:
            is_object = False
        if not is_object:
            raise invalid_query(f"Option {name} must be a JSON object")
    return columns


def alter_index(statement: Statement) -> StatementResult:
    """ALTER VECTOR INDEX … REBUILD: there is nothing to rebuild."""
    node = statement.node
    base = node.parent
    kind = _kind(node)
    table, index = _found(statement, kind, base.name_path[-1], node.table_name_path)
    statement_type = f"ALTER_{kind}_INDEX"
    if index is None:
        if base.is_if_exists:
            return results.on_table(statement_type, results.SKIP, table)
        raise not_found(f"{kind.capitalize()} index", f"{table.ref.api_name}.{base.name_path[-1]}")
    for action in base.alter_action_list:
        if resolved.node_name(resolved.unwrap(action)) != "ResolvedRebuildAction":
            raise invalid_query(f"ALTER {kind} INDEX supports REBUILD only")
    if not statement.dry_run:
        with statement.catalog.lock(table.ref), statement.catalog.change(statement.session) as change:
            now = statement.catalog.table(table.ref)
            kept = tuple(
                replace(i, modified_ms=change.time_us // 1000) if i == index else i for i in now.indexes
            )
            change.put_table(replace(now, indexes=kept))
    return results.on_table(statement_type, results.ALTER, table)


def drop_index(statement: Statement) -> StatementResult:
    node = statement.node
    kind = _kind(node)
    name = node.name if isinstance(node.name, str) else ".".join(node.name)
    table, index = _found(statement, kind, name, node.table_name_path)
    statement_type = f"DROP_{kind}_INDEX"
    if index is None:
        if node.is_if_exists:
            return results.on_table(statement_type, results.SKIP, table)
        raise not_found(f"{kind.capitalize()} index", f"{table.ref.api_name}.{name}")
    if not statement.dry_run:
        with statement.catalog.lock(table.ref), statement.catalog.change(statement.session) as change:
            now = statement.catalog.table(table.ref)
            change.put_table(replace(now, indexes=tuple(i for i in now.indexes if i != index)))
    return results.on_table(statement_type, results.DROP, table)


def _kind(node: Any) -> str:
    return VECTOR if enum_name(node, "index_type") == "INDEX_VECTOR" else SEARCH


def _found(statement: Statement, kind: str, name: str, path: Any) -> tuple[Table, Index | None]:
    table = statement.catalog.table(table_ref(path, statement.ctx))
    folded = name.casefold()
    return table, next((i for i in table.indexes if i.kind == kind and i.name.casefold() == folded), None)
