"""Views about search and vector indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bqsim.catalog.resources import Index, Table
from bqsim.sql.statements.options import sql_literal
from bqsim.types import Field, TypeKind

from .view import Column, Form, Scope, View, always, each, micros, nulls

_NEEDS = ("bigquery.tables.get", "bigquery.tables.list")
_TYPES = {bool: "BOOL", int: "INT64", float: "FLOAT64", str: "STRING"}
_DEFAULT_ANALYZER = "LOG_ANALYZER"


@dataclass(frozen=True, slots=True)
class _Row:
    """An index, or one of its columns (``path`` is that of a field) or options (``name``, ``value``)."""

    table: Table
    index: Index
    column: str = ""
    path: str = ""
    name: str = ""
    value: Any = None


def _indexes(kind: str) -> Callable[[Scope], list[_Row]]:
    def find(scope: Scope) -> list[_Row]:
        found = [
            _Row(table, index)
            for table in scope.tables("index_schema")
            for index in table.indexes
            if index.kind == kind
        ]
        return scope.only(found, index_name=lambda row: row.index.name)

    return find


def _columns(kind: str) -> Callable[[Scope], Sequence[Any]]:
    def find(scope: Scope) -> Sequence[Any]:
        return [
            _Row(row.table, row.index, column, path)
            for row in _indexes(kind)(scope)
            for column, path in _paths(row.table, row.index)
        ]

    return find


def _paths(table: Table, index: Index) -> Iterator[tuple[str, str]]:
    """(column, path) of the indexed fields: texts of a search index, the columns of a vector index."""
    for name in index.columns:
        at = table.field_index(name)
        if at is None:
            continue
        field = table.fields[at]
        if index.kind == "SEARCH" and field.kind is TypeKind.STRUCT:
            yield from ((field.name, path) for path in _texts(field, field.name))
        else:
            yield field.name, field.name


def _texts(field: Field, path: str) -> Iterator[str]:
    """The paths of the texts and JSON values in a field."""
    if field.kind in (TypeKind.STRING, TypeKind.JSON):
        yield path
    for inner in field.fields:
        yield from _texts(inner, f"{path}.{inner.name}")


def _options(kind: str) -> Callable[[Scope], Sequence[Any]]:
    def find(scope: Scope) -> Sequence[Any]:
        return [
            _Row(row.table, row.index, name=name, value=value)
            for row in _indexes(kind)(scope)
            for name, value in row.index.options.items()
        ]

    return find


def _column_options(scope: Scope) -> Sequence[Any]:
    return [
        _Row(row.table, row.index, column=column, name=name, value=value)
        for row in _indexes("SEARCH")(scope)
        for column, options in row.index.column_options.items()
        for name, value in options.items()
    ]


def _type(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"ARRAY<{_type(value[0]) if value else 'STRING'}>"
    return _TYPES.get(type(value), "STRING")


_INDEX = (
    each("index_catalog", lambda r: r.table.ref.project),
    each("index_schema", lambda r: r.table.ref.dataset),
    each("table_name", lambda r: r.table.ref.table),
    each("index_name", lambda r: r.index.name),
)
# Searches read the rows themselves, so an index is never behind them.
_STATE: tuple[Column, ...] = (
    *_INDEX,
    always("index_status", "ACTIVE"),
    each("creation_time", lambda r: micros(r.index.created_ms), "T"),
    each("last_modification_time", lambda r: micros(r.index.modified_ms), "T"),
    each("last_refresh_time", lambda r: micros(r.index.modified_ms), "T"),
    *nulls("disable_time:T disable_reason"),
    each("ddl", lambda r: r.index.ddl),
    always("coverage_percentage", 100, "I"),
    always("unindexed_row_count", 0, "I"),
    always("total_logical_bytes", 0, "I"),
    always("total_storage_bytes", 0, "I"),
)
_FIELD = (each("index_column_name", lambda r: r.column), each("index_field_path", lambda r: r.path))
_OPTION = (
    each("option_name", lambda r: r.name),
    each("option_type", lambda r: _type(r.value)),
    each("option_value", lambda r: r.value if isinstance(r.value, str) else sql_literal(r.value)),
)

VIEWS: tuple[View, ...] = tuple(
    View(name, columns, items, Form.DATASET, _NEEDS)
    for name, columns, items in (
        (
            "SEARCH_INDEXES",
            (*_STATE, each("analyzer", lambda r: r.index.options.get("analyzer") or _DEFAULT_ANALYZER)),
            _indexes("SEARCH"),
        ),
        ("SEARCH_INDEX_COLUMNS", (*_INDEX, *_FIELD), _columns("SEARCH")),
        (
            "SEARCH_INDEX_COLUMN_OPTIONS",
            (*_INDEX, each("column_name", lambda r: r.column), *_OPTION),
            _column_options,
        ),
        ("SEARCH_INDEX_OPTIONS", (*_INDEX, *_OPTION), _options("SEARCH")),
        ("VECTOR_INDEXES", _STATE, _indexes("VECTOR")),
        ("VECTOR_INDEX_COLUMNS", (*_INDEX, *_FIELD), _columns("VECTOR")),
        ("VECTOR_INDEX_OPTIONS", (*_INDEX, *_OPTION), _options("VECTOR")),
    )
)
