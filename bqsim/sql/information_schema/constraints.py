"""Views about primary and foreign keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table

from .tables import table_name
from .view import Column, Form, Scope, View, always, each


@dataclass(frozen=True, slots=True)
class _Key:
    """A constraint: ``columns`` are its table's, ``of`` and ``referenced`` what a foreign key names."""

    table: Table
    name: str
    kind: str
    columns: tuple[str, ...]
    of: TableRef | None = None
    referenced: tuple[str, ...] = ()


def _keys(table: Table) -> Iterator[_Key]:
    if table.primary_key:
        yield _Key(table, "pk$", "PRIMARY KEY", tuple(table.primary_key))
    for key in (table.metadata.get("tableConstraints") or {}).get("foreignKeys") or ():
        pairs = key["columnReferences"]
        yield _Key(
            table,
            key["name"],
            "FOREIGN KEY",
            tuple(pair["referencingColumn"] for pair in pairs),
            TableRef.from_json(key["referencedTable"], table.ref.project),
            tuple(pair["referencedColumn"] for pair in pairs),
        )


def _constraints(scope: Scope) -> Sequence[Any]:
    return [key for table in scope.tables() for key in _keys(table)]


def _key_columns(scope: Scope) -> Sequence[Any]:
    return [(key, position) for key in _constraints(scope) for position in range(len(key.columns))]


def _used_columns(scope: Scope) -> Sequence[Any]:
    """(table, column, key): a primary key uses its own columns, a foreign key those that it refers to."""
    keys = [
        key for dataset in scope.found for table in scope.catalog.tables(dataset.ref) for key in _keys(table)
    ]
    return [
        (key.of or key.table.ref, column, key)
        for key in keys
        for column in (key.referenced if key.of is not None else key.columns)
    ]


def _constraint(at: int | None = None) -> tuple[Column, ...]:
    """The columns that name a constraint; ``at`` is where the key is in an item, which may be the key."""

    def key(item: Any) -> _Key:
        found: _Key = item if at is None else item[at]
        return found

    return (
        each("constraint_catalog", lambda item: key(item).table.ref.project),
        each("constraint_schema", lambda item: key(item).table.ref.dataset),
        each("constraint_name", lambda item: f"{key(item).table.ref.table}.{key(item).name}"),
    )


def _referenced_position(item: Any) -> int | None:
    """The position in the referenced primary key, known for foreign keys."""
    key, position = item
    return position + 1 if key.of is not None else None


VIEWS: tuple[View, ...] = (
    View(
        "TABLE_CONSTRAINTS",
        (
            *_constraint(),
            *table_name(lambda key: key.table),
            each("constraint_type", lambda key: key.kind),
            always("is_deferrable", "NO"),
            always("initially_deferred", "NO"),
            always("enforced", "NO"),
        ),
        _constraints,
        Form.DATASET | Form.REGION,
    ),
    View(
        "KEY_COLUMN_USAGE",
        (
            *_constraint(0),
            *table_name(lambda item: item[0].table),
            each("column_name", lambda item: item[0].columns[item[1]]),
            each("ordinal_position", lambda item: item[1] + 1, "I"),
            each("position_in_unique_constraint", _referenced_position, "I"),
        ),
        _key_columns,
        Form.DATASET | Form.REGION,
    ),
    View(
        "CONSTRAINT_COLUMN_USAGE",
        (
            each("table_catalog", lambda item: item[0].project),
            each("table_schema", lambda item: item[0].dataset),
            each("table_name", lambda item: item[0].table),
            each("column_name", lambda item: item[1]),
            *_constraint(2),
        ),
        _used_columns,
        Form.DATASET | Form.REGION,
    ),
)
