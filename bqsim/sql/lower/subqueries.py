"""Subquery expressions: scalar, ARRAY, EXISTS, IN and quantified LIKE."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.sql.googlesql.resolved import get, unwrap
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.types import Type, TypeKind, array_of

from . import nodes
from .collation import collation_of, is_active, key
from .registry import NOT_LITERAL, FunctionCall, Unsupported
from .relation import POSITION, Relation, place_node

if TYPE_CHECKING:
    from .lowering import Lowering

SCALAR, ARRAY, EXISTS, IN, LIKE_ANY, LIKE_ALL, NOT_LIKE_ANY, NOT_LIKE_ALL = range(8)


def subquery_expr(low: Lowering, node: Any) -> exp.Expression:
    if low.lambdas:
        raise Unsupported("subquery in a lambda")
    build = _BUILDERS.get(node.subquery_type)
    if build is None:
        raise Unsupported(f"subquery of kind {node.subquery_type}")
    low.subqueries += 1
    outer, low.boundary = low.boundary, low.shared.labels
    lowered = build(low, node)
    low.boundary = outer
    return lowered


def single_column(low: Lowering, node: Any) -> tuple[int, Type]:
    """The one column of a subquery."""
    columns = get(unwrap(node.subquery), "column_list")
    return columns[0].column_id, type_from_proto(columns[0].type)


def _scalar(low: Lowering, node: Any) -> exp.Expression:
    column, _ = single_column(low, node)
    relation = low.relation(node.subquery)
    return nodes.scalar(relation.finish([place_node(relation.columns[column])]))


def _exists(low: Lowering, node: Any) -> exp.Expression:
    relation = low.relation(node.subquery)
    if relation.computed and not relation.order and relation.limit is None:
        query = low.select(relation)
    else:
        query = relation.finish([nodes.raw("1")])
    return nodes.template("EXISTS({0})", query)


def _array(low: Lowering, node: Any) -> exp.Expression:
    column, _ = single_column(low, node)
    relation = ordered(low, node.subquery)
    return nodes.template("ARRAY({0})", relation.finish([place_node(relation.columns[column])]))


def ordered(low: Lowering, scan: Any) -> Relation:
    """A scan whose rows stay in the order of the array that it reads, when it reads one and sorts nothing."""
    outer, low.keep_order = low.keep_order, True
    relation = low.relation(scan)
    low.keep_order = outer
    if POSITION in relation.hidden and not relation.order and relation.group is None:
        relation.order = [place_node(relation.hidden[POSITION])]
    return relation


def _in(low: Lowering, node: Any) -> exp.Expression:
    from .functions.comparison import equal, plain_equality

    value, type_ = low.typed(node.in_expr)
    column, other = single_column(low, node)
    relation = low.relation(node.subquery)
    if is_active(node.in_collation):
        value = key(value, type_, node.in_collation)
        relation = low.closed(relation)
        relation.columns[column] = key(place_node(relation.columns[column]), other, node.in_collation)
    if plain_equality((type_, other)):
        query = relation.finish([place_node(relation.columns[column])])
        return nodes.template("({0} IN ({1}))", value, query)
    relation = low.closed(relation)
    test = equal(value, place_node(relation.columns[column]), type_, other)
    verdict = nodes.template(
        "CASE WHEN bool_or({0}) THEN true WHEN count(*) > count({0}) THEN NULL ELSE false END", test
    )
    return nodes.scalar(relation.finish([verdict]))


def _like(low: Lowering, node: Any) -> exp.Expression:
    """LIKE ANY and LIKE ALL of a subquery: the patterns as one array."""
    from .functions import scalar_function
    from .functions.collation import collated

    name = _LIKES[node.subquery_type]
    value, type_ = low.typed(node.in_expr)
    column, other = single_column(low, node)
    relation = low.relation(node.subquery)
    patterns = nodes.template("ARRAY({0})", relation.finish([place_node(relation.columns[column])]))
    types = (type_, array_of(other))
    by = node.in_collation if is_active(node.in_collation) else collation_of([node.in_expr])
    function = scalar_function(name, types) if by is None else collated(name, by)
    if function is None:
        raise Unsupported(f"{name} of a subquery of {other}")
    literals = (NOT_LITERAL, NOT_LITERAL)
    call = FunctionCall(name, [value, patterns], types, Type(TypeKind.BOOL), literals, low, node)
    return function.lower(call)


_LIKES = {
    LIKE_ANY: "$like_any_array",
    LIKE_ALL: "$like_all_array",
    NOT_LIKE_ANY: "$not_like_any_array",
    NOT_LIKE_ALL: "$not_like_all_array",
}

_BUILDERS: dict[int, Callable[[Lowering, Any], exp.Expression]] = {
    SCALAR: _scalar,
    ARRAY: _array,
    EXISTS: _exists,
    IN: _in,
    **dict.fromkeys(_LIKES, _like),
}

EXPRESSIONS = {"ResolvedSubqueryExpr": subquery_expr}
