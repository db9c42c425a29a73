"""GROUP BY, grouping sets and aggregate calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.errors import invalid_query
from bqsim.sql.googlesql.builtins import GROUP
from bqsim.sql.googlesql.resolved import has, node_name, unwrap
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.types import TypeKind

from . import nodes
from .collation import key, of_list
from .expressions import BUILTIN_GROUP, SAFE_ERROR_MODE, arguments
from .external import external_call, is_external, not_aggregated
from .functions import aggregate_function
from .functions.collation import AGGREGATES_BY_COLLATION
from .registry import NOT_LITERAL, AggregateCall, Unsupported
from .relation import Relation, Stage
from .scans import order_items, plain_place
from .types import contains

if TYPE_CHECKING:
    from .lowering import Lowering

NULL_HANDLING = {0: "", 1: "IGNORE", 2: "RESPECT"}
HAVING_KINDS = {1: "MAX", 2: "MIN"}
# Ids of added columns start here, far above those of a statement.
MARKS = 1 << 40
_UNGROUPABLE = frozenset({TypeKind.JSON, TypeKind.GEOGRAPHY})


def aggregate_scan(low: Lowering, node: Any) -> Relation:
    base = node.parent
    relation = grouped_input(low, low.relation(base.input_scan), base.group_by_list)
    extremes = having_extremes(low, relation, base)
    if extremes:
        relation = low.closed(relation)
    columns: dict[int, Any] = {
        item.column.column_id: relation.columns[item.column.column_id] for item in base.group_by_list
    }
    keys = {i: low.column(i) for i in columns}
    for position, item in enumerate(base.group_by_list):
        by = of_list(base.collation_list, position)
        if by is not None:
            _group_by_collation(low, item, by, keys, columns, bool(base.grouping_set_list))
    relation.group = grouping(base, keys)
    if base.grouping_set_list and keys:
        # The engine gives a total of no rows, GoogleSQL does not.
        relation.having = nodes.raw("count(*) > 0")
    for item in base.aggregate_list:
        item = unwrap(item)
        marks = extremes.get(item.column.column_id)
        columns[item.column.column_id] = aggregate_call(low, item.expr, having=marks)
    for item in base.grouping_call_list:
        grouped = keys[item.group_by_column.column.column_id]
        columns[item.output_column.column_id] = nodes.template("CAST(grouping({0}) AS BIGINT)", grouped)
    relation.columns = columns
    relation.computed = relation.grouped = True
    relation.stage = Stage.GROUPED
    return relation


def _group_by_collation(
    low: Lowering, item: Any, by: Any, keys: dict[int, Any], columns: dict[int, Any], several: bool
) -> None:
    """Groups by the key of a value; the group's value is one of its values."""
    column = item.column.column_id
    value = keys[column]
    keys[column] = key(value, low.type(item.expr), by)
    one = nodes.call("any_value", value)
    if several:
        one = nodes.template("(CASE WHEN grouping({0}) = 0 THEN {1} END)", keys[column], one)
    columns[column] = one


def grouped_input(low: Lowering, relation: Relation, group_by: Any) -> Relation:
    """The input of a GROUP BY with its keys as plain columns."""
    relation = low.simple(relation)
    places: dict[int, Any] = {}
    plain = True
    for item in group_by:
        value = low.expression(item.expr)
        place = plain_place(value)
        plain = plain and place is not None
        places[item.column.column_id] = place or value
        if contains(low.type(item.expr), _UNGROUPABLE):
            raise Unsupported(f"GROUP BY a value of type {low.type(item.expr)}")
    relation.columns = {**relation.columns, **places}
    if plain:
        low.places.update(places)
        return relation
    relation.computed = True
    return low.closed(relation)


def grouping(base: Any, keys: dict[int, exp.Expression]) -> exp.Expression | None:
    """The GROUP BY clause; None when all rows are one group."""
    if not base.grouping_set_list:
        return exp.Group(expressions=list(keys.values())) if keys else None
    sets = [columns for item in base.grouping_set_list for columns in grouping_sets(unwrap(item))]
    clauses: list[Any] = [nodes.joined("(", ", ", [keys[i] for i in ids], ")") for ids in sets]
    return exp.Group(expressions=[nodes.joined("GROUPING SETS (", ", ", clauses, ")")])


