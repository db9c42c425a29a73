"""Conditions that let the engine join by bounds before it looks at two GEOGRAPHY values.

A join on a spatial predicate gets, beside the predicate, comparisons of the values' bounds along the axes of
the sphere's space: these are inequalities between the two sides, which the engine joins by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.sql.googlesql.resolved import unwrap, walk

from . import nodes

if TYPE_CHECKING:
    from .lowering import Lowering

# Predicates that hold only of values whose bounds meet.
_MEETING = frozenset(
    f"ZetaSQL:st_{name}"
    for name in ("contains", "coveredby", "covers", "equals", "intersects", "touches", "within", "dwithin")
)
_EARTH_RADIUS = 6371010.0
# More than the rounding of bounds.
_ROUNDING = 1e-9

# Numbers of the lowest and the highest z, x and y.
_AXES = ((4, 5), (0, 1), (2, 3))


def bounds_conditions(low: Lowering, condition: Any, *scans: Any) -> list[exp.Expression]:
    """What the spatial predicates in a conjunction imply of their arguments' bounds.

    ``scans`` are what the condition filters: a predicate on two of the scans that they join is of use.
    """
    calls = [call for call in _conjuncts(unwrap(condition)) if call.function.name in _MEETING]
    if not calls:
        return []
    leaves = {
        column.column_id: number
        for number, leaf in enumerate(leaf for scan in scans for leaf in _leaves(unwrap(scan)))
        for column in leaf.parent.column_list
    }
    found: list[exp.Expression] = []
    for call in calls:
        found += _of_call(low, call, leaves)
    return found


def _leaves(scan: Any) -> list[Any]:
    """The scans that a tree of joins is of."""
    if scan.DESCRIPTOR.name != "ResolvedJoinScanProto":
        return [scan]
    return _leaves(unwrap(scan.left_scan)) + _leaves(unwrap(scan.right_scan))


def _conjuncts(node: Any) -> list[Any]:
    if node.DESCRIPTOR.name != "ResolvedFunctionCallProto":
        return []
    call = node.parent
    if call.function.name == "ZetaSQL:$and":
        return [found for argument in call.argument_list for found in _conjuncts(unwrap(argument))]
    return [call]


def _of_call(low: Lowering, call: Any, leaves: dict[int, int]) -> list[exp.Expression]:
    arguments = [unwrap(argument) for argument in call.argument_list]
    sides = [_sides(argument, leaves) for argument in arguments[:3]]
    if not sides[0] or not sides[1] or sides[0] & sides[1]:
        return []
    first, second = (low.expression(argument) for argument in arguments[:2])
    reach: Any = nodes.raw(repr(_ROUNDING))
    on_first = True
    if len(arguments) > 2:
        if sides[2] is None or not (sides[2] <= sides[0] or sides[2] <= sides[1]):
            return []
        on_first = sides[2] <= sides[0]
        reach = nodes.template(f"({{0}} / {_EARTH_RADIUS!r} + {_ROUNDING!r})", low.expression(arguments[2]))
    found = []
    for lowest, highest in _AXES:
        for a, b, widened in ((first, second, on_first), (second, first, not on_first)):
            text = f"(bq_geo_bound({{0}}, {lowest}) - {{2}} <= bq_geo_bound({{1}}, {highest}))"
            if not widened:
                text = f"(bq_geo_bound({{0}}, {lowest}) <= bq_geo_bound({{1}}, {highest}) + {{2}})"
            found.append(nodes.template(text, a, b, reach))
    return found


def _sides(node: Any, leaves: dict[int, int]) -> frozenset[int] | None:
    """The scans of whose columns an expression is made; None when that cannot be told."""
    found = set()
    for inner in walk(node):
        if "Subquery" in inner.DESCRIPTOR.name:
            return None
        if inner.DESCRIPTOR.name == "ResolvedColumnRefProto":
            number = leaves.get(inner.column.column_id)
            if number is None:
                return None
            found.add(number)
    return frozenset(found)
