"""The API's ``TableFieldSchema`` JSON ⇄ :class:`~bqsim.types.kinds.Field`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from bqsim.errors import BigQueryError, invalid

from .kinds import Field, Mode, TypeKind
from .names import name_problem

MAX_NESTING = 15

# What the API accepts (any case), and what it answers: the legacy names.
API_TYPES: dict[str, TypeKind] = {
    "INTEGER": TypeKind.INT64,
    "INT64": TypeKind.INT64,
    "FLOAT": TypeKind.FLOAT64,
    "FLOAT64": TypeKind.FLOAT64,
    "NUMERIC": TypeKind.NUMERIC,
    "DECIMAL": TypeKind.NUMERIC,
    "BIGNUMERIC": TypeKind.BIGNUMERIC,
    "BIGDECIMAL": TypeKind.BIGNUMERIC,
    "BOOLEAN": TypeKind.BOOL,
    "BOOL": TypeKind.BOOL,
    "STRING": TypeKind.STRING,
    "BYTES": TypeKind.BYTES,
    "DATE": TypeKind.DATE,
    "TIME": TypeKind.TIME,
    "DATETIME": TypeKind.DATETIME,
    "TIMESTAMP": TypeKind.TIMESTAMP,
    "INTERVAL": TypeKind.INTERVAL,
    "JSON": TypeKind.JSON,
    "GEOGRAPHY": TypeKind.GEOGRAPHY,
    "RANGE": TypeKind.RANGE,
    "RECORD": TypeKind.STRUCT,
    "STRUCT": TypeKind.STRUCT,
}
_LEGACY_NAMES = {
    TypeKind.INT64: "INTEGER",
    TypeKind.FLOAT64: "FLOAT",
    TypeKind.BOOL: "BOOLEAN",
    TypeKind.STRUCT: "RECORD",
}
_RANGE_ELEMENTS = (TypeKind.DATE, TypeKind.DATETIME, TypeKind.TIMESTAMP)
_MODELLED = frozenset(
    (
        "name",
        "type",
        "mode",
        "fields",
        "rangeElementType",
        "description",
        "maxLength",
        "precision",
        "scale",
        "defaultValueExpression",
        "collation",
    )
)
# (kind, greatest scale, greatest precision minus scale) of the decimal types.
_DECIMAL_LIMITS = {TypeKind.NUMERIC: (9, 29), TypeKind.BIGNUMERIC: (38, 38)}

E = TypeVar("E", TypeKind, Mode)


def api_type(kind: TypeKind) -> str:
    """The type name that the API answers with."""
    return _LEGACY_NAMES.get(kind, kind.value)


def fields_from_api(fields: Iterable[Mapping[str, Any]] | None) -> tuple[Field, ...]:
    """The fields of a ``TableSchema.fields`` list. Raises 400 ``invalid`` with BigQuery's texts."""
    return _fields(fields or (), 1)


def _fields(fields: Iterable[Mapping[str, Any]], level: int) -> tuple[Field, ...]:
    parsed = tuple(_field(f, level) for f in fields)
    check_unique(f.name for f in parsed)
    return parsed


def check_unique(names: Iterable[str]) -> None:
    """Raise ``invalid`` when two names are the same, case aside."""
    seen: set[str] = set()
    for name in names:
        folded = name.casefold()
        if folded in seen:
            raise invalid(f"Field {name} already exists in schema")
        seen.add(folded)


def check_name(name: str) -> None:
    """Raise ``invalid`` when ``name`` cannot name a column."""
    problem = name_problem(name)
    if problem:
        raise invalid(problem)


