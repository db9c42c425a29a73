"""Views about the columns of tables and their fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bqsim.catalog.resources import Table
from bqsim.types import STRING, Field, Mode, TypeKind, array_of, struct_of

from .ddl import type_text
from .tables import table_name
from .view import Scope, View, always, each, whole, yes

# A column of a table is (table, field, position); positions count from 1, and pseudo columns have none.
_Column = tuple[Table, Field, int | None]
_TIME, _DATE = Field("_PARTITIONTIME", TypeKind.TIMESTAMP), Field("_PARTITIONDATE", TypeKind.DATE)


def _columns(scope: Scope) -> Sequence[Any]:
    names = scope.asked("column_name").values
    found: list[_Column] = []
    for table in scope.tables():
        found += [(table, field, n) for n, field in enumerate(table.fields, 1)]
        time = table.time_partitioning
        if time is not None and time.field is None:
            found.append((table, _TIME, None))
            if time.type == "DAY":
                found.append((table, _DATE, None))
    return found if names is None else [c for c in found if c[1].name in names]


def _partitions(items: Sequence[Any], scope: Scope) -> list[str]:
    found = []
    for table, field, _ in items:
        by = table.time_partitioning or table.range_partitioning
        if by is None:
            found.append("NO")
        elif by.field is None:
            found.append(yes(field is _TIME))
        else:
            found.append(yes(field.name.casefold() == by.field.casefold()))
    return found


def _clustered(items: Sequence[Any], scope: Scope) -> list[int | None]:
    found: list[int | None] = []
    for table, field, _ in items:
        if not table.clustering:
            found.append(None)
            continue
        names = [name.casefold() for name in table.clustering]
        folded = field.name.casefold()
        found.append(names.index(folded) + 1 if folded in names else None)
    return found


def _field_paths(scope: Scope) -> Sequence[Any]:
    """(table, field, name of its column, path)."""
    names = scope.asked("column_name").values
    return [
        (table, field, column.name, path)
        for table in scope.tables()
        for column in table.fields
        if names is None or column.name in names
        for path, field in _nested(column, column.name)
    ]


def _nested(field: Field, path: str) -> Iterator[tuple[str, Field]]:
    yield path, field
    for inner in field.fields:
        yield from _nested(inner, f"{path}.{inner.name}")


def policy_tags(field: Field) -> list[str]:
    """The names of a field's policy tags."""
    return list((field.attributes.get("policyTags") or {}).get("names") or ())


def _data_policies(field: Field) -> list[dict[str, Any]]:
    return [{"name": policy.get("name")} for policy in field.attributes.get("dataPolicies") or ()]


_POLICIES = (
    each("data_policies", lambda c: _data_policies(c[1]), array_of(struct_of(("name", STRING)))),
    each("policy_tags", lambda c: policy_tags(c[1]), "S[]"),
)
_NAME = table_name(lambda c: c[0])

VIEWS: tuple[View, ...] = (
    View(
        "COLUMNS",
        (
            *_NAME,
            each("column_name", lambda c: c[1].name),
            each("ordinal_position", lambda c: c[2], "I"),
            each("is_nullable", lambda c: yes(c[1].mode is not Mode.REQUIRED)),
            each("data_type", lambda c: type_text(c[1])),
            always("is_generated", "NEVER"),
            always("generation_expression"),
            always("is_stored"),
            each("is_hidden", lambda c: yes(c[2] is None)),
            always("is_updatable"),
            each("is_system_defined", lambda c: yes(c[2] is None)),
            whole("is_partitioning_column", _partitions),
            whole("clustering_ordinal_position", _clustered, "I"),
            each("collation_name", lambda c: c[1].collation or "NULL"),
            each("column_default", lambda c: "NULL" if c[1].default is None else c[1].default),
            each("rounding_mode", lambda c: c[1].attributes.get("roundingMode")),
            *_POLICIES,
        ),
        _columns,
    ),
    View(
        "COLUMN_FIELD_PATHS",
        (
            *_NAME,
            each("column_name", lambda c: c[2]),
            each("field_path", lambda c: c[3]),
            each("data_type", lambda c: type_text(c[1])),
            each("description", lambda c: c[1].description),
            each("collation_name", lambda c: c[1].collation or "NULL"),
            each("rounding_mode", lambda c: c[1].attributes.get("roundingMode")),
            *_POLICIES,
        ),
        _field_paths,
    ),
)
