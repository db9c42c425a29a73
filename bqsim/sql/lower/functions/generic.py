"""Functions of no one type: types, the caller, identifiers, errors; and buckets of time."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import ANY, FunctionCall, fn
from bqsim.types import DATE, DATETIME, INTERVAL, TIMESTAMP


def _typeof(call: FunctionCall) -> exp.Expression:
    return nodes.text(str(call.types[0]))


def _session_user(call: FunctionCall) -> exp.Expression:
    call.context.shared.deterministic = False
    return nodes.text(call.context.ctx.caller)


def _generate_uuid(call: FunctionCall) -> exp.Expression:
    call.context.shared.deterministic = False
    return nodes.raw("CAST(uuid() AS VARCHAR)")


def _bucket(macro: str, origin: str) -> Callable[[FunctionCall], exp.Expression]:
    def build(call: FunctionCall) -> exp.Expression:
        begin = call.args[2] if len(call.args) > 2 else nodes.raw(origin)
        return nodes.call(macro, call.args[0], call.args[1], begin)

    return build


_BUCKETS = (
    (DATE, "bq_date_bucket", "DATE '1950-01-01'"),
    (DATETIME, "bq_datetime_bucket", "TIMESTAMP '1950-01-01'"),
    (TIMESTAMP, "bq_timestamp_bucket", "TIMESTAMP '1950-01-01'"),
)

FUNCTIONS = [
    fn("typeof", (ANY,), build=_typeof),
    fn("session_user", (), build=_session_user),
    fn("generate_uuid", (), build=_generate_uuid),
    *(
        fn(f"{name}_bucket", (type_, INTERVAL, type_), optional=1, build=_bucket(macro, origin))
        for name in ("date", "datetime", "timestamp")
        for type_, macro, origin in _BUCKETS
    ),
]
