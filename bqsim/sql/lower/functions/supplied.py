"""Scalar and aggregate functions that need Google's services: answered by what a user supplies."""

from __future__ import annotations

import json
from typing import Any

from sqlglot import expressions as exp

from bqsim.engine.external import SUPPLIED, SuppliedCall
from bqsim.engine.external.values import engine_structure, from_hex
from bqsim.engine.kernels.external import kernel_name
from bqsim.errors import invalid_query
from bqsim.sql.googlesql.ml_signatures import AI
from bqsim.sql.googlesql.opaque import AGGREGATE, SCALAR
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import AggregateCall, FunctionCall, aggregate, fn
from bqsim.sql.lower.types import engine_type
from bqsim.types import Type, array_of


def supplied(call: FunctionCall | AggregateCall, args: list[exp.Expression], types: list[Type]) -> Any:
    """The call of what answers a function; ``invalid_query`` when nothing is supplied."""
    low, name = call.context, call.name.upper()
    answer = low.analyzed.answers.find(name) if low.analyzed.answers is not None else None
    if answer is None or not answer.is_scalar:
        raise invalid_query(
            f"{name} is not supported by bqsim unless its answers are supplied "
            f"(sim.answers.supply('{name}', ...))"
        )
    low.shared.deterministic = False
    base = call.node.parent if isinstance(call, FunctionCall) else call.node.parent.parent
    names = [a.options.argument_name or f"arg{i}" for i, a in enumerate(base.signature.argument, 1)]
    given = [i for i in range(len(args)) if call.literals[i] is not None or i == 0]
    arguments = tuple((names[i] if i < len(names) else f"arg{i + 1}", types[i]) for i in given)
    key = SUPPLIED.put(SuppliedCall(name, arguments, call.result, answer.of_batch))
    value = nodes.call(kernel_name("supplied", call.result.kind), nodes.text(key), *(args[i] for i in given))
    return from_engine(value, call.result)


def from_engine(value: exp.Expression, type_: Type) -> exp.Expression:
    """The value of a kernel's result: ARRAYs and STRUCTs come back as JSON."""
    if not (type_.is_array or type_.is_struct):
        return value
    parsed = nodes.template("from_json({0}, {1})", value, nodes.text(json.dumps(engine_structure(type_))))
    made = from_hex("v", type_)
    if made != "v":
        parsed = nodes.template(f"list_transform([{{0}}], lambda v: {made})[1]", parsed)
    return nodes.template(f"CAST({{0}} AS {engine_type(type_)})", parsed)


def _scalar(call: FunctionCall) -> exp.Expression:
    made: exp.Expression = supplied(call, call.args, list(call.types))
    return made


def _aggregate(call: AggregateCall) -> exp.Expression:
    """Of the list of the group's values."""
    values = call.apply("list", call.args[0])
    types = [array_of(call.types[0]), *call.types[1:]]
    made: exp.Expression = supplied(call, [values, *call.args[1:]], types)
    return made


FUNCTIONS = [fn(row.name, (), build=_scalar, repeated=True) for row in AI if row.mode == SCALAR]
AGGREGATES = [
    aggregate(row.name, (None,) * 5, build=_aggregate, optional=4, window=False)
    for row in AI
    if row.mode == AGGREGATE
]
