"""Functions on STRING."""

from __future__ import annotations

from typing import Any

from sqlglot import expressions as exp

from bqsim.errors import invalid_query
from bqsim.sql.googlesql.errors import CASE_INSENSITIVE, bad_collation
from bqsim.sql.lower import nodes
from bqsim.sql.lower.casts import cast_value
from bqsim.sql.lower.registry import ANY, NOT_LITERAL, Function, FunctionCall, Unsupported, fn
from bqsim.types import BYTES, INT64, STRING, Type, TypeKind

# Kinds whose values CONTAINS_SUBSTR searches as their text.
_SEARCHED = (
    TypeKind.STRING, TypeKind.INT64, TypeKind.FLOAT64, TypeKind.NUMERIC, TypeKind.BOOL,
    TypeKind.DATE, TypeKind.TIME, TypeKind.DATETIME,
)  # fmt: skip
_INT64_MAX = (1 << 63) - 1


def concat(call: FunctionCall) -> exp.Expression:
    return nodes.joined("(", " || ", list(call.args), ")")


def _collate(call: FunctionCall) -> exp.Expression:
    """The value: its collation is in what is done with it."""
    name = call.literals[1]
    if name and name != CASE_INSENSITIVE:
        raise bad_collation(name)
    return call.args[0]


def _normalizer(macro: str) -> Any:
    def build(call: FunctionCall) -> exp.Expression:
        mode = call.literals[1] if len(call.args) > 1 else "NFC"
        if mode is NOT_LITERAL or not isinstance(mode, str):
            raise Unsupported(f"function {call.name} with a computed mode")
        return nodes.template(f"{macro}({{0}}, '{mode}')", call.args[0])

    return build


def _contains_substr(call: FunctionCall) -> exp.Expression:
    # json_scope, the third argument, matters for JSON only.
    if call.literals[1] is None:
        raise invalid_query("The search value literal cannot be NULL")
    return _contains(call.args[0], call.types[0], call.args[1])


def _contains(value: exp.Expression, type_: Type, part: exp.Expression, depth: int = 0) -> exp.Expression:
    """Whether a value, or any value within it, contains a text; NULLs make a miss unknown."""
    if type_.kind is TypeKind.STRUCT:
        fields = [
            _contains(nodes.template(f"struct_extract({{0}}, '_{i}')", value), field.type, part, depth)
            for i, field in enumerate(type_.fields, 1)
        ]
        return nodes.joined("(", " OR ", fields, ")")
    if type_.element is not None and type_.kind is TypeKind.ARRAY:
        item = f"e{depth}"
        inner = _contains(nodes.raw(item), type_.element, part, depth + 1)
        return nodes.template(f"bq_any(list_transform({{0}}, lambda {item}: {{1}}))", value, inner)
    if type_.kind not in _SEARCHED:
        raise Unsupported(f"CONTAINS_SUBSTR in {type_}")
    return nodes.template("bq_contains_substr({0}, {1})", cast_value(value, type_, STRING), part)


def _per_arity(name: str, macro: str, *, least: int, most: int) -> list[Function]:
    """Rows of a function whose optional arguments are optional in its macro too."""
    arguments = (STRING,) * most
    return [
        fn(name, arguments[:n], sql=f"{macro}({', '.join(f'{{{i}}}' for i in range(n))})")
        for n in range(least, most + 1)
    ]


FUNCTIONS: list[Function] = [
    fn("collate", (STRING, STRING), build=_collate),
    fn("ascii", (STRING,), sql="bq_ascii({0})"),
    fn("unicode", (STRING,), sql="bq_unicode({0})"),
    fn("chr", (INT64,), sql="bq_chr({0})"),
    fn("byte_length", (STRING,), sql="strlen({0})"),
    fn("char_length", (STRING,), sql="length({0})"),
    fn("length", (STRING,), sql="length({0})"),
    fn("concat", (STRING,), build=concat, repeated=STRING),
    fn("concat", (BYTES,), build=concat, repeated=BYTES),
    fn("$concat_op", (STRING, STRING), build=concat),
    fn("$concat_op", (BYTES, BYTES), build=concat),
    fn("starts_with", (STRING, STRING), sql="starts_with({0}, {1})"),
    fn("ends_with", (STRING, STRING), sql="suffix({0}, {1})"),
    fn("strpos", (STRING, STRING), sql="strpos({0}, {1})"),
    fn("instr", (STRING, STRING), sql="strpos({0}, {1})"),
    fn("instr", (STRING, STRING, INT64), sql="bq_instr({0}, {1}, {2}, 1)"),
    fn("instr", (STRING, STRING, INT64, INT64), sql="bq_instr({0}, {1}, {2}, {3})"),
    fn("left", (STRING, INT64), sql="bq_left({0}, {1})"),
    fn("right", (STRING, INT64), sql="bq_right({0}, {1})"),
    fn("substr", (STRING, INT64), sql="bq_substr({0}, {1})"),
    fn("substr", (STRING, INT64, INT64), sql="bq_substr({0}, {1}, {2})"),
    fn("upper", (STRING,), sql="bq_upper({0})"),
    fn("lower", (STRING,), sql="bq_lower({0})"),
    *_per_arity("initcap", "bq_initcap", least=1, most=2),
    *_per_arity("trim", "bq_trim", least=1, most=2),
    *_per_arity("ltrim", "bq_ltrim", least=1, most=2),
    *_per_arity("rtrim", "bq_rtrim", least=1, most=2),
    fn("lpad", (STRING, INT64), sql="bq_lpad({0}, {1}, ' ')"),
    fn("lpad", (STRING, INT64, STRING), sql="bq_lpad({0}, {1}, {2})"),
    fn("rpad", (STRING, INT64), sql="bq_rpad({0}, {1}, ' ')"),
    fn("rpad", (STRING, INT64, STRING), sql="bq_rpad({0}, {1}, {2})"),
    fn("repeat", (STRING, INT64), sql="bq_repeat({0}, {1})"),
    fn("replace", (STRING, STRING, STRING), sql="replace({0}, {1}, {2})"),
    fn("reverse", (STRING,), sql="bq_reverse({0})"),
    fn("split", (STRING,), sql="bq_split({0}, ',')"),
    fn("split", (STRING, STRING), sql="bq_split({0}, {1})"),
    fn("translate", (STRING, STRING, STRING), sql="bq_translate({0}, {1}, {2})"),
    fn("soundex", (STRING,), sql="bq_soundex({0})"),
    fn("edit_distance", (STRING, STRING), sql=f"bq_edit_distance({{0}}, {{1}}, {_INT64_MAX})"),
    fn("edit_distance", (STRING, STRING, INT64), sql="bq_edit_distance({0}, {1}, {2})"),
    fn("edit_distance", (BYTES, BYTES), sql=f"bq_bytes_edit_distance({{0}}, {{1}}, {_INT64_MAX})"),
    fn("edit_distance", (BYTES, BYTES, INT64), sql="bq_bytes_edit_distance({0}, {1}, {2})"),
    fn("normalize", (STRING, ANY), build=_normalizer("bq_normalize"), optional=1),
    fn("normalize_and_casefold", (STRING, ANY), build=_normalizer("bq_normalize_and_casefold"), optional=1),
    fn("to_code_points", (STRING,), sql="bq_to_code_points({0})"),
    fn("code_points_to_string", (TypeKind.ARRAY,), sql="bq_code_points_to_string({0})"),
    fn("contains_substr", (ANY, STRING, STRING), build=_contains_substr, optional=1),
]
