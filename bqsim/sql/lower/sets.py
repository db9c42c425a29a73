"""Set operations, WITH and recursion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.sql.googlesql.resolved import get, node_name, unwrap
from bqsim.sql.googlesql.types import type_from_proto

from . import nodes
from .collation import annotated_key
from .registry import Unsupported
from .relation import DEPTH, Relation, Stage, place_node

if TYPE_CHECKING:
    from .lowering import Lowering

# By GoogleSQL's operation number: the node and whether it is DISTINCT.
OPERATIONS: dict[int, tuple[type[exp.SetOperation], bool]] = {
    0: (exp.Union, False),
    1: (exp.Union, True),
    2: (exp.Intersect, False),
    3: (exp.Intersect, True),
    4: (exp.Except, False),
    5: (exp.Except, True),
}


# The operand that a row comes from, and which groups of rows an operation keeps.
_OPERAND = "_o"
_KEPT = {exp.Intersect: "(count(DISTINCT {{0}}) = {n})", exp.Except: "(max({{0}}) = 0)"}

# BigQuery's page *Quotas and limits*.
MAX_ITERATIONS = 500
_LIMIT = (
    f"(CASE WHEN {{0}} >= {MAX_ITERATIONS} THEN bq_error('A recursive CTE has reached the maximum number of "
    f"iterations: {MAX_ITERATIONS}') ELSE true END)"
)


def set_operation_scan(low: Lowering, node: Any) -> Relation:
    operation, distinct = OPERATIONS[node.op_type]
    outputs = [c.column_id for c in node.parent.column_list]
    if distinct and any(is_collated(c.annotation_map) for c in node.parent.column_list):
        return _distinct_by_collation(low, node, operation, outputs)
    query: Any = None
    for item in node.input_item_list:
        operand = set_item(low, item, outputs)
        query = operand if query is None else operation(this=query, expression=operand, distinct=distinct)
    label = low.label()
    return low.source(nodes.derived(query, label), label, outputs)


def _distinct_by_collation(low: Lowering, node: Any, operation: Any, outputs: list[int]) -> Relation:
    """A DISTINCT operation on collated columns: rows of all operands, numbered, in groups of equal ones."""
    rows: Any = None
    for number, item in enumerate(node.input_item_list):
        operand = set_item(low, item, outputs)
        operand.append("expressions", nodes.alias(nodes.raw(str(number)), _OPERAND))
        rows = operand if rows is None else exp.Union(this=rows, expression=operand, distinct=False)
    label = low.label()
    operand_number = nodes.column(label, _OPERAND)
    columns, keys = [], []
    for column in node.parent.column_list:
        place = nodes.column(label, f"k{column.column_id}")
        keys.append(annotated_key(place, type_from_proto(column.type), column.annotation_map))
        columns.append(nodes.alias(nodes.call("arg_min", place, operand_number), f"k{column.column_id}"))
    query = nodes.select(columns, nodes.derived(rows, label))
    query.set("group", exp.Group(expressions=keys))
    condition = _KEPT.get(operation)
    if condition is not None:
        wanted = nodes.template(condition.format(n=len(node.input_item_list)), operand_number)
        query.set("having", exp.Having(this=wanted))
    outer = low.label()
    return low.source(nodes.derived(query, outer), outer, outputs)


def is_collated(annotations: Any) -> bool:
    """Whether the AnnotationMapProto of a type says that a string in it has a collation."""
    parts = [annotations.array_element] if annotations.HasField("array_element") else []
    return bool(annotations.annotations) or any(map(is_collated, [*parts, *annotations.struct_fields]))


def set_item(low: Lowering, item: Any, outputs: list[int]) -> exp.Select:
    """An operand as a SELECT whose columns have the labels of the operation's."""
    return _labelled(_operand(low, item), item, outputs)


def _operand(low: Lowering, item: Any) -> Relation:
    relation = low.relation(item.scan)
    return low.closed(relation) if relation.stage >= Stage.ORDERED or relation.ctes else relation


