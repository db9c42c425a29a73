"""Parameters of queries: Python values as the API's ``QueryParameter``, never as text of SQL."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from bqclient.errors import UsageError
from bqclient.models.schema import Field

from .checks import CHECKS, check_of, is_null, problem
from .spelled import parameter_field
from .types import Geography, Interval, Json, Range

_NAME = re.compile(r"[A-Za-z_]\w{0,127}\Z", re.ASCII)
_LONGEST_NAME = 128


@dataclass(frozen=True, slots=True, repr=False)
class Parameter:
    """A value with its type, for what Python leaves open: ``Parameter(None, "DATE")``,
    ``Parameter([], "ARRAY<INT64>")``, ``Parameter({"a": 1}, "STRUCT<a INT64, b STRING>")``.

    ``type`` is GoogleSQL's name of a type, or a :class:`~bqclient.models.schema.Field`.
    """

    value: Any
    type: str | Field

    def field(self) -> Field:
        """The type as a field without a name. Raises UsageError."""
        return self.type if isinstance(self.type, Field) else parameter_field(self.type)

    def __repr__(self) -> str:
        # Without its value: parameters hold what must not be in logs.
        return f"Parameter(…, {self.type!r})"


def query_parameters(
    parameters: Mapping[str, Any] | Sequence[Any] | None,
) -> tuple[str | None, list[dict[str, Any]]]:
    """The API's ``parameterMode`` and ``queryParameters``: NAMED for a mapping, POSITIONAL for a sequence.

    Raises UsageError naming the parameter.
    """
    if parameters is None:
        return None, []
    if isinstance(parameters, Mapping):
        return ("NAMED" if parameters else None), [
            {"name": _name(name), **_one(value, f"Parameter {name}")} for name, value in parameters.items()
        ]
    if isinstance(parameters, str | bytes) or not isinstance(parameters, Iterable):
        raise UsageError("Parameters are a mapping of names to values, or a sequence of values.")
    found = [_one(value, f"Parameter {at}") for at, value in enumerate(parameters, 1)]
    return ("POSITIONAL" if found else None), found


def _name(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.match(name):
        raise UsageError(
            f"{name!r} is no name of a parameter: use letters, digits and underscores, and leave '@' out."
        )
    return name


def _one(value: Any, where: str) -> dict[str, Any]:
    try:
        if isinstance(value, Parameter):
            field, value = value.field(), value.value
        else:
            field = _field(value)
        return {"parameterType": _type(field), "parameterValue": _value(value, field)}
    except RecursionError:
        raise UsageError(f"{where}: the value is nested too deeply.") from None
    except ValueError as error:
        raise UsageError(f"{where}: {problem(error)}.") from None


# --- the type of a value ---

_SCALARS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "BOOL"),
    (int, "INT64"),
    (float, "FLOAT64"),
    (Geography, "GEOGRAPHY"),
    (str, "STRING"),
    ((bytes, bytearray, memoryview), "BYTES"),
    (date, "DATE"),
    (time, "TIME"),
    ((Interval, timedelta), "INTERVAL"),
    (Json, "JSON"),
)
_UNTYPED = "give its type: Parameter(value, type)"


def _field(value: Any) -> Field:
    """The field of a value's type. Raises ValueError where Python leaves it open."""
    if is_null(value):
        raise ValueError(f"NULL has no type of its own, {_UNTYPED}")
    if isinstance(value, Parameter):
        return value.field()
    if isinstance(value, datetime):
        return Field("", "DATETIME" if value.tzinfo is None else "TIMESTAMP")
    if isinstance(value, Decimal):
        return Field("", _decimal_type(value))
    if isinstance(value, Range):
        if value.element is None:
            raise ValueError("a RANGE without bounds has no type of its own: Range(None, None, 'DATE')")
        return Field("", "RANGE", element=value.element)
    for kinds, name in _SCALARS:
        if isinstance(value, kinds):
            return Field("", name)
    if _is_row(value):
        return Field("", "STRUCT", fields=tuple(_named(name, _field(v)) for name, v in _items(value)))
    if hasattr(value, "tolist"):
        plain = value.tolist()
        return _elements(plain) if isinstance(plain, list) else _field(plain)
    if isinstance(value, Iterable):
        return _elements(list(value))
    raise ValueError(f"{type(value).__name__} is no type that BigQuery has, {_UNTYPED}")


def _is_row(value: Any) -> bool:
    return isinstance(value, Mapping) or hasattr(value, "_fields") or hasattr(value, "as_dict")


def _items(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(str(name), v) for name, v in value.items()]
    if hasattr(value, "as_dict"):
        return list(value.as_dict().items())
    return list(zip(value._fields, value, strict=True))


def _named(name: str, field: Field) -> Field:
    return Field(name, field.type, field.mode, field.fields, element=field.element)


def _decimal_type(value: Decimal) -> str:
    try:
        CHECKS["NUMERIC"](value)
    except ValueError:
        return "BIGNUMERIC"
    return "NUMERIC"


