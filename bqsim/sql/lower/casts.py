"""Casts by (from kind, to kind)."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.engine import kernels
from bqsim.sql.googlesql.resolved import get, has, unwrap
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.types import Type, TypeKind

from . import nodes
from .binding import is_large
from .registry import NOT_LITERAL, FunctionCall, Unsupported
from .types import engine_type

if TYPE_CHECKING:
    from .lowering import Lowering

K = TypeKind

# Casts that are the engine's own. The others are macros ``bq_cast_<from>_to_<to>``.
_PLAIN: dict[tuple[TypeKind, TypeKind], str] = {
    (K.INT64, K.FLOAT64): "CAST({0} AS DOUBLE)",
    (K.INT64, K.NUMERIC): "CAST({0} AS DECIMAL(38,9))",
    (K.INT64, K.STRING): "CAST({0} AS VARCHAR)",
    (K.INT64, K.BOOL): "({0} <> 0)",
    (K.BOOL, K.INT64): "CAST({0} AS BIGINT)",
    (K.BOOL, K.STRING): "CAST({0} AS VARCHAR)",
    (K.STRING, K.BYTES): "encode({0})",
    (K.DATE, K.DATETIME): "CAST({0} AS TIMESTAMP)",
}


# Values that cannot fail.
_PLAIN_VALUES = frozenset(
    {"ResolvedColumnRefProto", "ResolvedLiteralProto", "ResolvedParameterProto", "ResolvedConstantProto"}
)

# The first parameter of a macro, and its body; the head of one whose last parameter is the time zone.
_HEAD = re.compile(r"[A-Z ]*MACRO \w+\((\w+)[^)]*\)\s+AS\s+(.*)", re.DOTALL)
_ZONED = re.compile(r"MACRO \w+\([^)]*\bzone\)")


@cache
def cast_template(source: Type, target: Type, zone: str = "UTC") -> str | None:
    """The engine expression of a cast between scalar types at a time zone, None when the engine has none."""
    plain = _PLAIN.get((source.kind, target.kind))
    if plain is not None:
        return plain
    name = f"bq_cast_{_name(source)}_to_{_name(target)}"
    macro = kernels.macros().get(name)
    if macro is not None and _ZONED.search(macro.sql):
        return f"{name}({{0}}, {nodes.quote(zone)})"
    return name + "({0})" if macro is not None or name in kernels.kernels() else None


@cache
def _repeats(source: Type, target: Type) -> bool:
    """Whether a cast puts its argument's text in several places, so that casts of casts grow as a power."""
    if source.kind in (K.ARRAY, K.STRUCT):
        return not engine_equal(source, target)
    macro = kernels.macros().get((cast_template(source, target) or "").partition("(")[0])
    found = _HEAD.match(macro.sql) if macro is not None else None
    return found is not None and len(re.findall(rf"\b{found[1]}\b", found[2])) > 1


def _quiet_template(source: Type, target: Type, zone: str) -> str | None:
    """The expression of a cast that gives NULL where it fails, None when the engine has none.

    The engine's TRY computes each row by itself once one fails, so it is slow where many do.
    """
    template = cast_template(source, target, zone) or ""
    name = template.partition("(")[0]
    quiet = name.replace("bq_cast_", "bq_safe_cast_", 1)
    return template.replace(name, quiet, 1) if name and quiet in kernels.macros() else None


def _name(type_: Type) -> str:
    """A type in the names of macros: ``int64``, ``range_date``."""
    return f"{type_.kind}_{type_.element.kind}".lower() if type_.element else type_.kind.lower()


def cast_value(
    value: exp.Expression, source: Type, target: Type, depth: int = 0, zone: str = "UTC"
) -> exp.Expression:
    """A value of one type as another, at a time zone."""
    if source == target:
        return value
    if source.kind is K.ARRAY and target.kind is K.ARRAY:
        assert source.element is not None and target.element is not None
        if engine_equal(source.element, target.element):
            return value
        item = f"x{depth}"
        inner = cast_value(nodes.raw(item), source.element, target.element, depth + 1, zone)
        return nodes.template(f"list_transform({{0}}, lambda {item}: {{1}})", value, inner)
    if source.kind is K.STRUCT and target.kind is K.STRUCT:
        if engine_equal(source, target):
            return value
        return _struct(value, source, target, depth, zone)
    template = cast_template(source, target, zone)
    if template is None:
        raise Unsupported(f"CAST from {source} to {target}")
    return nodes.template(template, value)


