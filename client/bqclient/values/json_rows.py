"""Rows as JSON for ``tabledata.insertAll`` and for loads of newline-delimited JSON."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from bqclient.errors import UsageError
from bqclient.models.schema import Field, Schema

from .checks import CHECKS, check_of, is_null, problem
from .parameters import decimal_text, float_text
from .types import Interval, Json, Range, json_text

Writer = Callable[[Any], Any]


def row_to_json(row: Mapping[str, Any], schema: Schema | None, *, load: bool = False) -> dict[str, Any]:
    """A row as the service takes it, of values that ``json.dumps`` takes.

    With a schema values are checked against their columns, whose names match whatever their case; columns
    that it does not have go as they are, for the service to refuse or ignore. Columns that the row does not
    have are left out, so that their defaults hold. ``load``: for files of JSON, where values of JSON columns
    are written as they are; insertAll has them as text. Raises UsageError naming the field.
    """
    if not isinstance(row, Mapping):
        if not hasattr(row, "as_dict"):
            raise UsageError(f"A row is a mapping of columns to values, not {type(row).__name__}.")
        row = row.as_dict()
    try:
        if schema is None:
            return {str(name): _at(str(name), _untyped, value) for name, value in row.items()}
        return _writers(schema, load).write(row)
    except ValueError as error:
        raise UsageError(f"Field {problem(error)}.") from None
    except RecursionError:
        raise UsageError("The row is nested too deeply.") from None


class _Writers:
    """What writes the fields of a row or STRUCT; made once for a schema."""

    def __init__(self, fields: Iterable[Field], load: bool) -> None:
        self.fields = tuple(fields)
        self.by_name = {f.name: _writer(f, load) for f in self.fields}
        self.names = {f.name.casefold(): f.name for f in self.fields}
        self.needed = frozenset(f.name for f in self.fields if f.required and f.default is None)

    def write(self, row: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        writers, names = self.by_name, self.names
        name: Any = None
        try:
            for name, value in row.items():
                writer = writers.get(name)
                if writer is None:
                    name = names.get(str(name).casefold(), str(name))
                    writer = writers.get(name, _untyped)
                found[name] = writer(value)
        except _Inside as error:
            raise _Inside(f"{name}.{error}") from None
        except ValueError as error:
            raise ValueError(f"{name}: {problem(error)}") from None
        if self.needed and not self.needed <= found.keys():
            missing = min(self.needed - found.keys())
            raise ValueError(f"{missing} is REQUIRED and has no value")
        return found


def _at(name: str, writer: Writer, value: Any) -> Any:
    try:
        return writer(value)
    except _Inside as error:
        raise _Inside(f"{name}.{error}") from None
    except ValueError as error:
        raise ValueError(f"{name}: {problem(error)}") from None


class _Inside(ValueError):
    """A problem of a field inside of a STRUCT, with its path."""


_made: dict[tuple[int, bool], tuple[Schema, _Writers]] = {}


def _writers(schema: Schema, load: bool) -> _Writers:
    # By identity, as schemas hold dictionaries; the schema is kept, so that its id is not given again.
    key = (id(schema), load)
    known = _made.get(key)
    if known is None:
        if len(_made) >= 64:
            _made.clear()
        known = _made[key] = (schema, _Writers(schema, load))
    return known[1]


def _writer(field: Field, load: bool) -> Writer:
    value = _struct(field, load) if field.type == "STRUCT" else _scalar(field, load)
    if field.repeated:
        return _array(value)
    return _required(value) if field.required else _nullable(value)


def _required(writer: Writer) -> Writer:
    def write(value: Any) -> Any:
        found = nullable(value)
        if found is None:
            raise ValueError("the field is REQUIRED and may not be NULL")
        return found

    nullable = _nullable(writer)
    return write


def _nullable(writer: Writer) -> Writer:
    """The markers of data frames are looked for only where a writer does not take the value."""

    def write(value: Any) -> Any:
        if value is None:
            return None
        try:
            return writer(value)
        except ValueError:
            if is_null(value):
                return None
            raise

    return write


def _array(writer: Writer) -> Writer:
    def write(value: Any) -> list[Any]:
        if is_null(value):
            return []
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise ValueError(f"{type(value).__name__} is given where a list is wanted")
        found = []
        for at, item in enumerate(value):
            if is_null(item):
                raise ValueError(f"element {at} is NULL, which an ARRAY cannot hold: leave it out")
            found.append(writer(item))
        return found

    return write


def _struct(field: Field, load: bool) -> Writer:
    inner = _Writers(field.fields, load)

    def write(value: Any) -> dict[str, Any]:
        if hasattr(value, "as_dict"):
            value = value.as_dict()
        if not isinstance(value, Mapping):
            raise ValueError(f"{type(value).__name__} is given where a mapping is wanted")
        try:
            return inner.write(value)
        except ValueError as error:
            raise _Inside(str(error)) from None

    return write


def _scalar(field: Field, load: bool) -> Writer:
    check = check_of(field)
    if field.type == "JSON" and load:
        return _loaded_json
    if field.type == "RANGE":
        text = _TEXTS[field.element or "DATE"]
        return lambda value: _range(check(value), text)
    text = _TEXTS[field.type]
    return lambda value: text(check(value))


def _range(value: Range, text: Writer) -> dict[str, Any]:
    bounds = {"start": value.start, "end": value.end}
    return {name: None if bound is None else text(bound) for name, bound in bounds.items()}


def _loaded_json(value: Any) -> Any:
    """A value of a JSON column in a file: as it is, but a lone text or null as JSON text."""
    plain = value.value if isinstance(value, Json) else value
    text = CHECKS["JSON"](plain)
    return text if plain is None or isinstance(plain, str) else json.loads(text)


def _float(value: float) -> float | str:
    return value if math.isfinite(value) else float_text(value)


def _timestamp(value: datetime) -> str:
    return f"{value.replace(tzinfo=None).isoformat()}Z"


# Checked values as the service takes them. INT64 as text: JSON's numbers are floats to many.
_TEXTS: Mapping[str, Writer] = {
    "INT64": str,
    "FLOAT64": _float,
    "BOOL": bool,
    "STRING": str,
    "BYTES": lambda v: base64.b64encode(v).decode("ascii"),
    "DATE": date.isoformat,
    "DATETIME": datetime.isoformat,
    "TIME": time.isoformat,
    "TIMESTAMP": _timestamp,
    "INTERVAL": str,
    "JSON": str,
    "GEOGRAPHY": str,
    "NUMERIC": decimal_text,
    "BIGNUMERIC": decimal_text,
}

# Without a schema: by Python's type, the first that fits.
_BY_CLASS: tuple[tuple[Any, Writer], ...] = (
    (bool, bool),
    (str, CHECKS["STRING"]),
    (int, lambda v: int(v) if abs(v) < 1 << 53 else str(v)),
    (float, lambda v: _float(float(v))),
    (Decimal, decimal_text),
    ((bytes, bytearray, memoryview), lambda v: base64.b64encode(bytes(v)).decode("ascii")),
    (
        datetime,
        lambda v: (
            CHECKS["DATETIME"](v).isoformat() if v.tzinfo is None else _timestamp(CHECKS["TIMESTAMP"](v))
        ),
    ),
    (date, date.isoformat),
    (time, lambda v: CHECKS["TIME"](v).isoformat()),
    ((Interval, timedelta), lambda v: str(CHECKS["INTERVAL"](v))),
    (Json, lambda v: json_text(v.value)),
    (Range, lambda v: _range(v, _untyped)),
    (Mapping, lambda v: {str(k): _at(str(k), _untyped, item) for k, item in v.items()}),
    (Iterable, lambda v: [_untyped(item) for item in v]),
)


def _untyped(value: Any) -> Any:
    if is_null(value):
        return None
    for kinds, writer in _BY_CLASS:
        if isinstance(value, kinds):
            return writer(value)
    if hasattr(value, "as_dict"):
        return _untyped(value.as_dict())
    if hasattr(value, "item"):
        return _untyped(value.item())
    raise ValueError(f"{type(value).__name__} is no type that BigQuery has")
