"""LIKE ANY, LIKE SOME and LIKE ALL over lists and arrays, and their NOT forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import NOT_LITERAL, FunctionCall, Unsupported, fn
from bqsim.types import BYTES, STRING, TypeKind

# Value, pattern and what is known of the pattern → whether they match.
Test = Callable[[exp.Expression, exp.Expression, Any], exp.Expression]

# By function: whether one match decides (ANY), and whether each test is negated.
QUANTIFIED: dict[str, tuple[bool, bool]] = {
    f"${negated}like_{quantifier}{array}": (quantifier == "any", bool(negated))
    for negated in ("", "not_")
    for quantifier in ("any", "all")
    for array in ("", "_array")
}


def quantified(call: FunctionCall, test: Test) -> exp.Expression:
    """A quantified LIKE by the test of one pattern; NULL counts as in AND and OR."""
    any_of, negated = QUANTIFIED[call.name]

    def one(value: exp.Expression, pattern: exp.Expression, known: Any) -> exp.Expression:
        match = test(value, pattern, known)
        return nodes.template("(NOT {0})", match) if negated else match

    if not call.name.endswith("_array"):
        patterns = zip(call.args[1:], call.literals[1:], strict=True)
        tests = [one(call.args[0], pattern, known) for pattern, known in patterns]
        return nodes.joined("(", " OR " if any_of else " AND ", tests, ")")
    decides, otherwise = ("true", "false") if any_of else ("false", "true")
    # Value and patterns stand outside of the lambdas, which take no subquery.
    given = nodes.joined("{v: ", ", p: ", list(call.args), "}")
    return nodes.template(
        "list_transform(list_transform([{0}], lambda s: list_transform(s.p, lambda e: {1})), "
        f"lambda b: CASE WHEN list_contains(b, {decides}) THEN {decides} "
        f"WHEN list_count(b) < len(b) THEN NULL ELSE {otherwise} END)[1]",
        given,
        one(nodes.raw("s.v"), nodes.raw("e"), NOT_LITERAL),
    )


def _plain(call: FunctionCall) -> exp.Expression:
    from . import scalar_function

    element = call.types[0]
    row = scalar_function("$like", (element, element))
    if row is None:
        raise Unsupported(f"LIKE of {element}")
    boolean = call.result

    def test(value: exp.Expression, pattern: exp.Expression, known: Any) -> exp.Expression:
        literals = (call.literals[0], known)
        inner = FunctionCall("$like", [value, pattern], (element, element), boolean, literals, call.context)
        return nodes.joined("(", "", [row.lower(inner)], ")")

    return quantified(call, test)


FUNCTIONS = [
    row
    for name in QUANTIFIED
    for type_ in (STRING, BYTES)
    for row in (
        fn(name, (type_, TypeKind.ARRAY), build=_plain)
        if name.endswith("_array")
        else fn(name, (type_, type_), build=_plain, repeated=type_),
    )
]
