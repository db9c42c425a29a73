"""Changes of a table's schema through ``tables.patch`` and ``tables.update``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bqsim.catalog.resources import Storage, Table
from bqsim.engine.convert import engine_type
from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError, invalid
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.api_schema import api_type


@dataclass(frozen=True, slots=True)
class AddedField:
    """A field that a change adds: ``path`` are positions from the column down, ``name`` is its path."""

    path: tuple[int, ...]
    field: Field
    name: str


def evolve(table: Table, wanted: Sequence[Field]) -> tuple[tuple[Field, ...], list[AddedField]]:
    """The fields of ``table`` changed to ``wanted`` and the fields that this adds.

    Allowed are new NULLABLE or REPEATED fields, REQUIRED fields relaxed to NULLABLE, other descriptions
    and attributes; anything else is the service's 400 ``invalid``. Fields keep their order, new ones follow.
    """
    added: list[AddedField] = []
    fields = _merge(table, table.fields, wanted, (), "", added)
    return fields, added


def _merge(
    table: Table,
    before: Sequence[Field],
    wanted: Sequence[Field],
    path: tuple[int, ...],
    prefix: str,
    added: list[AddedField],
) -> tuple[Field, ...]:
    by_name = {f.name.casefold(): f for f in wanted}
    out: list[Field] = []
    for i, old in enumerate(before):
        new = by_name.pop(old.name.casefold(), None)
        if new is None:
            raise _mismatch(table, f"Field {prefix}{old.name} is missing in new schema")
        _check_same(table, old, new, prefix)
        nested = _merge(table, old.fields, new.fields, (*path, i), f"{prefix}{old.name}.", added)
        out.append(replace(new, name=old.name, fields=nested))
    for new in wanted:
        if by_name.get(new.name.casefold()) is not new:
            continue
        if new.mode is Mode.REQUIRED:
            raise _mismatch(
                table, f"Cannot add required fields to an existing schema. (field: {prefix}{new.name})"
            )
        added.append(AddedField((*path, len(out)), new, f"{prefix}{new.name}"))
        out.append(new)
    return tuple(out)


def _check_same(table: Table, old: Field, new: Field, prefix: str) -> None:
    name = f"{prefix}{old.name}"
    if (old.kind, old.range_element) != (new.kind, new.range_element):
        raise _mismatch(
            table, f"Field {name} has changed type from {api_type(old.kind)} to {api_type(new.kind)}"
        )
    if old.mode is not new.mode and (old.mode, new.mode) != (Mode.REQUIRED, Mode.NULLABLE):
        raise _mismatch(table, f"Field {name} has changed mode from {old.mode.value} to {new.mode.value}")
    narrower = (
        _less(new.max_length, old.max_length)
        or _less(new.precision, old.precision)
        or (new.precision is not None and _less(new.scale or 0, old.scale or 0))
    )
    if narrower:
        raise _mismatch(table, f"Field {name} has changed type parameters to narrower ones")


def _less(new: int | None, old: int | None) -> bool:
    """Whether a limit became tighter; no limit is the loosest."""
    return new is not None and (old is None or new < old)


def _mismatch(table: Table, detail: str) -> BigQueryError:
    return invalid(f"Provided Schema does not match Table {table.ref.api_name}. {detail}")


def apply(session: Session, table: Table, fields: tuple[Field, ...], added: Sequence[AddedField]) -> Table:
    """Add the engine's columns and nested fields; ``table`` with its new fields and storage."""
    storage = table.storage
    if storage is None:
        return replace(table, fields=fields)
    for item in added:
        if len(item.path) == 1:
            column = f"c{storage.next_column}"
            session.add_column(storage.engine_table, column, item.field)
            columns, following = (*storage.columns, column), storage.next_column + 1
            storage = replace(storage, columns=columns, next_column=following)
        else:
            _add_nested(session, storage, fields, item)
    return replace(table, fields=fields, storage=storage)


def _add_nested(session: Session, storage: Storage, fields: Sequence[Field], item: AddedField) -> None:
    path = storage.columns[item.path[0]]
    field = fields[item.path[0]]
    for position in item.path[1:]:
        if field.mode is Mode.REPEATED:
            path += ".element"
        path += f"._{position + 1}"
        assert field.kind is TypeKind.STRUCT
        field = field.fields[position]
    session.execute(f"ALTER TABLE {storage.engine_table} ADD COLUMN {path} {engine_type(item.field.type)}")
