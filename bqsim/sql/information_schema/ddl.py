"""CREATE statements that would make a resource again, as INFORMATION_SCHEMA shows them."""

from __future__ import annotations

from bqsim.catalog.resources import Dataset, Table, TableKind
from bqsim.sql.statements.fields import sql_type
from bqsim.sql.statements.options import shown_options, sql_literal
from bqsim.types import Field, Mode, TypeKind

_TRUNCATE = {
    TypeKind.DATE: "DATE_TRUNC({0}, {1})",
    TypeKind.DATETIME: "DATETIME_TRUNC({0}, {1})",
    TypeKind.TIMESTAMP: "TIMESTAMP_TRUNC({0}, {1})",
}
_DAILY = {TypeKind.DATE: "{0}", TypeKind.DATETIME: "DATE({0})", TypeKind.TIMESTAMP: "DATE({0})"}


def schema_ddl(dataset: Dataset) -> str:
    """CREATE SCHEMA."""
    return f"CREATE SCHEMA `{dataset.ref.sql_name}`" + _options(dataset) + ";"


def table_ddl(table: Table) -> str:
    """CREATE TABLE, VIEW, MATERIALIZED VIEW or SNAPSHOT TABLE."""
    name = f"`{table.ref.sql_name}`"
    if table.kind is TableKind.SNAPSHOT and table.base_table is not None:
        return f"CREATE SNAPSHOT TABLE {name}\nCLONE `{table.base_table.sql_name}`{_options(table)};"
    if table.view_query is not None:
        kind = "MATERIALIZED VIEW" if table.kind is TableKind.MATERIALIZED_VIEW else "VIEW"
        return f"CREATE {kind} {name}{_options(table)}\nAS {table.view_query};"
    lines = [f"  {column_ddl(f)}" for f in table.fields]
    if table.primary_key:
        lines.append(f"  PRIMARY KEY ({', '.join(table.primary_key)}) NOT ENFORCED")
    body = ",\n".join(lines)
    clauses = partition_clause(table)
    if table.clustering:
        clauses += f"\nCLUSTER BY {', '.join(table.clustering)}"
    return f"CREATE TABLE {name}\n(\n{body}\n){clauses}{_options(table)};"


_NESTED = frozenset({TypeKind.STRUCT, TypeKind.RANGE})
# The types of columns that have no more to them, by kind and mode.
_PLAIN: dict[tuple[TypeKind, Mode], str] = {
    (kind, mode): sql_type(Field("x", kind, mode))
    for kind in TypeKind
    if kind not in _NESTED
    for mode in Mode
}


def type_text(field: Field) -> str:
    """The type of a column as SQL: most columns have one of few."""
    if field.kind in _NESTED or field.max_length is not None or field.precision is not None:
        return sql_type(field)
    return _PLAIN[field.kind, field.mode]


def column_ddl(field: Field) -> str:
    """A column definition: ``name STRING(10) NOT NULL OPTIONS(description="x")``."""
    if field.mode is not Mode.REQUIRED and field.default is field.description is field.collation is None:
        return f"{field.name} {_type(field)}"
    parts = [field.name, _type(field)]
    if field.collation and field.kind is TypeKind.STRING:
        parts.append(f"COLLATE '{field.collation}'")
    if field.default is not None:
        parts.append(f"DEFAULT {field.default}")
    if field.mode is Mode.REQUIRED:
        parts.append("NOT NULL")
    if field.description is not None:
        parts.append(f"OPTIONS(description={sql_literal(field.description)})")
    return " ".join(parts)


def _type(field: Field) -> str:
    if field.kind is not TypeKind.STRUCT:
        return type_text(field)
    inner = f"STRUCT<{', '.join(column_ddl(f) for f in field.fields)}>"
    return f"ARRAY<{inner}>" if field.mode is Mode.REPEATED else inner


def partition_clause(table: Table) -> str:
    """PARTITION BY with a line break before it, or nothing."""
    by_range = table.range_partitioning
    if by_range is not None:
        bounds = f"{by_range.start}, {by_range.end}, {by_range.interval}"
        return f"\nPARTITION BY RANGE_BUCKET({by_range.field}, GENERATE_ARRAY({bounds}))"
    time = table.time_partitioning
    if time is None:
        return ""
    if time.field is None:
        return "\nPARTITION BY " + (
            "_PARTITIONDATE" if time.type == "DAY" else f"TIMESTAMP_TRUNC(_PARTITIONTIME, {time.type})"
        )
    index = table.field_index(time.field)
    kind = table.fields[index].kind if index is not None else TypeKind.DATE
    form = _DAILY[kind] if time.type == "DAY" else _TRUNCATE[kind]
    return "\nPARTITION BY " + form.format(time.field, time.type)


def _options(resource: Table | Dataset) -> str:
    shown = shown_options(resource)
    if not shown:
        return ""
    lines = ",\n".join(f"  {name}={value}" for name, _, value in shown)
    return f"\nOPTIONS(\n{lines}\n)"
