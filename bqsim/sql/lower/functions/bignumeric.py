"""Functions on BIGNUMERIC."""

from __future__ import annotations

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import ANY, Function, FunctionCall, Unsupported, fn
from bqsim.types import INT64, STRING, Type, TypeKind

BIGNUMERIC = Type(TypeKind.BIGNUMERIC)
_ONE = "bq_cast_int64_to_bignumeric(1::BIGINT)"
_HALF_AWAY = "ROUND_HALF_AWAY_FROM_ZERO"
_OPERATORS = ("add", "subtract", "multiply", "divide")
_UNARY = ("abs", "sign", "ceil", "floor", "sqrt", "cbrt", "ln", "log10", "exp")


def _round(call: FunctionCall) -> exp.Expression:
    mode = call.literals[2]
    if not isinstance(mode, str) or not mode.startswith("ROUND_HALF_"):
        raise Unsupported("ROUND with a computed rounding mode")
    return nodes.template(f"bq_round_bignumeric({{0}}, {{1}}, '{mode}')", call.args[0], call.args[1])


def _sequence(call: FunctionCall) -> exp.Expression:
    step = call.args[2] if len(call.args) > 2 else nodes.raw(_ONE)
    return nodes.call("bq_generate_bignumeric", call.args[0], call.args[1], step)


B = BIGNUMERIC
FUNCTIONS: list[Function] = [
    *(fn(f"${name}", (B, B), sql=f"bq_bignumeric_{name}({{0}}, {{1}})") for name in _OPERATORS),
    *(fn(f"safe_{name}", (B, B), sql=f"bq_safe_{name}_bignumeric({{0}}, {{1}})") for name in _OPERATORS),
    fn("$unary_minus", (B,), sql="bq_bignumeric_negate({0})"),
    fn("safe_negate", (B,), sql="bq_safe_negate_bignumeric({0})"),
    *(fn(name, (B,), sql=f"bq_{name}_bignumeric({{0}})") for name in _UNARY),
    fn("log", (B,), sql="bq_ln_bignumeric({0})"),
    fn("log", (B, B), sql="bq_log_bignumeric({0}, {1})"),
    fn("pow", (B, B), sql="bq_pow_bignumeric({0}, {1})"),
    fn("div", (B, B), sql="bq_div_bignumeric({0}, {1})"),
    fn("mod", (B, B), sql="bq_mod_bignumeric({0}, {1})"),
    fn("round", (B,), sql=f"bq_round_bignumeric({{0}}, 0, '{_HALF_AWAY}')"),
    fn("round", (B, INT64), sql=f"bq_round_bignumeric({{0}}, {{1}}, '{_HALF_AWAY}')"),
    fn("round", (B, INT64, ANY), build=_round),
    fn("trunc", (B,), sql="bq_trunc_bignumeric({0}, 0)"),
    fn("trunc", (B, INT64), sql="bq_trunc_bignumeric({0}, {1})"),
    fn("parse_bignumeric", (STRING,), sql="bq_parse_bignumeric({0})"),
    fn("generate_array", (B, B, B), optional=1, build=_sequence),
]
