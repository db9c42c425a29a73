"""FORMAT with a literal format string, expanded to the texts of its parts."""

from __future__ import annotations

from typing import Any

from sqlglot import expressions as exp

from bqsim.engine import kernels
from bqsim.engine.kernels.formatting import SPEC, Spec, parse_spec
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import NOT_LITERAL, Function, FunctionCall, Unsupported, fn
from bqsim.types import STRING, Type, TypeKind

K = TypeKind

# Texts of values for %t and %T. Kinds that are not here take the cast to STRING.
_TEXTS: dict[TypeKind, str] = {
    K.STRING: "{0}",
    K.BYTES: "bq_escape_bytes({0})",
    K.FLOAT64: "bq_float64_text({0})",
    K.INT64: "CAST({0} AS VARCHAR)",
    K.BOOL: "CAST({0} AS VARCHAR)",
    K.JSON: "{0}",
}
_LITERALS: dict[TypeKind, str] = {
    K.INT64: "CAST({0} AS VARCHAR)",
    K.BOOL: "CAST({0} AS VARCHAR)",
    K.FLOAT64: "bq_float64_literal({0})",
    K.STRING: "bq_quote_string({0})",
    K.BYTES: "bq_quote_bytes({0})",
    K.JSON: "'JSON ' || bq_quote_string({0})",
}
_CAST = (K.NUMERIC, K.BIGNUMERIC, K.DATE, K.TIME, K.DATETIME, K.INTERVAL)


def _cast_text(kind: TypeKind) -> str:
    if kind is K.TIMESTAMP:
        return "bq_cast_timestamp_to_string({0}, 'UTC')"
    name = f"bq_cast_{kind.lower()}_to_string"
    if kind not in _CAST or name not in {*kernels.macros(), *kernels.kernels()}:
        raise Unsupported(f"FORMAT of {kind}")
    return f"{name}({{0}})"


def _template(kind: TypeKind, literal: bool) -> str:
    found = (_LITERALS if literal else _TEXTS).get(kind)
    if found is not None:
        return found
    text = _cast_text(kind)
    if not literal:
        return text
    tail = " YEAR TO SECOND" if kind is K.INTERVAL else ""
    return f"'{kind.value} \"' || {text} || '\"{tail}'"


def value_text(value: exp.Expression, type_: Type, literal: bool, depth: int = 0) -> exp.Expression:
    """The text of a value for %t, or its literal for %T; never NULL."""
    if type_.kind is K.ARRAY:
        assert type_.element is not None
        item = f"f{depth}"
        inner = value_text(nodes.raw(item), type_.element, literal, depth + 1)
        items = nodes.template(f"bq_join_texts(list_transform({{0}}, lambda {item}: {{1}}))", value, inner)
        return nodes.template("(CASE WHEN {0} IS NULL THEN 'NULL' ELSE '[' || {1} || ']' END)", value, items)
    if type_.kind is K.STRUCT:
        return _struct_text(value, type_, literal, depth)
    text = nodes.template(_template(type_.kind, literal), value)
    return nodes.template("coalesce({0}, 'NULL')", text)


def _struct_text(value: exp.Expression, type_: Type, literal: bool, depth: int) -> exp.Expression:
    if not type_.fields:
        raise Unsupported("FORMAT of a STRUCT without fields")
    opening = "STRUCT(" if literal and len(type_.fields) == 1 else "("
    parts: list[Any] = []
    for i, field in enumerate(type_.fields, 1):
        inner = nodes.template(f"struct_extract({{0}}, '_{i}')", value)
        parts.append(value_text(inner, field.type, literal, depth))
    fields = nodes.joined("", " || ', ' || ", parts, "")
    return nodes.template(
        f"(CASE WHEN {{0}} IS NULL THEN 'NULL' ELSE '{opening}' || {{1}} || ')' END)", value, fields
    )


def _kernel(name: str, text: str, value: exp.Expression) -> exp.Expression:
    return nodes.template(f"{name}({{0}}, {{1}})", nodes.text(text), value)


def _integer(text: str, spec: Spec, value: exp.Expression, type_: Type) -> exp.Expression:
    if type_.kind is not K.INT64:
        raise Unsupported(f"FORMAT {text} of {type_}")
    if spec.is_plain and spec.letter in "di":
        return nodes.cast(value, "VARCHAR")
    return _kernel("bq_format_integer", text, value)


def _number(text: str, spec: Spec, value: exp.Expression, type_: Type) -> exp.Expression:
    if type_.kind is K.NUMERIC:
        return _kernel("bq_format_numeric", text, value)
    if type_.kind is K.BIGNUMERIC:
        return _kernel("bq_format_bignumeric", text, value)
    if type_.kind is not K.FLOAT64:
        raise Unsupported(f"FORMAT {text} of {type_}")
    return _kernel("bq_format_float", text, value)


def _shown(text: str, spec: Spec, value: exp.Expression) -> exp.Expression:
    return value if spec.is_plain else _kernel("bq_format_text", text, value)


def _string(text: str, spec: Spec, value: exp.Expression, type_: Type) -> exp.Expression:
    if type_ != STRING:
        raise Unsupported(f"FORMAT {text} of {type_}")
    return _shown(text, spec, value)


def _json(text: str, spec: Spec, value: exp.Expression, type_: Type) -> exp.Expression:
    if type_.kind is not K.JSON:
        raise Unsupported(f"FORMAT {text} of {type_}")
    return _shown(text, spec, value)


def _value(text: str, spec: Spec, value: exp.Expression, type_: Type) -> exp.Expression:
    return _shown(text, spec, value_text(value, type_, spec.letter == "T"))


_LETTERS = {
    **dict.fromkeys("dixXo", _integer),
    **dict.fromkeys("fFeEgG", _number),
    **dict.fromkeys("tT", _value),
    "s": _string,
    "p": _json,
}


def _format(call: FunctionCall) -> exp.Expression:
    pattern = call.literals[0]
    if pattern is None:
        return nodes.raw("CAST(NULL AS VARCHAR)")
    if pattern is NOT_LITERAL or not isinstance(pattern, str):
        raise Unsupported("FORMAT with a computed format string")
    parts: list[Any] = []
    at, argument = 0, 1
    for match in SPEC.finditer(pattern):
        parts.append(nodes.text(_plain(pattern[at : match.start()])))
        at = match.end()
        if match[0] == "%%":
            parts.append(nodes.text("%"))
            continue
        letter = _LETTERS.get(match[4])
        if letter is None or argument >= len(call.args):
            raise Unsupported(f"FORMAT {match[0]}")
        parts.append(letter(match[0], parse_spec(match[0]), call.args[argument], call.types[argument]))
        argument += 1
    parts.append(nodes.text(_plain(pattern[at:])))
    if argument != len(call.args):
        raise Unsupported("FORMAT with arguments that its format string does not use")
    return nodes.joined("(", " || ", parts, ")")


def _plain(text: str) -> str:
    if "%" in text:
        raise Unsupported("FORMAT with a specifier that takes a computed width")
    return text


FUNCTIONS: list[Function] = [fn("format", (STRING,), build=_format, repeated=True)]
