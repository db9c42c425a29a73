"""Arithmetic operators: INT64 and NUMERIC fail on overflow, FLOAT64 when finite operands give infinity
or NaN.
"""

from __future__ import annotations

from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.googlesql.resolved import unwrap
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import NOT_LITERAL, FunctionCall, fn
from bqsim.types import FLOAT64, INT64, NUMERIC

# The engine's kernel and operator by function.
FLOATS = {
    "$add": ("bq_float_add", "+"),
    "$subtract": ("bq_float_subtract", "-"),
    "$multiply": ("bq_float_multiply", "*"),
    "$divide": ("bq_float_divide", "/"),
}
# Pieces of an expression up to which repeating it costs less than a kernel's call.
CHEAP = 40


# The same for products, whose kernel costs more.
SHORT = 120

# Most factors have at most four fraction digits and nine others: their product is the engine's own, exactly.
# The engine multiplies two decimals of 18 digits in 64 bits, where such products overflow, so one is wider.
_NARROW = "TRY_CAST(TRY_CAST({%d} AS DECIMAL(18,9)) AS DECIMAL(18,4))"
_LEFT, _RIGHT = _NARROW % 0, _NARROW % 1
_PRODUCT = (
    f"(CASE WHEN {_LEFT} = {{0}} AND {_RIGHT} = {{1}} THEN CAST({_LEFT} AS DECIMAL(38,5)) * {_RIGHT}"
    " WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN bq_numeric_multiply({0}, {1}) END)"
)


def size(node: Any, most: int = CHEAP) -> int:
    """The number of pieces of an expression, counted up to ``most``; subqueries count as too many."""
    if node.__class__ is str:
        return 0
    if node.__class__ is exp.Column:
        return 1
    if node.__class__ is not exp.Block:
        return most + 1
    total = 1
    for part in node.args["expressions"]:
        total += size(part, most)
        if total > most:
            break
    return total


def _float(call: FunctionCall) -> exp.Expression:
    """A FLOAT64 operation: the engine's own when its value is finite, else the kernel that knows why it
    is not.

    A tree of operations is tested once, at its root. A divisor is tested by itself: infinity hides in a
    quotient.
    """
    kernel, operator = FLOATS[call.name]
    known: dict[int, tuple[Any, Any, Any]] = call.context.floats
    left, right = call.args
    left_raw, left_exact = _parts(known, left)
    right_raw, right_exact = _parts(known, right) if operator != "/" else (right, right)
    exact = nodes.call(kernel, left_exact, right_exact)
    raw = nodes.binary(left_raw, operator, right_raw)
    if size(raw) > CHEAP:
        return exact
    checked = nodes.template("(CASE WHEN isfinite({0}) THEN {0} ELSE {1} END)", raw, exact)
    known[id(checked)] = (checked, raw, exact)
    return checked


def _parts(known: dict[int, tuple[Any, Any, Any]], node: Any) -> tuple[Any, Any]:
    found = known.get(id(node))
    return (found[1], found[2]) if found else (node, node)


def _numeric_multiply(call: FunctionCall) -> exp.Expression:
    """A product with an integer keeps the scale and is the engine's own."""
    left, right = call.args
    items = [unwrap(a) for a in call.node.parent.argument_list]
    for value, item, known in ((left, items[1], call.literals[1]), (right, items[0], call.literals[0])):
        if known is not NOT_LITERAL and known is not None and known == int(known) and abs(known) < 10**18:
            return nodes.template(f"({{0}} * CAST({int(known)} AS DECIMAL(18,0)))", value)
        if item.DESCRIPTOR.name == "ResolvedCastProto" and not item.return_null_on_error:
            inner = unwrap(item.expr)
            if call.context.type(inner) == INT64:
                whole = call.context.expression(inner)
                return nodes.template("({0} * CAST({1} AS DECIMAL(19,0)))", value, whole)
    if size(left, SHORT) + size(right, SHORT) > SHORT:
        return nodes.call("bq_numeric_multiply", left, right)
    return nodes.template(_PRODUCT, left, right)


FUNCTIONS = [
    fn("$add", (INT64, INT64), sql="({0} + {1})"),
    fn("$subtract", (INT64, INT64), sql="({0} - {1})"),
    fn("$multiply", (INT64, INT64), sql="({0} * {1})"),
    fn("$unary_minus", (INT64,), sql="(0::BIGINT - {0})"),
    fn("$add", (NUMERIC, NUMERIC), sql="({0} + {1})"),
    fn("$subtract", (NUMERIC, NUMERIC), sql="({0} - {1})"),
    fn("$multiply", (NUMERIC, NUMERIC), build=_numeric_multiply),
    fn("$divide", (NUMERIC, NUMERIC), sql="bq_numeric_divide({0}, {1})"),
    fn("$unary_minus", (NUMERIC,), sql="(- {0})"),
    *(fn(name, (FLOAT64, FLOAT64), build=_float) for name in FLOATS),
    fn("$unary_minus", (FLOAT64,), sql="(- {0})"),
]
