"""Updates and deletes by key, as DML statements of many rows each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bqclient.errors import UsageError
from bqclient.models.schema import Field, Schema

from .checking import json_row
from .merge_sql import NEW, delete_statement, key_fields, update_statement
from .report import Change, Delete, RefusedRow, Update
from .statements import add, batches, checked_key, plain, run, spelled
from .ways import Outcome, Target


@dataclass(slots=True)
class _Batch:
    """Changes one after another that one statement can make: of one kind, with the same columns."""

    keys: tuple[Field, ...]
    columns: tuple[Field, ...]
    # By key: of two changes the later one counts.
    rows: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)


async def change(to: Target, changes: Iterable[Change]) -> Outcome:
    """Carry out changes in their order; each statement takes as many as it can. Doing it again changes
    nothing more, unless somebody else changed rows meanwhile."""
    out = Outcome()
    made: list[_Batch] = []
    statements = 0
    for index, given in enumerate(changes):
        try:
            keys, key, columns, row = _checked(to.schema, given)
        except UsageError as wrong:
            out.refused.append(RefusedRow.of(index, _shown(given), wrong))
            continue
        if not made or (made[-1].keys, made[-1].columns) != (keys, columns):
            made.append(_Batch(keys, columns))
        if made[-1].rows.pop(key, None) is not None:
            out.duplicates += 1
        made[-1].rows[key] = row
        out.written += 1
    for batch in made:
        source = [plain(f) for f in batch.keys] + [plain(f, NEW + f.name) for f in batch.columns]
        sql = (
            update_statement(to.table, batch.keys, [f.name for f in batch.columns])
            if batch.columns
            else delete_statement(to.table, batch.keys)
        )
        for part in batches(batch.rows.values(), source):
            add(out, await run(to, sql, source, part))
            statements += 1
    out.atomic = statements <= 1
    if statements:
        out.notes.append(f"{statements} DML statement{'s' if statements > 1 else ''}.")
    return out


def _checked(
    schema: Schema, given: Change
) -> tuple[tuple[Field, ...], tuple[Any, ...], tuple[Field, ...], dict[str, Any]]:
    """A change's key fields, key, columns, and its row of the source. Raises UsageError."""
    if not isinstance(given, Update | Delete):
        raise UsageError(f"A change is an Update or a Delete, not {type(given).__name__}.")
    found = spelled(given.key, schema)
    keys = key_fields(schema, sorted(found))
    key = checked_key(found, keys)
    if None in key:
        raise UsageError(f"The key {keys[key.index(None)].name} is NULL: no row can be found by it.")
    if isinstance(given, Delete):
        return keys, key, (), dict(found)
    values = spelled(given.set, schema)
    columns = tuple(f for f in schema if f.name in values)
    if not columns and not values:
        raise UsageError("The update sets nothing.")
    if both := values.keys() & found.keys():
        raise UsageError(f"The key {min(both)} cannot be updated: rows are found by it.")
    _check_values(values, columns)
    return keys, key, columns, {**found, **{NEW + name: value for name, value in values.items()}}


def _check_values(values: Mapping[str, Any], columns: Sequence[Field]) -> None:
    """Raise UsageError for values that do not fit their columns, and columns that there are not."""
    json_row(values, Schema(tuple(columns)))


def _shown(given: Any) -> dict[str, Any]:
    if isinstance(given, Update):
        return {"key": dict(given.key), "set": dict(given.set)}
    return {"key": dict(given.key)} if isinstance(given, Delete) else {"change": repr(type(given))}
