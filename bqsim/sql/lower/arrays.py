"""UNNEST: array scans, alone and beside the rows that hold the array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.sql.googlesql.resolved import has

from . import nodes
from .registry import Unsupported
from .relation import POSITION, Relation, place_node
from .scans import plain_place

if TYPE_CHECKING:
    from .lowering import Lowering


def array_scan(low: Lowering, node: Any) -> Relation:
    if len(node.array_expr_list) != 1:
        raise Unsupported("UNNEST of several arrays")
    element = node.element_column_list[0].column_id
    offset = node.array_offset_column.column.column_id if node.HasField("array_offset_column") else None
    joins = has(node, "input_scan")
    keep_order = low.keep_order and not joins
    relation = low.simple(low.relation(node.input_scan)) if joins else Relation(None, {})
    array = low.expression(node.array_expr_list[0])
    if joins and node.is_outer and has(node, "join_expr"):
        return _outer_join(low, node, relation, array, element, offset)
    if offset is not None or keep_order or node.is_outer:
        relation, array = once(low, relation, array)
    if joins and node.is_outer:
        elements = nodes.template("unnest(CASE WHEN len({0}) > 0 THEN {0} ELSE [NULL] END)", array)
        positions = nodes.template(
            "unnest(CASE WHEN len({0}) > 0 THEN range(len({0})) ELSE [NULL] END)", array
        )
    else:
        elements = nodes.template("unnest({0})", array)
        positions = nodes.template("unnest(range(len({0})))", array)
    relation.columns = {**relation.columns, element: elements}
    if offset is not None:
        relation.columns[offset] = positions
    if keep_order:
        relation.hidden = {**relation.hidden, POSITION: positions}
    relation = low.closed(relation)
    if has(node, "join_expr"):
        relation.where.append(low.expression(node.join_expr))
    return relation


def once(low: Lowering, relation: Relation, array: exp.Expression) -> tuple[Relation, exp.Expression]:
    """The relation with an array that may be read several times: a column, computed first when it is none."""
    if plain_place(array) is not None:
        return relation, array
    label = low.label()
    values = [*((f"k{i}", p) for i, p in relation.columns.items()), *relation.hidden.items(), ("_a", array)]
    query = relation.finish([nodes.alias(place_node(place), name) for name, place in values])
    source = low.source(nodes.derived(query, label), label, relation.columns)
    source.hidden = {hidden: (label, hidden) for hidden in relation.hidden}
    return source, nodes.column(label, "_a")


def _outer_join(
    low: Lowering, node: Any, relation: Relation, array: exp.Expression, element: int, offset: int | None
) -> Relation:
    if relation.source is None:
        relation = low.closed(relation)
    projections = [nodes.alias(nodes.template("unnest({0})", array), f"k{element}")]
    if offset is not None:
        positions = nodes.template("unnest(range(len({0})))", array)
        projections.append(nodes.alias(positions, f"k{offset}"))
    label = low.label()
    lateral = exp.Lateral(
        this=exp.Subquery(this=nodes.select(projections)), alias=exp.TableAlias(this=nodes.name(label))
    )
    for column in (element, offset):
        if column is not None:
            relation.columns[column] = (label, f"k{column}")
    low.places.update(relation.columns)
    relation.joins.append(exp.Join(this=lateral, side="LEFT", on=low.expression(node.join_expr)))
    return relation


SCANS = {"ResolvedArrayScan": array_scan}
