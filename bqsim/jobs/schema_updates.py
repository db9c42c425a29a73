"""What the rows of a job change in the schema of their table (page *Modifying table schemas*)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bqsim.catalog.resources import Table
from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError, invalid
from bqsim.jobs.config import Target
from bqsim.sql.statements.conversions import converted
from bqsim.sql.statements.storage import storage_of
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.api_schema import api_type


def updated(session: Session, table: Table, fields: Sequence[Field], target: Target, *, query: bool) -> Table:
    """``table`` ready to take rows of ``fields``: columns added and modes relaxed where the target allows
    it."""
    merged = merge_fields(table, fields, target.schema_updates, query=query)
    return table if merged == table.fields else with_fields(session, table, merged)


def with_fields(session: Session, table: Table, fields: Sequence[Field]) -> Table:
    """``table`` with these fields: its own, some of them with further nested ones, and new ones behind them.

    A column with further nested fields is a new one in the engine: the old one keeps the values of earlier
    versions.
    """
    storage = storage_of(table)
    columns, next_column = list(storage.columns), storage.next_column
    for i, field in enumerate(fields):
        old = table.fields[i] if i < len(table.fields) else None
        if old is not None and old.type == field.type:
            continue
        column = f"c{next_column}"
        next_column += 1
        session.add_column(storage.engine_table, column, field)
        if old is not None:
            value = converted(columns[i], old, field)
            session.execute(f"UPDATE {storage.engine_table} SET {column} = {value}")
            columns[i] = column
            continue
        columns.append(column)
        if field.mode is Mode.REPEATED:
            session.execute(f"UPDATE {storage.engine_table} SET {column} = []")
    return replace(
        table,
        fields=tuple(fields),
        storage=replace(storage, columns=tuple(columns), next_column=next_column),
    )


def merge_fields(
    table: Table, fields: Sequence[Field], allowed: frozenset[str], *, query: bool
) -> tuple[Field, ...]:
    """The table's fields with what ``fields`` adds and relaxes; a mismatch that ``allowed`` lacks is 400
    ``invalid``."""
    prefix = (
        "Invalid schema update." if query else f"Provided Schema does not match Table {table.ref.api_name}."
    )
    known = {f.name.casefold(): i for i, f in enumerate(table.fields)}
    merged = list(table.fields)
    for field in fields:
        at = known.pop(field.name.casefold(), None)
        if at is None:
            if "ALLOW_FIELD_ADDITION" not in allowed:
                raise _mismatch(prefix, f"Cannot add fields (field: {field.name})")
            merged.append(_added(field))
            continue
        merged[at] = _relaxed(merged[at], field, allowed, prefix, field.name)
    for at in known.values():
        missing = merged[at]
        if missing.mode is Mode.REQUIRED and missing.default is None:
            if "ALLOW_FIELD_RELAXATION" not in allowed:
                raise _mismatch(prefix, f"Field {missing.name} is missing in new schema")
            merged[at] = replace(missing, mode=Mode.NULLABLE)
    return tuple(merged)


def _added(field: Field) -> Field:
    return replace(field, mode=Mode.NULLABLE) if field.mode is Mode.REQUIRED else field


def _relaxed(old: Field, new: Field, allowed: frozenset[str], prefix: str, path: str) -> Field:
    if old.kind is not new.kind or old.range_element != new.range_element:
        raise _mismatch(
            prefix, f"Field {path} has changed type from {api_type(old.kind)} to {api_type(new.kind)}"
        )
    if (old.mode is Mode.REPEATED) != (new.mode is Mode.REPEATED):
        raise _mismatch(prefix, f"Field {path} has changed mode from {old.mode} to {new.mode}")
    merged = old
    if old.mode is Mode.REQUIRED and new.mode is Mode.NULLABLE:
        if "ALLOW_FIELD_RELAXATION" not in allowed:
            raise _mismatch(prefix, f"Field {path} has changed mode from REQUIRED to NULLABLE")
        merged = replace(merged, mode=Mode.NULLABLE)
    if old.kind is TypeKind.STRUCT:
        nested = _nested(old, new, allowed, prefix, path)
        if nested != old.fields:
            merged = replace(merged, fields=nested)
    return merged


def _nested(old: Field, new: Field, allowed: frozenset[str], prefix: str, path: str) -> tuple[Field, ...]:
    known = {f.name.casefold(): f for f in old.fields}
    nested: dict[str, Field] = dict(known)
    for field in new.fields:
        inner = f"{path}.{field.name}"
        before = known.get(field.name.casefold())
        if before is None:
            if "ALLOW_FIELD_ADDITION" not in allowed:
                raise _mismatch(prefix, f"Cannot add fields (field: {inner})")
            nested[field.name.casefold()] = _added(field)
            continue
        nested[field.name.casefold()] = _relaxed(before, field, allowed, prefix, inner)
    return tuple(nested.values())


def _mismatch(prefix: str, what: str) -> BigQueryError:
    return invalid(f"{prefix} {what}")
