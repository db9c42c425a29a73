"""Window functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.errors import invalid_query
from bqsim.sql.googlesql.builtins import GROUP
from bqsim.sql.googlesql.resolved import has, unwrap
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.types import TypeKind

from . import nodes
from .aggregate import MARKS, NULL_HANDLING, aggregate_call
from .collation import key, of_list
from .encoders import encoded
from .expressions import BUILTIN_GROUP, SAFE_ERROR_MODE, arguments
from .functions import window_function
from .functions.percentiles import NAMES as PERCENTILES
from .registry import AggregateCall, Unsupported
from .relation import Relation
from .scans import null_words, order_items

if TYPE_CHECKING:
    from .lowering import Lowering

UNITS = {0: "ROWS", 1: "RANGE"}
# By GoogleSQL's boundary number; an offset's text stands before the words.
BOUNDARIES = {
    0: "UNBOUNDED PRECEDING",
    1: "PRECEDING",
    2: "CURRENT ROW",
    3: "FOLLOWING",
    4: "UNBOUNDED FOLLOWING",
}
RANGE_KEYS = (TypeKind.INT64,)


def analytic_scan(low: Lowering, node: Any) -> Relation:
    relation = low.simple(low.relation(node.input_scan))
    if relation.source is None:
        relation = low.closed(relation)
    counts = partition_sizes(low, relation, node)
    if counts:
        relation = low.closed(relation)
    relation = encoded(low, relation, node, lambda by: partition_items(low, by))
    columns = dict(relation.columns)
    for group in node.function_group_list:
        partition = partition_items(low, group.partition_by) if group.HasField("partition_by") else []
        items = group.order_by.order_by_item_list if group.HasField("order_by") else []
        for item in group.analytic_function_list:
            item = unwrap(item)
            if item.column.column_id in columns:
                continue
            size = counts.get(item.column.column_id)
            count = low.column(size) if size is not None else None
            columns[item.column.column_id] = analytic_call(low, unwrap(item.expr), partition, items, count)
    relation.columns = columns
    relation.computed = True
    return relation


def partition_sizes(low: Lowering, relation: Relation, node: Any) -> dict[int, int]:
    """Adds, for each percentile, a column with the number of its partition's values; gives the ids of these
    columns by the percentile's column."""
    added: dict[int, int] = {}
    for group in node.function_group_list:
        for item in map(unwrap, group.analytic_function_list):
            non_scalar = unwrap(item.expr).parent
            base = non_scalar.parent
            if base.function.name.removeprefix(BUILTIN_GROUP) not in PERCENTILES:
                continue
            partition = partition_items(low, group.partition_by) if group.HasField("partition_by") else []
            over = window(low, partition, [], None)
            respected = NULL_HANDLING[non_scalar.null_handling_modifier] == "RESPECT"
            counted = nodes.raw("*") if respected else low.expression(base.argument_list[0])
            column = MARKS + item.column.column_id
            relation.columns[column] = nodes.template("count({0}) OVER ({1})", counted, over)
            relation.computed = True
            added[item.column.column_id] = column
    return added


def partition_items(low: Lowering, partitioning: Any) -> list[exp.Expression]:
    return [
        key(low.expression(ref), low.type(ref), of_list(partitioning.collation_list, i))
        for i, ref in enumerate(partitioning.partition_by_list)
    ]


def analytic_call(
    low: Lowering, node: Any, partition: list[Any], items: Any, count: Any = None
) -> exp.Expression:
    non_scalar = node.parent
    base = non_scalar.parent
    name = base.function.name.removeprefix(BUILTIN_GROUP).removeprefix(f"{GROUP}:")
    args, types, literals = arguments(low, base)
    row = window_function(name, types)
    if row is None:
        return aggregate_call(low, node, window(low, partition, items, node))
    if base.error_mode == SAFE_ERROR_MODE:
        raise Unsupported(f"SAFE.{name}")
    over = window(low, partition, items, node if row.frame else None)
    call = AggregateCall(
        name,
        args,
        types,
        type_from_proto(base.parent.type),
        literals,
        low,
        distinct=non_scalar.distinct,
        nulls=NULL_HANDLING[non_scalar.null_handling_modifier],
        over=over,
        node=node,
        count=count,
    )
    if has(non_scalar, "where_expr"):
        raise Unsupported(f"WHERE in window function {name}")
    return row.build(call)


def window(low: Lowering, partition: list[Any], items: Any, call: Any) -> exp.Expression:
    """The specification in OVER (…)."""
    parts: list[Any] = []
    if partition:
        parts += ["PARTITION BY ", nodes.joined("", ", ", partition, "")]
    frame = call.window_frame if call is not None and call.HasField("window_frame") else None
    if items:
        parts += [" ORDER BY ", nodes.joined("", ", ", order_keys(low, items, frame), "")]
    if frame is not None:
        ranged = frame.frame_unit == 1
        start, end = boundary(low, frame.start_expr, ranged), boundary(low, frame.end_expr, ranged)
        parts += [f" {UNITS[frame.frame_unit]} BETWEEN ", start, " AND ", end]
    return exp.Block(expressions=parts)


def order_keys(low: Lowering, items: Any, frame: Any) -> list[exp.Expression]:
    """The ORDER BY items; a RANGE with an offset needs its one key alone."""
    if frame is None or frame.frame_unit != 1:
        return order_items(low, items)
    if not {frame.start_expr.boundary_type, frame.end_expr.boundary_type} & {1, 3}:
        return order_items(low, items)
    kind = low.type(items[0].column_ref).kind if len(items) == 1 else None
    if kind not in RANGE_KEYS:
        raise Unsupported(f"window frame RANGE over {kind or 'several keys'}")
    words = null_words(items[0])
    return [nodes.joined("CAST(", "", [low.expression(items[0].column_ref)], f" AS HUGEINT){words}")]


def boundary(low: Lowering, node: Any, ranged: bool) -> exp.Expression:
    words = BOUNDARIES[node.boundary_type]
    if not has(node, "expression"):
        return nodes.raw(words)
    offset = low.constant(node.expression)
    if offset is None:
        raise invalid_query("The boundary offset value cannot be null")
    if offset < 0 or offset != offset:
        raise invalid_query(
            f"Window frame offset for PRECEDING or FOLLOWING must be non-negative, but was {offset}"
        )
    # One wider than INT64, so that key and offset cannot overflow together.
    kind = "HUGEINT" if ranged else "BIGINT"
    return nodes.raw(f"CAST('{offset}' AS {kind}) {words}")


SCANS = {"ResolvedAnalyticScan": analytic_scan}
