"""The columns of copied rows, as the engine expressions that their destination stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bqsim.catalog.resources import Storage, Table
from bqsim.sql.statements import checks
from bqsim.sql.statements.storage import storage_of
from bqsim.types import Field, Mode


def columns_for(target: Table, source: Table, defaults: Mapping[str, str]) -> Storage:
    """The storage of ``source`` with an expression for each column of ``target`` in place of its columns.

    Columns that the source lacks are NULL, or have their default value where they are REQUIRED.
    """
    storage = storage_of(source)
    known = {f.name.casefold(): (f, c) for f, c in zip(source.fields, storage.columns, strict=True)}
    columns = []
    for field in target.fields:
        found = known.get(field.name.casefold())
        if found is None:
            default = defaults.get(field.name) if field.mode is Mode.REQUIRED else None
            columns.append(default or checks.missing(field))
            continue
        given, column = found
        value = shaped(given, field, column)
        # Parameters of types are those of the destination, whose values must keep to them.
        columns.append(checks.stored(field, value) if _parameters(given) != _parameters(field) else value)
    return replace(storage, columns=tuple(columns))


def shaped(given: Field, wanted: Field, value: str, depth: int = 0) -> str:
    """The expression of a value of ``given`` as one of ``wanted``, whose nested fields may be more, or in
    another order."""
    if _shape(given.fields) == _shape(wanted.fields):
        return value
    if given.mode is Mode.REPEATED:
        element = f"s{depth}"
        single = replace(given, mode=Mode.NULLABLE), replace(wanted, mode=Mode.NULLABLE)
        return f"list_transform({value}, lambda {element}: {shaped(*single, element, depth + 1)})"
    places = {f.name.casefold(): (i, f) for i, f in enumerate(given.fields, 1)}
    members = []
    for number, field in enumerate(wanted.fields, 1):
        found = places.get(field.name.casefold())
        if found is None:
            member = checks.missing(field)
        else:
            place, inner = found
            member = shaped(inner, field, f'({value})."_{place}"', depth)
        members.append(f'"_{number}" := {member}')
    return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({', '.join(members)}) END"


def _shape(fields: Sequence[Field]) -> tuple[object, ...]:
    return tuple((f.name.casefold(), _shape(f.fields)) for f in fields)


def _parameters(field: Field) -> tuple[object, ...]:
    own = (field.max_length, field.precision, field.scale)
    return (*own, *(_parameters(f) for f in field.fields)) if any((*own, field.fields)) else ()
