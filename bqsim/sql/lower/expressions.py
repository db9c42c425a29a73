"""Scalar expressions: literals, parameters, columns, calls, casts, structs and WITH expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.errors import invalid_query
from bqsim.sql.googlesql.builtins import GROUP
from bqsim.sql.googlesql.opaque import MARK
from bqsim.sql.googlesql.resolved import get, has, unwrap
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.sql.googlesql.values import literal_value
from bqsim.sql.plan import TypedValue
from bqsim.types import Type, TypeKind

from . import nodes
from .binding import bound
from .casts import lower_cast
from .collation import collation_of, of_list
from .external import external_call, is_external
from .functions import scalar_function
from .functions.collation import collated
from .literals import Open, literal
from .registry import NOT_LITERAL, FunctionCall, Unsupported
from .types import engine_type

if TYPE_CHECKING:
    from .lowering import Lowering

SAFE_ERROR_MODE = 1
BUILTIN_GROUP = "ZetaSQL:"


def literal_node(low: Lowering, node: Any) -> exp.Expression:
    gap = low.gap(node)
    if gap is not None:
        return nodes.raw(gap)
    return literal(type_from_proto(node.value.type), literal_value(node.value))


def parameter(low: Lowering, node: Any) -> TypedValue:
    """The value given for a query parameter; NULL in a dry run that need not give it."""
    if low.ctx.undeclared_parameters_allowed and not _is_given(low, node):
        return TypedValue(type_from_proto(get(node, "type")), None)
    if node.name:
        named: TypedValue | None = low.ctx.parameters.get(node.name.lower())
        if named is None:
            raise invalid_query(f"Query parameter '{node.name}' not found")
        return named
    if node.position > len(low.ctx.positional):
        raise invalid_query(f"Query parameter number {node.position} is not defined")
    positional: TypedValue = low.ctx.positional[node.position - 1]
    return positional


def _is_given(low: Lowering, node: Any) -> bool:
    if node.name:
        return node.name.lower() in low.ctx.parameters
    return bool(node.position <= len(low.ctx.positional))


def parameter_node(low: Lowering, node: Any) -> exp.Expression:
    return literal(type_from_proto(get(node, "type")), parameter(low, node).value)


def constant_value(low: Lowering, node: Any) -> TypedValue:
    """The value of a script variable."""
    name = node.constant.name.rpartition(".")[2].lower()
    value = low.ctx.variables.get(name)
    if value is None:
        raise Unsupported(f"constant {node.constant.name}")
    return value


def constant_node(low: Lowering, node: Any) -> exp.Expression:
    value = constant_value(low, node).value
    if value.__class__ is Open:
        return nodes.raw(value.text)
    return literal(type_from_proto(get(node, "type")), constant_value(low, node).value)


def system_variable_value(low: Lowering, node: Any) -> TypedValue:
    name = ".".join(node.name_path).lower()
    value = low.ctx.system_variables.get(name)
    if value is None:
        raise Unsupported(f"system variable @@{name}")
    low.shared.deterministic = False
    return value


def system_variable_node(low: Lowering, node: Any) -> exp.Expression:
    return literal(type_from_proto(get(node, "type")), system_variable_value(low, node).value)


_VALUES = {
    "ResolvedLiteralProto": lambda low, node: literal_value(node.value),
    "ResolvedParameterProto": lambda low, node: parameter(low, node).value,
    "ResolvedConstantProto": lambda low, node: constant_value(low, node).value,
}


def known_value(low: Lowering, node: Any) -> Any:
    """The Python value of a literal, parameter or variable, with casts that keep it; else ``NOT_LITERAL``."""
    node = unwrap(node)
    if node.DESCRIPTOR.name == "ResolvedLiteralProto" and low.gap(node) is not None:
        return NOT_LITERAL
    value_of = _VALUES.get(node.DESCRIPTOR.name)
    value = value_of(low, node) if value_of else NOT_LITERAL
    return NOT_LITERAL if value.__class__ is Open else value


def column_ref(low: Lowering, node: Any) -> exp.Expression:
    return low.column(node.column.column_id)


def arguments(low: Lowering, base: Any) -> tuple[list[exp.Expression], tuple[Type, ...], tuple[Any, ...]]:
    """The arguments of a call (a ResolvedFunctionCallBase): expressions, types and values of the literals."""
    args: list[exp.Expression] = []
    types: list[Type] = []
    literals: list[Any] = []
    items = [unwrap(a) for a in base.argument_list]
    if not items and base.generic_argument_list:
        for argument in base.generic_argument_list:
            if argument.HasField("inline_lambda"):
                lowered, type_ = inline_lambda(low, argument.inline_lambda)
                args.append(lowered)
                types.append(type_)
                literals.append(NOT_LITERAL)
            elif has(argument, "expr"):
                items = [unwrap(argument.expr)]
                _add(low, items[0], args, types, literals)
            else:
                raise Unsupported(f"argument of function {base.function.name.removeprefix(BUILTIN_GROUP)}")
        return args, tuple(types), tuple(literals)
    for item in items:
        _add(low, item, args, types, literals)
    return args, tuple(types), tuple(literals)


def _add(low: Lowering, item: Any, args: list[Any], types: list[Type], literals: list[Any]) -> None:
    args.append(low.expression(item))
    types.append(type_from_proto(get(item, "type")))
    literals.append(known_value(low, item))


def inline_lambda(low: Lowering, node: Any) -> tuple[exp.Expression, Type]:
    """A lambda as the engine's; a second parameter (the offset) counts from 0, the engine's from 1."""
    names = [f"k{c.column_id}" for c in node.argument_list]
    for i, (column, name) in enumerate(zip(node.argument_list, names, strict=True)):
        place = nodes.raw(name) if i == 0 else nodes.raw(f"({name} - 1)")
        low.places[column.column_id] = place
    low.lambdas += 1
    body = low.expression(node.body)
    low.lambdas -= 1
    return nodes.joined(f"lambda {', '.join(names)}: ", "", [body], ""), low.type(node.body)


def function_call(low: Lowering, node: Any) -> exp.Expression:
    base = node.parent
    group, _, name = base.function.name.partition(MARK)[0].partition(":")
    if is_external(group):
        value = external_call(low, base.function.name, arguments(low, base)[0])
        return nodes.guarded(value, low.lambdas > 0) if base.error_mode == SAFE_ERROR_MODE else value
    if group not in ("ZetaSQL", GROUP):
        raise Unsupported(f"function {name or group}")
    safe = base.error_mode == SAFE_ERROR_MODE
    before = low.subqueries
    args, types, literals = arguments(low, base)
    if safe and low.subqueries > before:
        raise Unsupported(f"SAFE.{name} of a subquery")
    result = type_from_proto(base.parent.type)
    by = of_list(base.collation_list, 0) or (collation_of(base.argument_list) if name == "nullif" else None)
    function = scalar_function(name, types) if by is None else collated(name, by)
    if function is None:
        shown = ", ".join(str(t) for t in types)
        raise Unsupported(f"function {name}({shown})")
    call = FunctionCall(name, args, types, result, literals, low, node, safe)
    if not safe:
        return function.lower(call)
    # SAFE. hides the failures of the function, not those of its arguments.
    outside = [i for i, a in enumerate(args) if literals[i] is NOT_LITERAL and not isinstance(a, exp.Column)]
    if low.lambdas or not outside:
        return nodes.guarded(function.lower(call), low.lambdas > 0)
    return bound(call, outside, lambda inner: nodes.guarded(function.lower(inner), within_lambda=True))


def cast_node(low: Lowering, node: Any) -> exp.Expression:
    return lower_cast(low, node)


def make_struct(low: Lowering, node: Any) -> exp.Expression:
    parts: list[Any] = ["{"]
    type_ = type_from_proto(get(node, "type"))
    if not type_.fields:
        raise Unsupported("STRUCT without fields")
    for i, (item, field) in enumerate(zip(node.field_list, type_.fields, strict=True), 1):
        parts += [f"_{i}: " if i == 1 else f", _{i}: ", low.expression(item)]
        del field
    parts.append("}")
    return exp.Block(expressions=parts)


def get_struct_field(low: Lowering, node: Any) -> exp.Expression:
    return nodes.template(f"struct_extract({{0}}, '_{node.field_idx + 1}')", low.expression(node.expr))


def get_json_field(low: Lowering, node: Any) -> exp.Expression:
    function = scalar_function("$get_json_field", (low.type(node.expr), Type(TypeKind.STRING)))
    if function is None:
        raise Unsupported("JSON field access")
    value = low.expression(node.expr)
    name = nodes.text(node.field_name)
    if function.sql is not None:
        return nodes.template(function.sql, value, name)
    assert function.build is not None
    json = Type(TypeKind.JSON)
    types = (json, Type(TypeKind.STRING))
    return function.build(
        FunctionCall("$get_json_field", [value, name], types, json, (NOT_LITERAL, node.field_name), low, node)
    )


def with_expr(low: Lowering, node: Any) -> exp.Expression:
    """WITH(a AS x, …, result): a one-row subquery per assignment, so that each value is computed once."""
    source: Any = None
    for item in node.assignment_list:
        value = low.expression(item.expr)
        label, column_id = low.label(), item.column.column_id
        query = nodes.select([nodes.alias(value, f"k{column_id}")])
        join = exp.Lateral(this=exp.Subquery(this=query), alias=exp.TableAlias(this=nodes.name(label)))
        if source is None:
            source = nodes.select([], nodes.derived(query, label))
        else:
            source.append("joins", exp.Join(this=join))
        low.places[column_id] = (label, f"k{column_id}")
    source.set("expressions", [low.expression(node.expr)])
    return nodes.scalar(source)


def typed_null(type_: Type) -> exp.Expression:
    return nodes.raw(f"CAST(NULL AS {engine_type(type_)})")


EXPRESSIONS = {
    "ResolvedLiteral": literal_node,
    "ResolvedParameter": parameter_node,
    "ResolvedConstant": constant_node,
    "ResolvedSystemVariable": system_variable_node,
    "ResolvedColumnRef": column_ref,
    "ResolvedFunctionCall": function_call,
    "ResolvedCast": cast_node,
    "ResolvedMakeStruct": make_struct,
    "ResolvedGetStructField": get_struct_field,
    "ResolvedGetJsonField": get_json_field,
    "ResolvedWithExpr": with_expr,
}