def _field(body: Mapping[str, Any], level: int) -> Field:
    if not isinstance(body, Mapping):
        raise invalid("Invalid schema: a field must be an object")
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise BigQueryError("required", "Required field name is missing in the schema")
    check_name(name)
    kind = _enum(API_TYPES, body.get("type"), "type", name)
    modes = {m.value: m for m in Mode}
    mode = _enum(modes, body.get("mode") or Mode.NULLABLE.value, "mode", name)
    nested: tuple[Field, ...] = ()
    if kind is TypeKind.STRUCT:
        if level >= MAX_NESTING:
            raise invalid(f"Field {name} exceeds the maximum nesting depth of {MAX_NESTING} levels")
        if not body.get("fields"):
            raise invalid(f"Field {name} is type RECORD but has no schema")
        nested = _fields(body["fields"], level + 1)
    elif body.get("fields"):
        raise invalid(f"Field {name} is type {api_type(kind)} but has nested fields")
    field = Field(
        name=name,
        kind=kind,
        mode=mode,
        fields=nested,
        range_element=_range_element(body, kind, name),
        description=body.get("description"),
        max_length=_integer(body, "maxLength", name),
        precision=_integer(body, "precision", name),
        scale=_integer(body, "scale", name),
        default=body.get("defaultValueExpression") or None,
        collation=body.get("collation") or None,
        attributes={k: v for k, v in body.items() if k not in _MODELLED and v is not None},
    )
    _check_parameters(field)
    return field


def _enum(values: Mapping[str, E], given: Any, what: str, name: str) -> E:
    if given is None:
        raise BigQueryError("required", f"Required field {what} is missing for field {name}")
    found = values.get(str(given).upper())
    if found is None:
        raise invalid(f"Invalid value for {what}: {given} is not a valid value", what)
    return found


def _range_element(body: Mapping[str, Any], kind: TypeKind, name: str) -> TypeKind | None:
    if kind is not TypeKind.RANGE:
        return None
    element = (body.get("rangeElementType") or {}).get("type")
    if element is None:
        raise invalid(f"Field {name} is type RANGE but has no range element type")
    found = API_TYPES.get(str(element).upper())
    if found not in _RANGE_ELEMENTS:
        raise invalid(f"Invalid range element type {element} for field {name}")
    return found


def _integer(body: Mapping[str, Any], key: str, name: str) -> int | None:
    given = body.get(key)
    if given is None or given == "":
        return None
    try:
        return int(given)
    except (TypeError, ValueError):
        raise invalid(f"Invalid value for {key}: {given} is not a valid value", name) from None


def _check_parameters(field: Field) -> None:
    if field.max_length is not None and (
        field.kind not in (TypeKind.STRING, TypeKind.BYTES) or field.max_length <= 0
    ):
        raise invalid(
            f"Invalid maxLength {field.max_length} for field {field.name} of type {api_type(field.kind)}"
        )
    if field.precision is None and field.scale is None:
        return
    limits = _DECIMAL_LIMITS.get(field.kind)
    if limits is None:
        raise invalid(
            f"Precision and scale are not allowed for field {field.name} of type {api_type(field.kind)}"
        )
    if field.precision is None:
        raise invalid(f"Scale of field {field.name} is specified without precision")
    max_scale, max_whole = limits
    scale = field.scale or 0
    if not 0 <= scale <= max_scale:
        raise invalid(
            f"In {field.kind.value}(P, S), S must be between 0 and {max_scale}, "
            f"in field {field.name}: {scale}"
        )
    if not max(1, scale) <= field.precision <= scale + max_whole:
        raise invalid(
            f"In {field.kind.value}(P, {scale}), P must be between {max(1, scale)} and {scale + max_whole}, "
            f"in field {field.name}: {field.precision}"
        )


def fields_to_api(fields: Sequence[Field]) -> list[dict[str, Any]]:
    """The API's JSON of a schema; int64 values are strings."""
    return [field_to_api(f) for f in fields]


def field_to_api(field: Field) -> dict[str, Any]:
    body: dict[str, Any] = {"name": field.name, "type": api_type(field.kind), "mode": field.mode.value}
    if field.kind is TypeKind.STRUCT:
        body["fields"] = fields_to_api(field.fields)
    if field.range_element is not None:
        body["rangeElementType"] = {"type": field.range_element.value}
    optional: dict[str, Any] = {
        "description": field.description,
        "maxLength": _text(field.max_length),
        "precision": _text(field.precision),
        "scale": _text(field.scale),
        "defaultValueExpression": field.default,
        "collation": field.collation or None,
    }
    body.update((k, v) for k, v in optional.items() if v is not None)
    body.update(field.attributes)
    return body


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