def _labelled(relation: Relation, item: Any, outputs: list[int]) -> exp.Select:
    own = [c.column_id for c in item.output_column_list]
    if not outputs:
        return relation.finish([])
    return relation.select([(i, f"k{output}") for i, output in zip(own, outputs, strict=True)])


def with_scan(low: Lowering, node: Any) -> Relation:
    """WITH: each entry a common table expression under a label of its own."""
    ctes = [with_entry(low, entry) for entry in node.with_entry_list]
    relation = low.relation(node.query)
    relation.ctes = ctes + relation.ctes
    relation.recursive = relation.recursive or node.recursive
    return relation


def with_entry(low: Lowering, entry: Any) -> exp.CTE:
    scan = unwrap(entry.with_subquery)
    columns = [c.column_id for c in get(scan, "column_list")]
    label = low.label()
    low.ctes[entry.with_query_name] = (label, columns)
    if node_name(scan) == "ResolvedRecursiveScan":
        query = recursive_query(low, scan, label)
    else:
        query = low.select(low.relation(scan), list(dict.fromkeys(columns)))
    cte = exp.CTE(this=query, alias=exp.TableAlias(this=nodes.name(label)))
    low.cte_nodes[label] = cte
    return cte


def with_ref_scan(low: Lowering, node: Any) -> Relation:
    entry = low.ctes.get(node.with_query_name)
    if entry is None:
        raise Unsupported(f"WITH reference {node.with_query_name}")
    return _reference(low, node, *entry)


def _reference(low: Lowering, node: Any, cte: str, columns: list[int]) -> Relation:
    label = low.label()
    source = exp.Table(this=nodes.name(cte), alias=exp.TableAlias(this=nodes.name(label)))
    own = [c.column_id for c in node.parent.column_list]
    return Relation(source, {i: (label, f"k{inner}") for i, inner in zip(own, columns, strict=True)})


def recursive_query(low: Lowering, node: Any, label: str) -> exp.Expression:
    if node.HasField("recursion_depth_modifier"):
        raise Unsupported("WITH RECURSIVE … WITH DEPTH")
    outputs = [c.column_id for c in node.parent.column_list]
    distinct = node.op_type == 1
    low.recursion.append((label, outputs, not distinct))
    start = set_item(low, node.non_recursive_term, outputs)
    relation = _operand(low, node.recursive_term)
    if DEPTH in relation.hidden:
        depth = relation.hidden[DEPTH]
        relation.where.append(nodes.template(_LIMIT, place_node(depth)))
        step = _labelled(relation, node.recursive_term, outputs)
        start.append("expressions", nodes.alias(nodes.raw("0"), DEPTH))
        step.append("expressions", nodes.alias(nodes.template("({0} + 1)", place_node(depth)), DEPTH))
    else:
        step = _labelled(relation, node.recursive_term, outputs)
    low.recursion.pop()
    return exp.Union(this=start, expression=step, distinct=distinct)


def recursive_ref_scan(low: Lowering, node: Any) -> Relation:
    cte, columns, counted = low.recursion[-1]
    relation = _reference(low, node, cte, columns)
    if counted:
        relation.hidden = {DEPTH: (relation.source.alias, DEPTH)}
    return relation


def recursive_scan(low: Lowering, node: Any) -> Relation:
    """A recursion that is not itself an entry of WITH."""
    label, outputs = low.label(), [c.column_id for c in node.parent.column_list]
    cte = exp.CTE(this=recursive_query(low, node, label), alias=exp.TableAlias(this=nodes.name(label)))
    relation = _reference(low, node, label, outputs)
    relation.ctes, relation.recursive = [cte], True
    return relation


SCANS = {
    "ResolvedRecursiveScan": recursive_scan,
    "ResolvedSetOperationScan": set_operation_scan,
    "ResolvedWithScan": with_scan,
    "ResolvedWithRefScan": with_ref_scan,
    "ResolvedRecursiveRefScan": recursive_ref_scan,
}