def engine_equal(source: Type, target: Type) -> bool:
    """Whether two types differ at most in the names of fields."""
    if source.kind is not target.kind or len(source.fields) != len(target.fields):
        return False
    if source.element is not None and target.element is not None:
        return engine_equal(source.element, target.element)
    return all(engine_equal(a.type, b.type) for a, b in zip(source.fields, target.fields, strict=True))


def _struct(value: exp.Expression, source: Type, target: Type, depth: int, zone: str) -> exp.Expression:
    parts: list[Any] = ["CASE WHEN ", value, " IS NULL THEN NULL ELSE {"]
    for i, (a, b) in enumerate(zip(source.fields, target.fields, strict=True), 1):
        field = nodes.template(f"struct_extract({{0}}, '_{i}')", value)
        parts += [f"_{i}: " if i == 1 else f", _{i}: ", cast_value(field, a.type, b.type, depth, zone)]
    parts.append("} END")
    return exp.Block(expressions=parts)


def lower_cast(low: Lowering, node: Any) -> exp.Expression:
    inner = unwrap(node.expr)
    source = low.type(inner)
    target = type_from_proto(get(node, "type"))
    if has(node, "extended_cast"):
        raise Unsupported("extended CAST")
    if inner.DESCRIPTOR.name == "ResolvedLiteralProto" and not inner.value.value.WhichOneof("value"):
        return nodes.raw(f"CAST(NULL AS {engine_type(target)})")
    before = low.subqueries
    argument = value = low.expression(inner)
    label = bound = ""
    if node.return_null_on_error and low.subqueries > before:
        label = low.label()
        value = nodes.column(label, "v")
    elif (
        # SAFE_CAST hides the failures of the cast, not those of its argument.
        not low.lambdas and not isinstance(argument, exp.Column)
        if node.return_null_on_error
        else low.subqueries == before and is_large(argument) and _repeats(source, target)
    ):
        bound = f"bound_{low.label()}"
        value = nodes.raw(f"{bound}.a0")
    if has(node, "format"):
        lowered = _formatted(low, node, value, source, target)
    elif has(node, "time_zone"):
        lowered = _at_zone(low, node, value, source, target)
    elif node.return_null_on_error and (quiet := _quiet_template(source, target, low.ctx.time_zone)):
        lowered = nodes.template(quiet, value)
    else:
        lowered = cast_value(value, source, target, zone=low.ctx.time_zone)
    if node.HasField("type_modifiers") and node.type_modifiers.ByteSize():
        lowered = _limited(lowered, target, node.type_modifiers)
    if bound:
        if node.return_null_on_error:
            lowered = nodes.guarded(lowered, within_lambda=True)
        return nodes.joined("list_transform([{'a0': ", f"}}], lambda {bound}: ", [argument, lowered], ")[1]")
    if not node.return_null_on_error:
        return lowered
    lowered = nodes.guarded(lowered, low.lambdas > 0)
    if label:
        # The engine's TRY takes no subquery, so it stands beside.
        return nodes.scalar(
            nodes.select([lowered], nodes.derived(nodes.select([nodes.alias(argument, "v")]), label))
        )
    if inner.DESCRIPTOR.name in _PLAIN_VALUES:
        return lowered
    # Only the cast may fail: what TRY made NULL is computed once more without it.
    null = f"CAST(NULL AS {engine_type(target)})"
    return nodes.template(f"coalesce({{0}}, CASE WHEN {{1}} IS NULL THEN {null} END)", lowered, argument)


