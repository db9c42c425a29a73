"""Mathematical functions, bit counting, random values."""

from __future__ import annotations

from decimal import Decimal

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import ANY, NOT_LITERAL, Function, FunctionCall, Unsupported, fn
from bqsim.types import FLOAT64, INT64, NUMERIC, STRING, Type, TypeKind, array_of, struct_of

K = TypeKind
_ORDERED = (
    K.INT64, K.FLOAT64, K.NUMERIC, K.BIGNUMERIC, K.BOOL, K.STRING, K.BYTES,
    K.DATE, K.TIME, K.DATETIME, K.TIMESTAMP,
)  # fmt: skip
_PLAIN_FLOAT = (
    "sin",
    "cos",
    "tan",
    "atan",
    "tanh",
    "asinh",
    "cbrt",
    "ceil",
    "floor",
    "abs",
    "round",
    "trunc",
)
_CHECKED_FLOAT = (
    "exp", "ln", "log10", "sqrt", "acos", "asin", "acosh", "atanh", "cosh", "sinh",
    "csc", "sec", "cot", "csch", "sech", "coth",
)  # fmt: skip
_VECTOR = array_of(FLOAT64)
_SPARSE = tuple(
    (array_of(struct_of(("key", key), ("value", FLOAT64))), name)
    for key, name in ((INT64, "bigint"), (STRING, "varchar"))
)
_HALF_AWAY = "ROUND_HALF_AWAY_FROM_ZERO"
# GoogleSQL's own logarithms lose digits for bases next to 1.
_NEAR_ONE = Decimal("0.001")


def _extreme(call: FunctionCall) -> exp.Expression:
    """GREATEST and LEAST: NULL when any argument is NULL, NaN when any is NaN."""
    unknown = [i for i, value in enumerate(call.literals) if value is NOT_LITERAL or value is None]
    result = nodes.joined(f"{call.name}(", ", ", list(call.args), ")")
    whens: list[tuple[exp.Expression, exp.Expression]] = []
    if unknown:
        nulls = [nodes.template("{0} IS NULL", call.args[i]) for i in unknown]
        whens.append((nodes.joined("", " OR ", nulls, ""), nodes.null()))
    if call.result.kind is K.FLOAT64:
        nans = [nodes.template("isnan({0})", a) for a in call.args]
        whens.append((nodes.joined("", " OR ", nans, ""), nodes.raw("'nan'::DOUBLE")))
    return nodes.joined("(", "", [nodes.case(whens, result)], ")") if whens else result


def _pow_numeric(call: FunctionCall) -> exp.Expression:
    exponent = call.literals[1]
    if not isinstance(exponent, Decimal) or exponent != exponent.to_integral_value():
        raise Unsupported("POW of NUMERIC with an exponent that is no whole literal")
    return nodes.template("bq_pow_numeric({0}, {1})", *call.args)


def _log_numeric(call: FunctionCall) -> exp.Expression:
    base = call.literals[1]
    if not isinstance(base, Decimal) or abs(base - 1) < _NEAR_ONE:
        raise Unsupported("LOG of NUMERIC with a base that is no literal, or close to 1")
    return nodes.template("bq_log_numeric({0}, {1})", *call.args)


def _cut_numeric(call: FunctionCall) -> exp.Expression:
    """ROUND and TRUNC to digits; the engine's own need a literal count that leaves a scale of 0 to 8."""
    digits = call.literals[1]
    if isinstance(digits, int) and 0 <= digits < 9:
        cut = nodes.template(f"{call.name}({{0}}, {digits})", call.args[0])
        return nodes.template(
            f"bq_numeric_fit({{0}}, '{call.name.upper()}', {{1}}, ', {digits}')", cut, call.args[0]
        )
    mode = f", '{_HALF_AWAY}'" if call.name == "round" else ""
    return nodes.template(f"bq_{call.name}_numeric({{0}}, {{1}}{mode})", *call.args)


def _round_numeric_mode(call: FunctionCall) -> exp.Expression:
    mode = call.literals[2]
    if not isinstance(mode, str) or not mode.startswith("ROUND_HALF_"):
        raise Unsupported("ROUND with a computed rounding mode")
    return nodes.template(f"bq_round_numeric({{0}}, {{1}}, '{mode}')", call.args[0], call.args[1])


def _whole_division(call: FunctionCall) -> exp.Expression:
    """DIV and MOD of INT64: the engine's operator when the divisor is a literal that cannot fail."""
    operator = {"div": "//", "mod": "%"}[call.name]
    if call.literals[1] in (NOT_LITERAL, None, 0, -1):
        return nodes.template(f"bq_{call.name}_int64({{0}}, {{1}})", *call.args)
    return nodes.template(f"({{0}} {operator} {{1}})", *call.args)


def _rand(call: FunctionCall) -> exp.Expression:
    call.context.shared.deterministic = False
    return nodes.raw("random()")


def _safe_arithmetic() -> list[Function]:
    """SAFE_ADD and the like catch their own overflow, not the failures of their arguments."""
    rows = []
    for name, operator in (("safe_add", "+"), ("safe_subtract", "-"), ("safe_multiply", "*")):
        rows += [
            fn(
                name,
                (INT64, INT64),
                sql=f"TRY_CAST(CAST({{0}} AS HUGEINT) {operator} CAST({{1}} AS HUGEINT) AS BIGINT)",
            ),
            fn(name, (FLOAT64, FLOAT64), sql=f"bq_finite_or_null({{0}} {operator} {{1}}, {{0}}, {{1}})"),
        ]
    return rows


