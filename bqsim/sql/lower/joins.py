"""Joins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.sql.googlesql.resolved import has

from . import nodes
from .registry import Unsupported
from .relation import Relation
from .spatial import bounds_conditions

if TYPE_CHECKING:
    from .lowering import Lowering

INNER, LEFT, RIGHT, FULL = 0, 1, 2, 3
_SIDES = {LEFT: "LEFT", RIGHT: "RIGHT", FULL: "FULL"}


def join_scan(low: Lowering, node: Any) -> Relation:
    if node.is_lateral:
        raise Unsupported("LATERAL join")
    kind = node.join_type
    left = _left(low, low.relation(node.left_scan), kind)
    right, conditions = _right(low, low.relation(node.right_scan), kind)
    if kind in (RIGHT, FULL):
        conditions += left.where if kind == RIGHT else []
        left.where = [] if kind == RIGHT else left.where
    left.columns = {**left.columns, **right.columns}
    left.hidden = {**right.hidden, **left.hidden}
    low.places.update(left.columns)
    if has(node, "join_expr"):
        conditions.append(low.expression(node.join_expr))
        # The engine's outer joins by ranges keep rows whose other conditions fail as if they had no match.
        if kind == INNER:
            conditions += bounds_conditions(low, node.join_expr, node.left_scan, node.right_scan)
    if kind == INNER:
        left.where += right.where
    elif kind == RIGHT:
        left.where = right.where
    left.joins.append(_join(right.source, kind, conditions))
    left.joins += right.joins
    return left


def _left(low: Lowering, relation: Relation, kind: int) -> Relation:
    """The left side as the start of a FROM clause. Filters of rows that the join keeps can stay behind."""
    relation = low.simple(relation)
    if relation.source is None or (kind == FULL and relation.where):
        return low.closed(relation)
    if kind == RIGHT and relation.where and relation.joins:
        return low.closed(relation)
    return relation


def _right(low: Lowering, relation: Relation, kind: int) -> tuple[Relation, list[Any]]:
    """The right side as one FROM item, with the filters that belong into the join's condition."""
    relation = low.simple(relation)
    if relation.source is None or relation.joins or (kind == FULL and relation.where):
        return low.closed(relation), []
    if kind == LEFT:
        conditions, relation.where = relation.where, []
        return relation, conditions
    return relation, []


def _join(source: Any, kind: int, conditions: list[Any]) -> exp.Join:
    if not conditions and kind == INNER:
        return exp.Join(this=source, kind="CROSS")
    condition = nodes.conjunction(conditions) if conditions else nodes.raw("true")
    join = exp.Join(this=source, on=condition)
    if kind != INNER:
        join.set("side", _SIDES[kind])
    return join


SCANS = {"ResolvedJoinScan": join_scan}