def _at_zone(low: Lowering, node: Any, value: exp.Expression, source: Type, target: Type) -> exp.Expression:
    """CAST … AT TIME ZONE: the zone may be any expression."""
    mark = "{1}"
    template = cast_template(source, target, mark)
    if template is None or mark not in template:
        raise Unsupported(f"CAST from {source} to {target} with AT TIME ZONE")
    return nodes.template(template.replace(nodes.quote(mark), mark), value, low.expression(node.time_zone))


def _limited(value: exp.Expression, type_: Type, modifiers: Any) -> exp.Expression:
    """A value of a parameterised type: NUMERIC(p, s) rounds, STRING(n) and BYTES(n) refuse what is longer.

    A collation leaves the value as it is.
    """
    parameters = modifiers.type_parameters
    if not parameters.ByteSize():
        return value
    if parameters.HasField("numeric_type_parameters") and type_.kind is K.NUMERIC:
        scale = parameters.numeric_type_parameters.scale
        precision = parameters.numeric_type_parameters.precision
        return _rounded(value, precision, scale)
    if parameters.HasField("numeric_type_parameters") and type_.kind is K.BIGNUMERIC:
        numeric = parameters.numeric_type_parameters
        # BIGNUMERIC(MAX, scale) has all digits that the scale leaves.
        precision = _MOST_DIGITS + numeric.scale if numeric.is_max_precision else numeric.precision
        return nodes.template(f"bq_limited_bignumeric({{0}}, {precision}, {numeric.scale})", value)
    if parameters.HasField("string_type_parameters") and type_.kind in _LENGTHS:
        limit = parameters.string_type_parameters.max_length
        length = _LENGTHS[type_.kind]
        failing = (
            f"bq_error('{type_.kind}({limit}) has maximum length {limit} but got a value with length ' || "
            f"{length}({{0}}))"
        )
        failing = f"CAST({failing} AS {engine_type(type_)})"
        return nodes.template(f"(CASE WHEN {length}({{0}}) > {limit} THEN {failing} ELSE {{0}} END)", value)
    raise Unsupported(f"CAST to a parameterised {type_.kind}")


def _rounded(value: exp.Expression, precision: int, scale: int) -> exp.Expression:
    """A NUMERIC rounded half away from zero to NUMERIC(precision, scale); fails out of its range."""
    digits = "9" * (precision - scale) or "0"
    bound = f"{digits}.{'9' * scale}" if scale else digits
    shown = f"NUMERIC({precision}, {scale})" if scale else f"NUMERIC({precision})"
    failing = nodes.error(
        f"{shown} has precision {precision} and scale {scale} but got a value that is not in range of "
        f"[-{bound}, {bound}]",
        "DECIMAL(38,9)",
    )
    rounded = f"TRY_CAST({{0}} AS DECIMAL({precision},{scale}))"
    return nodes.template(
        f"(CASE WHEN {{0}} IS NOT NULL AND {rounded} IS NULL THEN {{1}} "
        f"ELSE CAST({rounded} AS DECIMAL(38,9)) END)",
        value,
        failing,
    )


# Digits before the point of a parameterised BIGNUMERIC.
_MOST_DIGITS = 38
_LENGTHS = {K.STRING: "length", K.BYTES: "octet_length"}


def _formatted(low: Lowering, node: Any, value: exp.Expression, source: Type, target: Type) -> exp.Expression:
    """CAST … FORMAT: the registered function ``$cast_format`` with arguments (value, format, target's
    name, zone).
    """
    from .functions import scalar_function

    string = Type(K.STRING)
    args = [value, low.expression(node.format), nodes.text(target.kind.value)]
    types = [source, string, string]
    literals: list[Any] = [NOT_LITERAL, NOT_LITERAL, target.kind.value]
    if has(node, "time_zone"):
        args.append(low.expression(node.time_zone))
        types.append(string)
        literals.append(NOT_LITERAL)
    function = scalar_function("$cast_format", tuple(types))
    if function is None:
        raise Unsupported(f"CAST from {source} to {target} with FORMAT")
    if function.sql is not None:
        return nodes.template(function.sql, *args)
    assert function.build is not None
    return function.build(
        FunctionCall("$cast_format", args, tuple(types), target, tuple(literals), low, node)
    )