def _one(name: str, type_: Type, sql: str) -> Function:
    return fn(name, (type_,), sql=sql)


FUNCTIONS: list[Function] = [
    *[_one(name, FLOAT64, f"{name}({{0}})") for name in _PLAIN_FLOAT],
    *[_one(name, FLOAT64, f"bq_{name}({{0}})") for name in _CHECKED_FLOAT],
    _one("log", FLOAT64, "bq_ln({0})"),
    _one("sign", FLOAT64, "bq_sign_float64({0})"),
    fn("log", (FLOAT64, FLOAT64), sql="bq_log({0}, {1})"),
    fn("pow", (FLOAT64, FLOAT64), sql="bq_pow({0}, {1})"),
    fn("atan2", (FLOAT64, FLOAT64), sql="atan2({0}, {1})"),
    fn("round", (FLOAT64, INT64), sql="bq_round_float64({0}, {1})"),
    fn("trunc", (FLOAT64, INT64), sql="bq_trunc_float64({0}, {1})"),
    fn("ieee_divide", (FLOAT64, FLOAT64), sql="bq_ieee_divide({0}, {1})"),
    fn("safe_divide", (FLOAT64, FLOAT64), sql="bq_safe_divide({0}, {1})"),
    fn("safe_negate", (FLOAT64,), sql="(- {0})"),
    _one("abs", INT64, "bq_abs_int64({0})"),
    _one("sign", INT64, "CAST(sign({0}) AS BIGINT)"),
    _one("bit_count", INT64, "CAST(bit_count({0}) AS BIGINT)"),
    fn("div", (INT64, INT64), build=_whole_division),
    fn("mod", (INT64, INT64), build=_whole_division),
    fn("safe_negate", (INT64,), sql="TRY_CAST(- CAST({0} AS HUGEINT) AS BIGINT)"),
    *_safe_arithmetic(),
    _one("abs", NUMERIC, "abs({0})"),
    _one("sign", NUMERIC, "CAST(sign({0}) AS DECIMAL(38,9))"),
    _one("ceil", NUMERIC, "bq_numeric_fit(ceil({0}), 'CEIL', {0}, '')"),
    _one("floor", NUMERIC, "bq_numeric_fit(floor({0}), 'FLOOR', {0}, '')"),
    _one("round", NUMERIC, "bq_numeric_fit(round({0}), 'ROUND', {0}, ', 0')"),
    _one("trunc", NUMERIC, "CAST(trunc({0}) AS DECIMAL(38,9))"),
    fn("round", (NUMERIC, INT64), build=_cut_numeric),
    fn("round", (NUMERIC, INT64, ANY), build=_round_numeric_mode),
    fn("trunc", (NUMERIC, INT64), build=_cut_numeric),
    *[_one(name, NUMERIC, f"bq_{name}_numeric({{0}})") for name in ("ln", "log10", "sqrt", "cbrt")],
    _one("log", NUMERIC, "bq_ln_numeric({0})"),
    fn("log", (NUMERIC, NUMERIC), build=_log_numeric),
    fn("pow", (NUMERIC, NUMERIC), build=_pow_numeric),
    fn("div", (NUMERIC, NUMERIC), sql="bq_div_numeric({0}, {1})"),
    fn("mod", (NUMERIC, NUMERIC), sql="bq_mod_numeric({0}, {1})"),
    fn("safe_add", (NUMERIC, NUMERIC), sql="bq_safe_add_numeric({0}, {1})"),
    fn("safe_subtract", (NUMERIC, NUMERIC), sql="bq_safe_add_numeric({0}, - {1})"),
    fn("safe_multiply", (NUMERIC, NUMERIC), sql="bq_safe_multiply_numeric({0}, {1})"),
    fn("safe_divide", (NUMERIC, NUMERIC), sql="bq_safe_divide_numeric({0}, {1})"),
    fn("safe_negate", (NUMERIC,), sql="(- {0})"),
    fn("parse_numeric", (STRING,), sql="bq_parse_numeric({0})"),
    fn("greatest", (_ORDERED,), build=_extreme, repeated=_ORDERED),
    fn("least", (_ORDERED,), build=_extreme, repeated=_ORDERED),
    fn("range_bucket", (FLOAT64, array_of(FLOAT64)), sql="bq_range_bucket_float64({0}, {1})"),
    fn("range_bucket", (_ORDERED, ANY), sql="bq_range_bucket({0}, {1})"),
    fn("cosine_distance", (_VECTOR, _VECTOR), sql="bq_cosine_distance({0}, {1})"),
    fn("euclidean_distance", (_VECTOR, _VECTOR), sql="bq_euclidean_distance({0}, {1})"),
    *(
        fn(f"{name}_distance", (vector, vector), sql=f"bq_{name}_distance_by_{key}({{0}}, {{1}})")
        for name in ("cosine", "euclidean")
        for vector, key in _SPARSE
    ),
    fn("rand", (), build=_rand),
    fn("pi", (), sql="pi()"),
]
