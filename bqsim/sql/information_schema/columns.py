"""Views about the columns of tables and their fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

from bqsim.catalog.resources import Table
from bqsim.types import STRING, Field, Mode, TypeKind, array_of, struct_of

from .ddl import type_text
from .tables import table_name
from .view import Scope, Values, View, always, each, whole, yes

_TIME, _DATE = Field("_PARTITIONTIME", TypeKind.TIMESTAMP), Field("_PARTITIONDATE", TypeKind.DATE)


class Columns(Sequence[Any]):
    """Columns of tables, in parallel lists: there are many, and an object for each costs more than all else.

    Positions count from 1, and pseudo columns have none. As a sequence it holds the fields.
    """

    def __init__(self) -> None:
        self.tables: list[Table] = []
        self.fields: list[Field] = []
        self.positions: list[int | None] = []

    def __len__(self) -> int:
        return len(self.fields)

    def __getitem__(self, index: Any) -> Any:
        return self.fields[index]

    def add(self, table: Table, fields: Sequence[Field], positions: Iterable[int | None]) -> None:
        """Add columns of a table."""
        self.tables += repeat(table, len(fields))
        self.fields += fields
        self.positions += positions


def _columns(scope: Scope) -> Sequence[Any]:
    names = scope.asked("column_name").values
    found = Columns()
    for table in scope.tables():
        fields: Sequence[Field] = table.fields
        positions: Sequence[int | None] = range(1, len(fields) + 1)
        time = table.time_partitioning
        if time is not None and time.field is None:
            pseudo = (_TIME, _DATE) if time.type == "DAY" else (_TIME,)
            fields, positions = (*fields, *pseudo), (*positions, *(None for _ in pseudo))
        if names is not None:
            kept = [n for n, field in enumerate(fields) if field.name in names]
            fields, positions = [fields[n] for n in kept], [positions[n] for n in kept]
        found.add(table, fields, positions)
    return found


def _of_table(value: Callable[[Table], Any]) -> Values:
    """A value that all columns of a table share."""

    def values(columns: Any, scope: Scope) -> list[Any]:
        found: list[Any] = []
        last, known = None, None
        for table in columns.tables:
            if table is not last:
                last, known = table, value(table)
            found.append(known)
        return found

    return values


def _partitions(columns: Any, scope: Scope) -> list[str]:
    found = []
    for table, field in zip(columns.tables, columns.fields, strict=True):
        by = table.time_partitioning or table.range_partitioning
        if by is None:
            found.append("NO")
        elif by.field is None:
            found.append(yes(field is _TIME))
        else:
            found.append(yes(field.name.casefold() == by.field.casefold()))
    return found


def _clustered(columns: Any, scope: Scope) -> list[int | None]:
    found: list[int | None] = []
    for table, field in zip(columns.tables, columns.fields, strict=True):
        if not table.clustering:
            found.append(None)
            continue
        names = [name.casefold() for name in table.clustering]
        folded = field.name.casefold()
        found.append(names.index(folded) + 1 if folded in names else None)
    return found


def _positions(columns: Any, scope: Scope) -> list[int | None]:
    found: list[int | None] = columns.positions
    return found


def _hidden(columns: Any, scope: Scope) -> list[str]:
    return [yes(position is None) for position in columns.positions]


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


_POLICIES = array_of(struct_of(("name", STRING)))

VIEWS: tuple[View, ...] = (
    View(
        "COLUMNS",
        (
            whole("table_catalog", _of_table(lambda t: t.ref.project)),
            whole("table_schema", _of_table(lambda t: t.ref.dataset)),
            whole("table_name", _of_table(lambda t: t.ref.table)),
            each("column_name", lambda f: f.name),
            whole("ordinal_position", _positions, "I"),
            each("is_nullable", lambda f: yes(f.mode is not Mode.REQUIRED)),
            each("data_type", type_text),
            always("is_generated", "NEVER"),
            always("generation_expression"),
            always("is_stored"),
            whole("is_hidden", _hidden),
            always("is_updatable"),
            whole("is_system_defined", _hidden),
            whole("is_partitioning_column", _partitions),
            whole("clustering_ordinal_position", _clustered, "I"),
            each("collation_name", lambda f: f.collation or "NULL"),
            each("column_default", lambda f: "NULL" if f.default is None else f.default),
            each("rounding_mode", lambda f: f.attributes.get("roundingMode")),
            each("data_policies", _data_policies, _POLICIES),
            each("policy_tags", policy_tags, "S[]"),
        ),
        _columns,
    ),
    View(
        "COLUMN_FIELD_PATHS",
        (
            *table_name(lambda c: c[0]),
            each("column_name", lambda c: c[2]),
            each("field_path", lambda c: c[3]),
            each("data_type", lambda c: type_text(c[1])),
            each("description", lambda c: c[1].description),
            each("collation_name", lambda c: c[1].collation or "NULL"),
            each("rounding_mode", lambda c: c[1].attributes.get("roundingMode")),
            each("data_policies", lambda c: _data_policies(c[1]), _POLICIES),
            each("policy_tags", lambda c: policy_tags(c[1]), "S[]"),
        ),
        _field_paths,
    ),
)