def grouping_sets(item: Any) -> list[list[int]]:
    """The grouping sets that a clause stands for, each by its column ids."""
    name = node_name(item)
    if name == "ResolvedGroupingSet":
        return [[c.column.column_id for c in item.group_by_column_list]]
    if name == "ResolvedRollup":
        parts = [_ids(m) for m in item.rollup_column_list]
        return [_union(parts[:n]) for n in range(len(parts), -1, -1)]
    if name == "ResolvedCube":
        parts = [_ids(m) for m in item.cube_column_list]
        count = len(parts)
        masks = range((1 << count) - 1, -1, -1)
        return [_union([p for i, p in enumerate(parts) if mask >> (count - 1 - i) & 1]) for mask in masks]
    if name == "ResolvedGroupingSetList":
        return [columns for e in item.elem_list for columns in grouping_sets(unwrap(e))]
    if name == "ResolvedGroupingSetProduct":
        product: list[list[int]] = [[]]
        for e in item.input_list:
            product = [_union([left, right]) for left in product for right in grouping_sets(unwrap(e))]
        return product
    raise Unsupported(name.removeprefix("Resolved"))


def _ids(columns: Any) -> list[int]:
    return [c.column.column_id for c in columns.column_list]


def _union(parts: list[list[int]]) -> list[int]:
    return list(dict.fromkeys(i for part in parts for i in part))


def having_extremes(low: Lowering, relation: Relation, base: Any) -> dict[int, int]:
    """Adds, for each aggregate with HAVING MIN or MAX, a column that says whether a row has its group's
    extreme value; gives the ids of these columns by the aggregate's column."""
    added: dict[int, int] = {}
    items = [unwrap(item) for item in base.aggregate_list]
    modified = [i for i in items if unwrap(i.expr).HasField("having_modifier")]
    if not modified:
        return added
    if base.grouping_set_list:
        raise Unsupported("HAVING in an aggregate with grouping sets")
    keys = [low.column(item.column.column_id) for item in base.group_by_list]
    partition = nodes.joined("PARTITION BY ", ", ", keys, "") if keys else nodes.raw("")
    for item in modified:
        modifier = unwrap(item.expr).having_modifier
        value, type_ = low.typed(modifier.having_expr)
        function = HAVING_KINDS[modifier.kind].lower()
        row = aggregate_function(function, (type_,))
        if row is None:
            raise Unsupported(f"HAVING {function.upper()} a value of type {type_}")
        call = AggregateCall(function, [value], (type_,), type_, (NOT_LITERAL,), low, over=partition)
        extreme = row.build(call) if row.build else call.apply(function, value)
        column = MARKS + item.column.column_id
        # Nothing equals NaN, so a group whose extreme it is keeps no row.
        equal = "({0} = {1} AND NOT isnan({0}))" if type_.kind is TypeKind.FLOAT64 else "({0} = {1})"
        relation.columns[column] = nodes.template(equal, value, extreme)
        relation.computed = True
        added[item.column.column_id] = column
    return added


