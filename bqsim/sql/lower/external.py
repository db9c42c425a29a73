"""Calls of JavaScript and remote functions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlglot import expressions as exp

from bqsim.engine.external import CALLS, FUNCTIONS, JAVASCRIPT, REMOTE, Call, Function
from bqsim.engine.external.values import engine_structure, from_hex
from bqsim.engine.kernels.external import kernel_name
from bqsim.sql.googlesql.routines import EXTERNAL_GROUP

from . import nodes
from .types import engine_type

if TYPE_CHECKING:
    from .lowering import Lowering

_PREFIX = f"{EXTERNAL_GROUP}_"


def is_external(group: str) -> bool:
    """Whether the group in a function's name is that of external functions."""
    return group.startswith(_PREFIX)


def external_call(low: Lowering, name: str, args: list[exp.Expression]) -> exp.Expression:
    """The call of an external function by its ``group:name``; those of an aggregate one are lists of the
    group's values, and single values where they are NOT AGGREGATE.
    """
    group, _, path = name.partition(":")
    function = FUNCTIONS.get(group.removeprefix(_PREFIX))
    if not function.deterministic:
        low.shared.deterministic = False
    call = Call(
        function,
        _shown_name(low, group, path, function),
        tuple(map(low.ctx.library, function.libraries)) if low.ctx.library else (),
        low.ctx.now_us,
        low.ctx.caller,
        low.ctx.job,
        low.ctx.cancelled,
    )
    kernel = kernel_name(function.language, function.returns.kind)
    value = nodes.call(kernel, nodes.text(CALLS.put(call)), *args)
    if not (function.returns.is_array or function.returns.is_struct):
        return value
    structure = json.dumps(engine_structure(function.returns))
    parsed = nodes.template("from_json({0}, {1})", value, nodes.text(structure))
    made = from_hex("v", function.returns)
    if made != "v":
        parsed = nodes.template(f"list_transform([{{0}}], lambda v: {made})[1]", parsed)
    return nodes.template(f"CAST({{0}} AS {engine_type(function.returns)})", parsed)


def calls_external(sql: str) -> bool:
    """Whether engine SQL calls an external function: it holds only while the call is registered."""
    return any(f"bq_{language}_" in sql for language in (JAVASCRIPT, REMOTE))


def not_aggregated(name: str) -> frozenset[int]:
    """The positions of the NOT AGGREGATE arguments of an aggregate function by its ``group:name``."""
    function = FUNCTIONS.get(name.partition(":")[0].removeprefix(_PREFIX))
    return frozenset(i for i, a in enumerate(function.arguments) if not a.aggregate)


def _shown_name(low: Lowering, group: str, path: str, function: Function) -> str:
    """How errors name a function: temporary ones as the query does, others by their order in it."""
    if function.temporary:
        return path
    known = low.shared.persistent
    return f"UDF${known.setdefault(group, len(known) + 1)}"
