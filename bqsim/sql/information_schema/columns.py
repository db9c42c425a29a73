"""Views about the columns of tables and their fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bqsim.catalog.resources import Table
from bqsim.sql.statements.fields import sql_type
from bqsim.types import STRING, Field, Mode, TypeKind, array_of, struct_of

from .tables import table_name
from .view import Scope, View, always, each, whole, yes


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a table; ``position`` counts from 1. ``path`` is that of a field in it."""

    table: Table
    name: str
    position: int | None
    field: Field
    partitions: bool = False
    clustered: int | None = None
    hidden: bool = False
    path: str = ""


_TIME, _DATE = Field("_PARTITIONTIME", TypeKind.TIMESTAMP), Field("_PARTITIONDATE", TypeKind.DATE)


def _columns(scope: Scope) -> Sequence[Any]:
    names = scope.asked("column_name")
    found: list[_Column] = []
    for table in scope.tables():
        clustered = {name.casefold(): n for n, name in enumerate(table.clustering, 1)}
        by = table.time_partitioning or table.range_partitioning
        partitioned = (by.field or "").casefold() if by else ""
        for position, field in enumerate(table.fields, 1):
            if names.values is None or field.name in names.values:
                folded = field.name.casefold() if clustered or partitioned else ""
                found.append(
                    _Column(
                        table,
                        field.name,
                        position,
                        field,
                        bool(folded) and folded == partitioned,
                        clustered.get(folded),
                    )
                )
        if by is not None and by.field is None:
            pseudo = _pseudo(table)
            found += [c for c in pseudo if names.values is None or c.name in names.values]
    return found


def _pseudo(table: Table) -> Iterator[_Column]:
    """The pseudo columns of a table partitioned by ingestion time."""
    partitioning = table.time_partitioning
    yield _Column(table, "_PARTITIONTIME", None, _TIME, partitions=True, hidden=True)
    if partitioning is not None and partitioning.type == "DAY":
        yield _Column(table, "_PARTITIONDATE", None, _DATE, hidden=True)


def _field_paths(scope: Scope) -> Sequence[Any]:
    names = scope.asked("column_name")
    return [
        _Column(table, column.name, None, field, path=path)
        for table in scope.tables()
        for column in table.fields
        if names.values is None or column.name in names.values
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


def _types(items: Sequence[Any], scope: Scope) -> list[str]:
    """The types as SQL; columns of many tables have few different ones."""
    known: dict[tuple[Any, ...], str] = {}
    types = []
    for item in items:
        field = item.field
        if field.fields:
            types.append(sql_type(field))
            continue
        key = (
            field.kind,
            field.mode is Mode.REPEATED,
            field.max_length,
            field.precision,
            field.scale,
            field.range_element,
        )
        text = known.get(key)
        if text is None:
            text = known[key] = sql_type(field)
        types.append(text)
    return types


_POLICIES = (
    each("data_policies", lambda c: _data_policies(c.field), array_of(struct_of(("name", STRING)))),
    each("policy_tags", lambda c: policy_tags(c.field), "S[]"),
)
_NAME = table_name(lambda c: c.table)

VIEWS: tuple[View, ...] = (
    View(
        "COLUMNS",
        (
            *_NAME,
            each("column_name", lambda c: c.name),
            each("ordinal_position", lambda c: c.position, "I"),
            each("is_nullable", lambda c: yes(c.field.mode is not Mode.REQUIRED)),
            whole("data_type", _types),
            always("is_generated", "NEVER"),
            always("generation_expression"),
            always("is_stored"),
            each("is_hidden", lambda c: yes(c.hidden)),
            always("is_updatable"),
            each("is_system_defined", lambda c: yes(c.hidden)),
            each("is_partitioning_column", lambda c: yes(c.partitions)),
            each("clustering_ordinal_position", lambda c: c.clustered, "I"),
            each("collation_name", lambda c: c.field.collation or "NULL"),
            each("column_default", lambda c: "NULL" if c.field.default is None else c.field.default),
            each("rounding_mode", lambda c: c.field.attributes.get("roundingMode")),
            *_POLICIES,
        ),
        _columns,
    ),
    View(
        "COLUMN_FIELD_PATHS",
        (
            *_NAME,
            each("column_name", lambda c: c.name),
            each("field_path", lambda c: c.path),
            whole("data_type", _types),
            each("description", lambda c: c.field.description),
            each("collation_name", lambda c: c.field.collation or "NULL"),
            each("rounding_mode", lambda c: c.field.attributes.get("roundingMode")),
            *_POLICIES,
        ),
        _field_paths,
    ),
)
