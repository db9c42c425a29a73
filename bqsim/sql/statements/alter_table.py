"""ALTER TABLE, ALTER VIEW and ALTER MATERIALIZED VIEW."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import ChangeLog, Storage, Table, TableKind
from bqsim.catalog.store import Change
from bqsim.errors import already_exists, invalid_query, not_found
from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.sql.plan import StatementResult
from bqsim.sql.row_security import filter_of
from bqsim.types import Field, Mode, TypeKind, field_of

from . import names, results
from .base import Statement
from .conversions import converted
from .defaults import default_expression
from .fields import (
    check_name,
    collation_text,
    field_from_definition,
    sql_type,
    with_column_options,
    with_default_collation,
    with_type_parameters,
)
from .keys import foreign_key
from .options import with_options
from .sizes import added_bytes
from .storage import copy_rows, storage_of, with_storage
from .tables import wrong_kind

_KINDS: dict[str, frozenset[TableKind]] = {
    "ALTER_TABLE": frozenset({TableKind.TABLE, TableKind.SNAPSHOT, TableKind.EXTERNAL}),
    "ALTER_VIEW": frozenset({TableKind.VIEW}),
    "ALTER_MATERIALIZED_VIEW": frozenset({TableKind.MATERIALIZED_VIEW}),
}


@dataclass(slots=True)
class _Alteration:
    """An ALTER statement under way: ``table`` as altered so far."""

    statement: Statement
    change: Change | None
    table: Table
    renamed_from: TableRef | None = None
    rows_moved: bool = False

    def index(self, name: str, *, if_exists: bool = False) -> int | None:
        found = self.table.field_index(name)
        if found is None and not if_exists:
            raise invalid_query(f"Column not found: {name}")
        return found

    def put_field(self, index: int, field: Field) -> None:
        fields = list(self.table.fields)
        fields[index] = field
        self.table = replace(self.table, fields=tuple(fields))


def alter(statement: Statement, statement_type: str) -> StatementResult:
    node, catalog = statement.node, statement.catalog
    ref = names.table_ref(resolved.get(node, "name_path"), statement.ctx)
    with catalog.lock(ref):
        table = catalog.find_table(ref)
        if table is None:
            if resolved.get(node, "is_if_exists"):
                return StatementResult(statement_type, ddl_operation=results.SKIP, ddl_target_table=ref)
            catalog.dataset(ref.dataset_ref)
            raise not_found("Table", ref.api_name)
        if table.kind not in _KINDS[statement_type]:
            raise wrong_kind(table)
        # ALTER TABLE … SET OPTIONS alone has a node of its own, with the options of the action.
        alone = resolved.node_name(node) == "ResolvedAlterTableSetOptionsStmt"
        actions = [node] if alone else [resolved.unwrap(a) for a in resolved.get(node, "alter_action_list")]
        if statement.dry_run:
            return results.on_table(statement_type, results.ALTER, table)
        with catalog.change(statement.session) as change:
            alteration = _Alteration(statement, change, table)
            for action in actions:
                _ACTIONS[resolved.node_name(action)](alteration, action)
            _finish(alteration, change)
    return results.on_table(statement_type, results.ALTER, table)


def _finish(alteration: _Alteration, change: Change) -> None:
    catalog = alteration.statement.catalog
    table = replace(alteration.table, modified_ms=change.time_us // 1000, etag=catalog.new_etag())
    if alteration.rows_moved:
        table = replace(table, version=change.time_us)
    if alteration.renamed_from is not None:
        change.drop_table(alteration.renamed_from)
    change.put_table(table)


def _set_options(a: _Alteration, action: Any) -> None:
    a.table = with_options(a.table, a.statement.options(action.option_list))


def _add_column(a: _Alteration, action: Any) -> None:
    field = field_from_definition(action.column_definition, a.statement.options)
    if a.table.field_index(field.name) is not None:
        if action.is_if_not_exists:
            return
        raise invalid_query(f"Column already exists: {field.name}")
    if field.mode is Mode.REQUIRED:
        raise invalid_query(f"Cannot add required columns to an existing schema (Field: {field.name})")
    if field.default is not None:
        raise invalid_query(
            "ALTER TABLE ADD COLUMN with DEFAULT expression is not supported. Add the column first, then"
            f" use ALTER TABLE {a.table.ref.table} ALTER COLUMN {field.name} SET DEFAULT to set the default"
            " value."
        )
    field = with_default_collation(field, a.table.default_collation)
    storage = storage_of(a.table)
    column = f"c{storage.next_column}"
    a.statement.session.add_column(storage.engine_table, column, field)
    a.table = replace(
        a.table,
        fields=(*a.table.fields, field),
        storage=replace(storage, columns=(*storage.columns, column), next_column=storage.next_column + 1),
    )
    _fill_arrays(a, field, column)


def _fill_arrays(a: _Alteration, field: Field, column: str) -> None:
    """Rows that are there already have an empty array in a new REPEATED column."""
    if field.mode is Mode.REPEATED:
        a.statement.session.execute(f"UPDATE {storage_of(a.table).engine_table} SET {column} = []")


def _drop_column(a: _Alteration, action: Any) -> None:
    index = a.index(action.name, if_exists=action.is_if_exists)
    if index is None:
        return
    table, storage = a.table, storage_of(a.table)
    name = table.fields[index].name
    used = {p.field.casefold() for p in (table.time_partitioning, table.range_partitioning) if p and p.field}
    if name.casefold() in used:
        raise invalid_query(f"Column {name} is a partitioning column and cannot be dropped")
    if name.casefold() in {c.casefold() for c in table.clustering}:
        raise invalid_query(f"Column {name} is a clustering column and cannot be dropped")
    if name.casefold() in {c.casefold() for c in table.primary_key}:
        raise invalid_query(f"Column {name} is part of the primary key and cannot be dropped")
    if len(table.fields) == 1:
        raise invalid_query("Table must have at least one column")
    _check_unfiltered(a, index, "dropped")
    a.table = replace(
        table,
        fields=table.fields[:index] + table.fields[index + 1 :],
        storage=replace(storage, columns=storage.columns[:index] + storage.columns[index + 1 :]),
    )


def _rename_column(a: _Alteration, action: Any) -> None:
    index = a.index(action.name, if_exists=action.is_if_exists)
    if index is None:
        return
    other = a.table.field_index(action.new_name)
    if other is not None and other != index:
        raise invalid_query(f"Column already exists: {action.new_name}")
    check_name(action.new_name)
    old = a.table.fields[index].name

    def renamed(columns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(action.new_name if c.casefold() == old.casefold() else c for c in columns)

    time, by_range = a.table.time_partitioning, a.table.range_partitioning
    if (time and time.field == old) or (by_range and by_range.field == old):
        raise invalid_query(f"Column {old} is a partitioning column and cannot be renamed")
    _check_unfiltered(a, index, "renamed")
    a.put_field(index, replace(a.table.fields[index], name=action.new_name))
    a.table = replace(
        a.table, clustering=renamed(a.table.clustering), primary_key=renamed(a.table.primary_key)
    )


def _check_unfiltered(a: _Alteration, index: int, verb: str) -> None:
    """Columns that row access policies read stay as they are (page *Introduction to row-level security*)."""
    security = a.statement.services.planner.security
    for policy in a.table.row_access_policies:
        analyzed = security.analyzed(a.table, policy, a.statement.ctx)
        if index in filter_of(analyzed)[1].column_index_list:
            name = a.table.fields[index].name
            raise invalid_query(
                f"Column {name} is part of row access policy {policy.policy_id} and cannot be {verb}"
            )


def _rename_to(a: _Alteration, action: Any) -> None:
    path = list(action.new_path)
    if len(path) != 1:
        raise invalid_query("ALTER TABLE RENAME TO takes a table name without project and dataset")
    ref = a.table.ref.dataset_ref.table(path[0])
    if a.statement.catalog.find_table(ref) is not None:
        raise already_exists("Table", ref.api_name)
    a.renamed_from = a.table.ref
    a.table = replace(a.table, ref=ref)


def _column(a: _Alteration, action: Any) -> int | None:
    return a.index(resolved.get(action, "column"), if_exists=resolved.get(action, "is_if_exists"))


def _column_options(a: _Alteration, action: Any) -> None:
    index = _column(a, action)
    if index is not None:
        values = a.statement.options(action.option_list)
        a.put_field(index, with_column_options(a.table.fields[index], values))


def _drop_not_null(a: _Alteration, action: Any) -> None:
    index = _column(a, action)
    if index is None:
        return
    field = a.table.fields[index]
    if field.mode is not Mode.REQUIRED:
        raise invalid_query(f"Column {field.name} is already nullable")
    a.put_field(index, replace(field, mode=Mode.NULLABLE))


def _set_default(a: _Alteration, action: Any) -> None:
    index = _column(a, action)
    if index is not None:
        field = replace(a.table.fields[index], default=action.default_value.sql)
        default_expression(a.statement, field)
        a.put_field(index, field)


def _drop_default(a: _Alteration, action: Any) -> None:
    index = _column(a, action)
    if index is not None:
        a.put_field(index, replace(a.table.fields[index], default=None))


# Types that a column may change to (page *ALTER COLUMN SET DATA TYPE*).
_WIDER: dict[TypeKind, frozenset[TypeKind]] = {
    TypeKind.INT64: frozenset({TypeKind.NUMERIC, TypeKind.BIGNUMERIC, TypeKind.FLOAT64}),
    TypeKind.NUMERIC: frozenset({TypeKind.BIGNUMERIC, TypeKind.FLOAT64}),
}
_DEFAULT_PRECISION = {TypeKind.NUMERIC: (38, 9), TypeKind.BIGNUMERIC: (77, 38)}


def _set_data_type(a: _Alteration, action: Any) -> None:
    index = _column(a, action)
    if index is None:
        return
    old = a.table.fields[index]
    new = field_of(old.name, type_from_proto(action.updated_type))
    if action.HasField("updated_type_parameters"):
        new = with_type_parameters(new, action.updated_type_parameters)
    if old.mode is Mode.REQUIRED:
        new = replace(new, mode=Mode.REQUIRED)
    new = replace(
        new,
        description=old.description,
        default=old.default,
        collation=old.collation,
        attributes=old.attributes,
    )
    if not _widens(old, new):
        raise invalid_query(
            f"ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type ({sql_type(old)})"
            f" is assignable to the new type ({sql_type(new)})"
        )
    a.put_field(index, new)
    if old.type != new.type:
        _rewrite(a, index, old)


def _widens(old: Field, new: Field) -> bool:
    """Whether every value of ``old`` is one of ``new``."""
    if (old.mode is Mode.REPEATED) != (new.mode is Mode.REPEATED):
        return False
    if old.kind is not new.kind:
        return new.kind in _WIDER.get(old.kind, frozenset()) and new.precision is None
    if old.kind is TypeKind.STRUCT:
        return len(new.fields) >= len(old.fields) and all(
            o.name.casefold() == n.name.casefold() and _widens(o, n)
            for o, n in zip(old.fields, new.fields, strict=False)
        )
    if old.kind is TypeKind.RANGE and old.range_element != new.range_element:
        return False
    if new.max_length is not None and (old.max_length is None or old.max_length > new.max_length):
        return False
    if new.precision is None:
        return True
    precision, scale = _digits(old)
    return (new.scale or 0) >= scale and new.precision - (new.scale or 0) >= precision - scale


def _digits(field: Field) -> tuple[int, int]:
    if field.precision is None:
        return _DEFAULT_PRECISION[field.kind]
    return field.precision, field.scale or 0


def _rewrite(a: _Alteration, index: int, old: Field) -> None:
    """Move the rows into new storage in which the column at ``index`` has its new type."""
    table, storage = a.table, storage_of(a.table)
    assert a.change is not None
    stored = with_storage(
        a.statement.session, a.statement.catalog.next_engine_table(), replace(table, storage=None)
    )
    target = storage_of(stored)
    values = [
        converted(column, old, table.fields[i]) if i == index else column
        for i, column in enumerate(storage.columns)
    ]
    copy_rows(a.statement.session, replace(storage, columns=tuple(values)), target, a.change.time_us)
    counted = added_bytes(a.statement.session, stored, target.columns, a.change.time_us)
    a.change.note_bytes(target.engine_table, counted, table.num_rows)
    a.table = replace(stored, storage=replace(target, changes=_moved_changes(storage, target, index)))
    a.rows_moved = True


def _moved_changes(storage: Storage, target: Storage, index: int) -> ChangeLog | None:
    """The change log in new storage. A key of another type begins a new one."""
    log = storage.changes
    if log is None or storage.columns[index] in log.columns:
        return None if log is None else replace(log, columns=())
    moved = dict(zip(storage.columns, target.columns, strict=True))
    return replace(log, columns=tuple(moved[c] for c in log.columns))


def _add_constraint(a: _Alteration, action: Any) -> None:
    constraint = resolved.unwrap(action.constraint)
    if resolved.node_name(constraint) == "ResolvedPrimaryKey":
        if not constraint.unenforced:
            raise invalid_query("Primary keys must be declared as NOT ENFORCED")
        if a.table.primary_key:
            if action.is_if_not_exists:
                return
            raise already_exists("Constraint", f"primary key on {a.table.ref.api_name}")
        a.table = replace(a.table, primary_key=tuple(constraint.column_name_list))
        return
    keys = _foreign_keys(a.table)
    key = foreign_key(a.statement, constraint, len(keys) + 1)
    if any(k["name"] == key["name"] for k in keys):
        if action.is_if_not_exists:
            return
        raise already_exists("Constraint", key["name"])
    _put_foreign_keys(a, [*keys, key])


def _foreign_keys(table: Table) -> list[dict[str, Any]]:
    return list((table.metadata.get("tableConstraints") or {}).get("foreignKeys") or [])


def _put_foreign_keys(a: _Alteration, keys: list[dict[str, Any]]) -> None:
    metadata = {k: v for k, v in a.table.metadata.items() if k != "tableConstraints"}
    if keys:
        metadata["tableConstraints"] = {"foreignKeys": keys}
    a.table = replace(a.table, metadata=metadata)


def _drop_constraint(a: _Alteration, action: Any) -> None:
    keys = _foreign_keys(a.table)
    left = [k for k in keys if k["name"] != action.name]
    if len(left) == len(keys) and not action.is_if_exists:
        raise not_found("Constraint", action.name)
    _put_foreign_keys(a, left)


def _drop_primary_key(a: _Alteration, action: Any) -> None:
    if not a.table.primary_key and not action.is_if_exists:
        raise not_found("Constraint", f"primary key on {a.table.ref.api_name}")
    a.table = replace(a.table, primary_key=())


def _set_collation(a: _Alteration, action: Any) -> None:
    a.table = replace(a.table, default_collation=collation_text(action.collation_name))


_ACTIONS: dict[str, Callable[[_Alteration, Any], None]] = {
    "ResolvedSetOptionsAction": _set_options,
    "ResolvedAlterTableSetOptionsStmt": _set_options,
    "ResolvedAddColumnAction": _add_column,
    "ResolvedDropColumnAction": _drop_column,
    "ResolvedRenameColumnAction": _rename_column,
    "ResolvedRenameToAction": _rename_to,
    "ResolvedAlterColumnOptionsAction": _column_options,
    "ResolvedAlterColumnDropNotNullAction": _drop_not_null,
    "ResolvedAlterColumnSetDefaultAction": _set_default,
    "ResolvedAlterColumnDropDefaultAction": _drop_default,
    "ResolvedAlterColumnSetDataTypeAction": _set_data_type,
    "ResolvedAddConstraintAction": _add_constraint,
    "ResolvedDropConstraintAction": _drop_constraint,
    "ResolvedDropPrimaryKeyAction": _drop_primary_key,
    "ResolvedSetCollateClause": _set_collation,
}
