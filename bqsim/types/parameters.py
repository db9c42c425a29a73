"""The API's ``QueryParameter`` JSON as a type and a canonical Python value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bqsim.errors import BigQueryError, invalid_query

from .api_schema import API_TYPES
from .kinds import StructField, Type, TypeKind
from .parse import make_range, parse_text

MAX_NESTING = 15

# What the analyzer calls the value of a type that cannot be read.
_PROBLEMS: dict[TypeKind, str] = {
    TypeKind.INT64: "Bad int64 value: {}",
    TypeKind.FLOAT64: "Bad double value: {}",
    TypeKind.BOOL: "Bad bool value: {}",
    TypeKind.NUMERIC: "Invalid NUMERIC value: {}",
    TypeKind.BIGNUMERIC: "Invalid BIGNUMERIC value: {}",
    TypeKind.BYTES: "Invalid base64 value: {}",
    TypeKind.DATE: "Invalid date: '{}'",
    TypeKind.TIME: "Invalid time: '{}'",
    TypeKind.DATETIME: "Invalid datetime: '{}'",
    TypeKind.TIMESTAMP: "Invalid timestamp: '{}'",
    TypeKind.INTERVAL: "Invalid INTERVAL value '{}'",
    TypeKind.JSON: "Invalid JSON: {}",
    TypeKind.GEOGRAPHY: "Invalid GEOGRAPHY: {}",
    TypeKind.RANGE: "Invalid RANGE value: {}",
    TypeKind.STRING: "Invalid STRING value: {}",
}


def parameter(body: Mapping[str, Any]) -> tuple[Type, Any]:
    """The type and value of a query parameter. Raises 400 with BigQuery's texts."""
    given = body.get("parameterType")
    if not isinstance(given, Mapping):
        raise BigQueryError(
            "required", "Required parameter is missing: parameterType", location="parameterType"
        )
    type_ = parameter_type(given)
    value = body.get("parameterValue")
    return type_, parameter_value(value if value is not None else {}, type_, str(body.get("name") or ""))


def parameter_type(body: Mapping[str, Any], level: int = 1) -> Type:
    """A ``QueryParameterType``."""
    name = str(body.get("type") or "").upper()
    if level > MAX_NESTING:
        raise invalid_query("Query parameter type is nested too deeply")
    if name == "ARRAY":
        return Type(TypeKind.ARRAY, element=_inner(body, "arrayType", level))
    if name == "RANGE":
        return Type(TypeKind.RANGE, element=_inner(body, "rangeElementType", level))
    kind = API_TYPES.get(name)
    if kind is None:
        raise BigQueryError(
            "invalid", f"Invalid value for type: {body.get('type')} is not a valid value", location="type"
        )
    if kind is not TypeKind.STRUCT:
        return Type(kind)
    fields = body.get("structTypes") or ()
    if not isinstance(fields, Sequence) or not all(isinstance(f, Mapping) for f in fields):
        raise BigQueryError("invalid", "Invalid value for structTypes", location="structTypes")
    parts = (
        StructField(str(f.get("name") or ""), parameter_type(f.get("type") or {}, level + 1)) for f in fields
    )
    return Type(kind, fields=tuple(parts))


def _inner(body: Mapping[str, Any], key: str, level: int) -> Type:
    inner = body.get(key)
    if not isinstance(inner, Mapping):
        raise BigQueryError("required", f"Required parameter is missing: {key}", location=key)
    return parameter_type(inner, level + 1)


def parameter_value(body: Any, type_: Type, name: str) -> Any:
    """A ``QueryParameterValue`` of ``type_``; without a value it is NULL, an ARRAY without elements is
    empty.
    """
    if not isinstance(body, Mapping):
        raise _unparseable(name, type_, body)
    if type_.kind is TypeKind.ARRAY and type_.element is not None:
        return [parameter_value(v, type_.element, name) for v in body.get("arrayValues") or ()]
    if type_.kind is TypeKind.STRUCT:
        return _struct_value(body.get("structValues"), type_, name)
    if type_.kind is TypeKind.RANGE and body.get("rangeValue") is not None:
        return _range_value(body["rangeValue"], type_, name)
    value = body.get("value")
    if value is None:
        return None
    text = value if isinstance(value, str) else _scalar_text(value)
    try:
        return parse_text(text, type_)
    except (ValueError, ArithmeticError):
        raise _unparseable(name, type_, text) from None


def _scalar_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _struct_value(values: Any, type_: Type, name: str) -> list[Any] | None:
    """Values are found by field name; those of unnamed fields by position."""
    if values is None:
        return None
    if not isinstance(values, Mapping):
        raise _unparseable(name, type_, values)
    by_name = {str(k).casefold(): v for k, v in values.items()}
    ordered = list(values.values())
    row = []
    for i, field in enumerate(type_.fields):
        found = by_name.get(field.name.casefold()) if field.name else None
        if not field.name and len(ordered) == len(type_.fields):
            found = ordered[i]
        row.append(parameter_value(found if found is not None else {}, field.type, name))
    return row


def _range_value(body: Any, type_: Type, name: str) -> dict[str, Any]:
    if not isinstance(body, Mapping) or type_.element is None:
        raise _unparseable(name, type_, body)
    element = type_.element
    start, end = (parameter_value(body.get(side) or {}, element, name) for side in ("start", "end"))
    try:
        return make_range(start, end)
    except ValueError:
        raise _unparseable(name, type_, f"[{start}, {end})") from None


def _unparseable(name: str, type_: Type, value: Any) -> BigQueryError:
    problem = _PROBLEMS.get(type_.kind, "Invalid value: {}").format(value)
    return invalid_query(
        f"Unparseable query parameter `{name}` in type `TYPE_{type_.kind.value}`, {problem} value: '{value}'"
    )
