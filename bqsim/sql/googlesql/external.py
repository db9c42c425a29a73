"""External functions from the CREATE FUNCTION statements that define them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bqsim.engine.external import JAVASCRIPT, REMOTE, Argument, Function
from bqsim.engine.external.values import JAVASCRIPT as JAVASCRIPT_TYPES
from bqsim.engine.external.values import REMOTE as REMOTE_TYPES
from bqsim.engine.external.values import Encoders, unsupported_part
from bqsim.errors import invalid_query, unsupported
from bqsim.types import Type

from . import resolved
from .types import type_from_proto
from .values import literal_value

_LANGUAGES = {"JS": JAVASCRIPT, "JAVASCRIPT": JAVASCRIPT, "REMOTE": REMOTE}
_TYPES: dict[str, tuple[str, Encoders]] = {
    JAVASCRIPT: ("JavaScript", JAVASCRIPT_TYPES),
    REMOTE: ("remote", REMOTE_TYPES),
}
_URL = re.compile(r"https?://[^\s/]+", re.IGNORECASE)
MAX_CONTEXT_BYTES = 8 * 1024


def language_of(statement: Any) -> str:
    """``js`` or ``remote``; other languages are refused by name."""
    if statement.is_remote:
        return REMOTE
    language = _LANGUAGES.get(statement.language.upper())
    if language is None:
        raise unsupported(f"A function in the language {statement.language}")
    return language


def external_function(statement: Any) -> Function:
    """The function that a resolved CREATE FUNCTION statement in another language than SQL defines."""
    language = language_of(statement)
    if not statement.has_explicit_return_type:
        raise invalid_query("A function that is not in SQL must have a RETURNS clause")
    returns = type_from_proto(statement.return_type)
    arguments = tuple(_arguments(statement))
    for type_ in (*(a.type for a in arguments), returns):
        _check(language, type_)
    options = {o.name.casefold(): option_value(o) for o in statement.option_list}
    determinism = _enum_name(statement, "determinism_level")
    scope = _enum_name(statement, "create_scope")
    return Function(
        language,
        arguments,
        returns,
        aggregate=statement.is_aggregate,
        code=statement.code,
        libraries=tuple(options.get("library") or ()),
        deterministic=language == JAVASCRIPT and determinism in _DETERMINISTIC,
        temporary=scope == "CREATE_TEMP",
        **(_remote(options) if language == REMOTE else {}),
    )


def _enum_name(node: Any, field: str) -> str:
    while field not in node.DESCRIPTOR.fields_by_name:
        node = node.parent
    values = node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return str(values[getattr(node, field)].name)


_DETERMINISTIC = frozenset({"DETERMINISM_DETERMINISTIC", "DETERMINISM_IMMUTABLE"})


def option_value(option: Any) -> Any:
    """The value of an option that is a literal or an array of literals or of pairs of literals."""
    return _constant(resolved.unwrap(option.value), option.name)


def _constant(node: Any, name: str) -> Any:
    if resolved.node_name(node) == "ResolvedLiteral":
        return literal_value(node.value)
    if resolved.node_name(node) == "ResolvedCast":
        return _constant(resolved.unwrap(node.expr), name)
    if resolved.node_name(node) == "ResolvedMakeStruct":
        return [_constant(resolved.unwrap(f), name) for f in node.field_list]
    if resolved.node_name(node) == "ResolvedFunctionCall" and node.parent.function.name.endswith(
        "$make_array"
    ):
        return [_constant(resolved.unwrap(a), name) for a in node.parent.argument_list]
    raise invalid_query(f"The value of option {name} must be a literal")


def _arguments(statement: Any) -> list[Argument]:
    arguments = []
    for name, argument in zip(statement.argument_name_list, statement.signature.argument, strict=True):
        if not argument.HasField("type"):
            raise invalid_query("A function that is not in SQL cannot have an argument of ANY TYPE")
        type_ = type_from_proto(argument.type)
        arguments.append(Argument(name, type_, not argument.options.is_not_aggregate))
    return arguments


def _check(language: str, type_: Type) -> None:
    name, types = _TYPES[language]
    part = unsupported_part(type_, types, nested=language == JAVASCRIPT)
    if part is not None:
        raise invalid_query(f"Type {part} is not supported in {name} functions")


def _remote(options: Mapping[str, Any]) -> dict[str, Any]:
    endpoint = options.get("endpoint")
    if not endpoint:
        raise invalid_query("The endpoint option is required for remote functions")
    if not _URL.match(endpoint):
        raise invalid_query(f"Invalid endpoint: {endpoint}")
    rows = int(options.get("max_batching_rows") or 0)
    if rows < 0:
        raise invalid_query("The value of max_batching_rows must not be negative")
    context = tuple((str(k), str(v)) for k, v in options.get("user_defined_context") or ())
    if sum(len(k.encode()) + len(v.encode()) for k, v in context) >= MAX_CONTEXT_BYTES:
        raise invalid_query("The size of user_defined_context must be less than 8KB")
    return {"endpoint": endpoint, "max_rows": rows, "context": context}
