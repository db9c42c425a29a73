"""Scalar functions whose results have the fields that their arguments say: each call is defined anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from typing import Any

from bqsim.errors import BigQueryError
from bqsim.types import Type
from bqsim.types.spelled import spelled

from . import resolved
from .catalog import Definition
from .host import SqlError
from .ml_signatures import AI, generated
from .opaque import ARBITRARY, SCALAR, Opaque, Signature, fill_function
from .prepass import Path
from .shaped_calls import Shape, ShapedCall
from .table_function_text import quoted

MAX_FEATURES = 10


# STRUCTs of features


def _features(call: ShapedCall, name: str) -> tuple[list[str], int | None]:
    """The names of the features in the first argument, and the degree if one is given."""
    arguments = [resolved.unwrap(a) for a in call.node.arguments]
    if not 1 <= len(arguments) <= 2:
        call.fail(f"Number of arguments does not match for function {name}")
    names = _field_names(call, arguments[0], name)
    if len(names) > MAX_FEATURES:
        call.fail(f"{name} takes at most {MAX_FEATURES} features, but has {len(names)}")
    if "" in names:
        call.fail(f"The features of {name} must have names")
    if len({n.casefold() for n in names}) < len(names):
        call.fail(f"The features of {name} must not have duplicate names")
    return names, call.around.constant(call.text(arguments[1])) if len(arguments) > 1 else None


def _field_names(call: ShapedCall, node: Any, name: str) -> list[str]:
    kind = node.DESCRIPTOR.name
    if kind == "ASTStructConstructorWithKeywordProto":
        if node.HasField("struct_type"):
            fields = resolved.unwrap(node.struct_type).struct_fields
            return [f.name.id_string if f.HasField("name") else "" for f in fields]
        return [_name_of(field) for field in node.fields]
    try:
        [(_, type_)] = call.around.columns(f"(SELECT {call.text(node)})")
    except (SqlError, BigQueryError):
        call.fail(f"The features of {name} must be given as STRUCT(feature, ...)")
    if not type_.is_struct:
        call.fail(f"The features of {name} must be a STRUCT, but have the type {type_}")
    return [f.name for f in type_.fields]


def _name_of(field: Any) -> str:
    """The name of a field: its alias, or the last one of a path."""
    if field.HasField("alias"):
        return str(field.alias.identifier.id_string)
    node = resolved.unwrap(field.expression)
    if node.DESCRIPTOR.name == "ASTPathExpressionProto":
        return str(node.names[-1].id_string)
    return str(node.name.id_string) if node.DESCRIPTOR.name == "ASTDotIdentifierProto" else ""


def _crossed(call: ShapedCall) -> tuple[Any, Callable[[], Definition]]:
    """ML.FEATURE_CROSS: the values of two or more features joined by underscores."""
    names, degree = _features(call, "ML.FEATURE_CROSS")
    degree = 2 if degree is None else degree
    if not 2 <= degree <= 4:
        call.fail(f"The degree of ML.FEATURE_CROSS must be between 2 and 4, but was {degree}")
    crosses = sorted(c for size in range(2, degree + 1) for c in combinations(range(len(names)), size))
    if not crosses:
        call.fail("ML.FEATURE_CROSS needs at least two features")
    fields = [(c, ", '_', ".join(f"s.{quoted(names[i])}" for i in c)) for c in crosses]
    return _struct(call, names, [(c, f"CONCAT({value})") for c, value in fields])


def _expanded(call: ShapedCall) -> tuple[Any, Callable[[], Definition]]:
    """ML.POLYNOMIAL_EXPAND: the products of up to ``degree`` features."""
    names, degree = _features(call, "ML.POLYNOMIAL_EXPAND")
    degree = 2 if degree is None else degree
    if not 1 <= degree <= 4:
        call.fail(f"The degree of ML.POLYNOMIAL_EXPAND must be between 1 and 4, but was {degree}")
    products = sorted(_products(len(names), degree))
    return _struct(
        call,
        names,
        [(p, " * ".join(f"CAST(s.{quoted(names[i])} AS FLOAT64)" for i in p)) for p in products],
    )


def _products(count: int, degree: int, first: int = 0) -> Iterator[tuple[int, ...]]:
    for i in range(first, count):
        yield (i,)
        if degree > 1:
            yield from ((i, *rest) for rest in _products(count, degree - 1, i))


def _struct(
    call: ShapedCall, names: list[str], fields: list[tuple[tuple[int, ...], str]]
) -> tuple[Any, Callable[[], Definition]]:
    parts = (f"{value} AS {quoted('_'.join(names[i] for i in which))}" for which, value in fields)
    body = f"IF(s IS NULL, NULL, STRUCT({', '.join(parts)}))"
    arguments = ("s", "degree")[: len(call.node.arguments)]
    return (body, arguments), partial(_templated, body, arguments)


def _templated(body: str, arguments: tuple[str, ...]) -> Definition:
    from zetasql.wasi._pb2.zetasql.proto import function_pb2

    proto = function_pb2.FunctionProto(group="Templated_SQL_Function", mode=SCALAR)
    proto.templated_sql_function_argument_name.extend(arguments)
    proto.parse_resume_location.input = body
    proto.parse_resume_location.byte_position = 0
    signature = proto.signature.add()
    signature.return_type.kind = ARBITRARY
    signature.return_type.num_occurrences = 1
    for _ in arguments:
        signature.argument.add(kind=ARBITRARY, num_occurrences=1)
    return Definition("function", proto, frozenset(), frozenset())


# AI.GENERATE with a schema

_GENERATE = next(row for row in AI if row.name == "ai.generate")


def _generated(call: ShapedCall) -> tuple[Any, Callable[[], Definition]] | None:
    """AI.GENERATE whose result has the fields of ``output_schema``."""
    for argument in map(resolved.unwrap, call.node.arguments):
        if argument.DESCRIPTOR.name != "ASTNamedArgumentProto":
            continue
        if argument.name.id_string.casefold() == "output_schema":
            schema = call.around.constant(call.text(argument.expr))
            return None if schema is None else (schema, partial(_of_schema, _schema(call, schema)))
    return None


def _schema(call: ShapedCall, text: str) -> Type:
    try:
        found = spelled(f"STRUCT<{text}>")
    except (ValueError, BigQueryError):
        call.fail(f"Invalid output_schema of AI.GENERATE: {text}")
    if not found.fields or not all(f.name for f in found.fields):
        call.fail(f"Invalid output_schema of AI.GENERATE: {text}")
    return found


def _of_schema(schema: Type) -> Definition:
    from zetasql.wasi._pb2.zetasql.proto import function_pb2

    result = generated(*((f.name, f.type) for f in schema.fields))
    [signature] = _GENERATE.signatures
    proto = function_pb2.FunctionProto()
    fill_function(proto, Opaque("ai.generate", (Signature(signature.arguments, result),)))
    return Definition("function", proto, frozenset(), frozenset())


SHAPED: dict[Path, Shape] = {
    ("ml", "feature_cross"): _crossed,
    ("ml", "polynomial_expand"): _expanded,
    ("ai", "generate"): _generated,
}