def aggregate_call(low: Lowering, node: Any, over: Any = None, having: int | None = None) -> exp.Expression:
    """An aggregate function call of a group, or of a window when ``over`` is its specification.

    ``having`` is the column that marks the rows with the extreme value of HAVING MIN or MAX.
    """
    node = unwrap(node)
    non_scalar = node.parent
    base = non_scalar.parent
    name = base.function.name.removeprefix(BUILTIN_GROUP).removeprefix(f"{GROUP}:")
    if is_external(name.partition(":")[0]):
        return _external(low, node, over, having)
    if ":" in name:
        raise Unsupported(f"aggregate function {name.rpartition(':')[2]}")
    if base.error_mode == SAFE_ERROR_MODE:
        raise Unsupported(f"SAFE.{name}")
    if over is None and (node.group_by_list or node.group_by_aggregate_list or has(node, "having_expr")):
        raise Unsupported(f"GROUP BY inside {name}")
    args, types, literals = arguments(low, base)
    if low.boundary and over is None:
        args = [inner_value(low, a) for a in args]
    row = aggregate_function(name, types)
    if row is None:
        shown = ", ".join(str(t) for t in types)
        raise Unsupported(f"aggregate function {name}({shown})")
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
    )
    if has(non_scalar, "where_expr"):
        call.where.append(low.expression(non_scalar.where_expr))
    if having is not None:
        call.where.append(low.column(having))
    if over is None:
        _modifiers(low, node, call)
    elif not row.window:
        raise Unsupported(f"window function {name}")
    if call.limit is not None and not row.limited:
        raise Unsupported(f"LIMIT in {name}")
    if not row.ordered:
        call.order = []
    by = of_list(base.collation_list, 0)
    if by is not None:
        collated = AGGREGATES_BY_COLLATION.get(name)
        if collated is None:
            raise Unsupported(f"aggregate function {name} with collation")
        return collated(call, by)
    if row.build is not None:
        return row.build(call)
    assert row.function is not None
    ignore = nodes.template("({0} IS NOT NULL)", args[0]) if call.nulls == "IGNORE" and args else None
    value = call.apply(row.function, *args, where=ignore)
    return nodes.template(row.wrap, value) if row.wrap else value


def _external(low: Lowering, node: Any, over: Any, having: int | None) -> exp.Expression:
    """A call of an aggregate function in JavaScript: of the lists of its arguments' values."""
    non_scalar = node.parent
    base = non_scalar.parent
    name = base.function.name.rpartition(":")[2]
    if over is None and (node.group_by_list or node.group_by_aggregate_list or has(node, "having_expr")):
        raise Unsupported(f"GROUP BY inside {name}")
    if over is not None or base.error_mode == SAFE_ERROR_MODE or non_scalar.distinct or has(node, "limit"):
        raise Unsupported(f"DISTINCT, LIMIT, OVER or SAFE in a call of {name}")
    args, types, literals = arguments(low, base)
    result = type_from_proto(base.parent.type)
    call = AggregateCall(name, args, types, result, literals, low, node=node)
    if has(non_scalar, "where_expr"):
        call.where.append(low.expression(non_scalar.where_expr))
    if having is not None:
        call.where.append(low.column(having))
    _modifiers(low, node, call)
    fixed = not_aggregated(base.function.name)
    values = [a if i in fixed else call.apply("list", a) for i, a in enumerate(args)]
    return external_call(low, base.function.name, values)


def inner_value(low: Lowering, value: exp.Expression) -> exp.Expression:
    """An aggregate's argument in a subquery: the engine takes an aggregate of outer columns alone for one of
    the outer query, unless they stand in a subquery of their own."""
    return nodes.scalar(nodes.select([value])) if only_outer(low, value) else value


def only_outer(low: Lowering, value: exp.Expression) -> bool:
    """Whether an expression in a subquery reads columns, and only ones from outside of it."""
    labels = relation_labels(value)
    return bool(labels) and all(_number(label) <= low.boundary for label in labels)


def _number(label: str) -> int:
    """When a relation was labelled; 0 for those that a statement labelled itself."""
    return int(label[1:]) if label[1:].isdigit() else 0


def relation_labels(node: Any) -> list[str]:
    """The relations whose columns an expression reads."""
    if node.__class__ is exp.Column:
        return [node.args["table"].this]
    if node.__class__ in (exp.Block, exp.Anonymous):
        return [label for part in node.args["expressions"] for label in relation_labels(part)]
    return []


def _modifiers(low: Lowering, node: Any, call: AggregateCall) -> None:
    if node.order_by_item_list:
        items = order_items(low, node.order_by_item_list)
        call.order = [i for i in items if not low.boundary or not only_outer(low, i)]
    if has(node, "limit"):
        call.limit = low.constant(node.limit)
        if call.limit is not None and call.limit < 0:
            raise invalid_query("LIMIT expects a non-negative integer literal or parameter")


SCANS = {"ResolvedAggregateScan": aggregate_scan}
