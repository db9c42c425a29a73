"""Wildcard tables: the rows of all tables whose names begin alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.catalog.resources import Table
from bqsim.engine.protocol import VERSION_BEGIN
from bqsim.sql.googlesql.catalog import PARTITION_DATE, PARTITION_TIME, SUFFIX
from bqsim.sql.plan import Scan
from bqsim.types import Field, Mode, TypeKind

from . import nodes, policies
from .leaves import names_read
from .partition_conditions import partition_condition, suffix_condition
from .registry import Unsupported
from .relation import Relation
from .scans import buffer_of, live, note_scan, pseudo_column, scan_columns
from .types import column_type, engine_type

if TYPE_CHECKING:
    from .lowering import Lowering

# Types that are read as another one: their values fit.
_WIDER: dict[TypeKind, frozenset[TypeKind]] = {
    TypeKind.FLOAT64: frozenset({TypeKind.INT64, TypeKind.NUMERIC, TypeKind.BIGNUMERIC}),
    TypeKind.NUMERIC: frozenset({TypeKind.INT64}),
    TypeKind.BIGNUMERIC: frozenset({TypeKind.INT64, TypeKind.NUMERIC}),
}
_PARTITIONS = frozenset({PARTITION_TIME.name, PARTITION_DATE.name})


def wildcard(low: Lowering, node: Any, source: Any) -> Relation:
    """A wildcard table: the tables behind it, each column by its name, NULL where a table lacks it.

    Columns are of the types that they have in the newest table; reading a row that has another fails.
    """
    table = source.table
    policies.refuse_wildcard(source.matches)
    # Tables made later may match too, so nothing about the query may be kept.
    low.shared.deterministic = False
    query: Any = None
    columns = scan_columns(node)
    prefix = len(table.ref.table) - 1
    suffixes = [suffix_condition(low, c.column_id) for c, index in columns if source.columns[index] is SUFFIX]
    asked = next(filter(None, suffixes), None)
    low.shared.wildcards.append(tuple(match.ref for match in source.matches))
    for match in source.matches:
        if match.storage is None:
            raise Unsupported(f"table {match.ref.sql_name} without stored rows")
        label = low.label()
        read: dict[str, None] = {}
        projections = []
        for column, index in columns:
            field = source.columns[index]
            position = match.field_index(field.name)
            if field is SUFFIX:
                value = nodes.text(match.ref.table[prefix:])
            elif field.name in _PARTITIONS:
                value = _partition(low, match, column, label)
            elif position is None:
                value = nodes.raw(f"CAST(NULL AS {engine_type(column_type(column))})")
            else:
                own = match.fields[position]
                read.update(dict.fromkeys(names_read(low, column.column_id, own)))
                value = nodes.column(label, match.storage.columns[position])
                value = _read_as(value, own, field, engine_type(column_type(column)), label)
            projections.append(nodes.alias(value, f"k{column.column_id}"))
        suffix, condition = match.ref.table[prefix:], partition_condition(low, node, match)
        note_scan(low, match.ref, Scan(tuple(read), condition, suffix, suffixes=asked, share=low.sampled))
        low.shared.columns_read.setdefault(match.ref, {}).update(read)
        relation = Relation(nodes.table(label, match.storage.engine_table), {})
        relation.where = [live(low, node, label)]
        branch = relation.finish(projections)
        query = branch if query is None else exp.Union(this=query, expression=branch, distinct=False)
    label = low.label()
    return low.source(nodes.derived(query, label), label, [c.column_id for c, _ in columns])


def _partition(low: Lowering, match: Table, column: Any, label: str) -> exp.Expression:
    """The partition of the rows of one table; NULL in one that is not partitioned by ingestion time."""
    if match.storage is None or match.storage.partition is None:
        return nodes.raw(f"CAST(NULL AS {engine_type(column_type(column))})")
    return pseudo_column(match, column, label, buffer_of(low, match))


def _read_as(value: Any, own: Field, field: Field, type_: str, label: str) -> Any:
    """The value of a column in a table where it is ``own``, as the ``field`` that it is in the newest one."""
    mine, wanted = own.mode is Mode.REPEATED, field.mode is Mode.REPEATED
    if mine == wanted and (own.kind is field.kind or own.kind in _WIDER.get(field.kind, ())):
        return value
    if mine != wanted:
        text = "repeated field as optional" if mine else "optional field as repeated"
        text = f"Cannot read {text} Field: {field.name}"
    else:
        text = f"Cannot read field of type {own.kind} as {field.kind} Field: {field.name}"
    quoted = f"bq:{text}".replace("'", "''")
    # The engine computes what depends on no row before it knows of any.
    row = nodes.column(label, VERSION_BEGIN)
    failing = f"CASE WHEN {{0}} IS NULL THEN NULL ELSE CAST(error('{quoted}') AS {type_}) END"
    return nodes.template(failing, row)