def _elements(values: list[Any]) -> Field:
    found: Field | None = None
    for value in values:
        if is_null(value):
            continue
        field = _field(value)
        if field.repeated:
            raise ValueError("BigQuery has no ARRAY of ARRAYs: put the inner one into a STRUCT")
        found = field if found is None else _common(found, field)
    if found is None:
        raise ValueError(f"an ARRAY without values has no type of its own, {_UNTYPED}")
    return Field("", found.type, "REPEATED", found.fields, element=found.element)


_WIDER = ("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64")


def _common(one: Field, other: Field) -> Field:
    if one == other:
        return one
    if one.type in _WIDER and other.type in _WIDER and one.mode == other.mode:
        return max(one, other, key=lambda f: _WIDER.index(f.type))
    if one.type == other.type == "STRUCT" and [f.name for f in one.fields] == [f.name for f in other.fields]:
        pairs = zip(one.fields, other.fields, strict=True)
        return Field("", "STRUCT", one.mode, tuple(_named(a.name, _common(a, b)) for a, b in pairs))
    raise ValueError(f"the elements of an ARRAY have the types {one.type} and {other.type}, {_UNTYPED}")


# --- the API's form ---


def _type(field: Field) -> dict[str, Any]:
    if field.repeated:
        return {
            "type": "ARRAY",
            "arrayType": _type(Field("", field.type, "NULLABLE", field.fields, element=field.element)),
        }
    if field.type == "STRUCT":
        parts = [{**({"name": f.name} if f.name else {}), "type": _type(f)} for f in field.fields]
        return {"type": "STRUCT", "structTypes": parts}
    if field.type == "RANGE":
        return {"type": "RANGE", "rangeElementType": {"type": field.element or "DATE"}}
    return {"type": field.type}


def _value(value: Any, field: Field) -> dict[str, Any]:
    if isinstance(value, Parameter):
        value = value.value
    if field.repeated:
        return _array(value, field)
    if is_null(value):
        return {"value": None} if field.type not in ("STRUCT", "RANGE") else {}
    if field.type == "STRUCT":
        return {"structValues": _struct(value, field)}
    found = check_of(field)(value)
    if field.type == "RANGE":
        text = TEXTS[field.element or "DATE"]
        bounds = {"start": found.start, "end": found.end}
        return {"rangeValue": {k: {"value": text(v)} for k, v in bounds.items() if v is not None}}
    return {"value": TEXTS[field.type](found)}


def _array(value: Any, field: Field) -> dict[str, Any]:
    if is_null(value):
        # The API has no NULL arrays in parameters: it takes them for empty ones.
        return {"arrayValues": []}
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ValueError(f"{type(value).__name__} is given where a list is wanted")
    element = Field("", field.type, "NULLABLE", field.fields, element=field.element)
    return {"arrayValues": [_value(v, element) for v in value]}


def _struct(value: Any, field: Field) -> dict[str, Any]:
    """Values by name; unnamed fields are given in order, and named by their place."""
    if _is_row(value):
        given = dict(_items(value))
        unknown = given.keys() - {f.name for f in field.fields}
        if unknown:
            raise ValueError(f"the STRUCT has no field {', '.join(sorted(unknown))}")
        values = [given.get(f.name) for f in field.fields]
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        values = list(value)
        if len(values) != len(field.fields):
            raise ValueError(f"the STRUCT has {len(field.fields)} fields, {len(values)} values are given")
    else:
        raise ValueError(f"{type(value).__name__} is given where a mapping is wanted")
    found: dict[str, Any] = {}
    for at, (part, v) in enumerate(zip(field.fields, values, strict=True)):
        try:
            found[part.name or f"_field_{at + 1}"] = _value(v, part)
        except ValueError as error:
            raise ValueError(f"field {part.name or at + 1}: {problem(error)}") from None
    return found


def float_text(value: float) -> str:
    """A FLOAT64 in the API's text."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def timestamp_text(value: datetime) -> str:
    """A TIMESTAMP in UTC as text."""
    return f"{value.replace(tzinfo=None).isoformat(' ')}+00:00"


def decimal_text(value: Decimal) -> str:
    """A NUMERIC without an exponent."""
    return f"{value:f}"


# Checked values as the API's texts.
TEXTS: Mapping[str, Callable[[Any], str]] = {
    "INT64": str,
    "FLOAT64": float_text,
    "BOOL": lambda v: "true" if v else "false",
    "STRING": str,
    "BYTES": lambda v: base64.b64encode(v).decode("ascii"),
    "DATE": date.isoformat,
    "DATETIME": datetime.isoformat,
    "TIME": time.isoformat,
    "TIMESTAMP": timestamp_text,
    "INTERVAL": str,
    "JSON": str,
    "GEOGRAPHY": str,
    "NUMERIC": decimal_text,
    "BIGNUMERIC": decimal_text,
}
