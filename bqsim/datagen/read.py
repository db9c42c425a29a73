"""Specifications as plain dicts (JSON) → the model.

A column is an object of the options of :class:`~bqsim.datagen.spec.ColumnSpec`, with these spellings:
``min``/``max`` for numbers, ``from``/``to`` for times, ``values`` a list or an object of weights,
``distribution`` and ``length`` a word or an object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bqsim.errors import BigQueryError
from bqsim.sim.scenario.spelling import unknown
from bqsim.types.api_schema import fields_from_api

from .spec import ColumnSpec, DataSpec, Distribution, Lengths, Sequence, SpecError, TableSpec

Reader = Callable[[Any, str], Any]


def read_spec(body: Any) -> DataSpec:
    """``{"seed": 7, "locale": "en_US", "null_share": 0.1, "tables": {name: {"schema": [...], "rows": 10,
    "columns": {...}}}}``. Raises :class:`SpecError` with the path of what is wrong.
    """
    given = _members(body, "", "key", ("seed", "locale", "null_share", "tables"))
    share = _share(given.get("null_share", 0), "null_share")
    tables = given.get("tables")
    if not isinstance(tables, Mapping) or not tables:
        raise SpecError("tables", "an object of at least one table is wanted")
    return DataSpec(
        tables=tuple(_table(str(name), table, share) for name, table in tables.items()),
        seed=_integer(given.get("seed", 0), "seed"),
        locale=_text(given.get("locale", "en_US"), "locale"),
    )


def _table(name: str, body: Any, share: float) -> TableSpec:
    path = f"tables.{name}"
    given = _members(body, path, "key", ("schema", "rows", "columns", "null_share"))
    for wanted in ("schema", "rows"):
        if wanted not in given:
            raise SpecError(path, f"'{wanted}' is missing")
    rows = _integer(given["rows"], f"{path}.rows")
    if rows < 0:
        raise SpecError(f"{path}.rows", "0 or more rows are wanted")
    return TableSpec(
        name=name,
        fields=read_schema(given["schema"], f"{path}.schema"),
        rows=rows,
        columns=read_columns(given.get("columns", {}), f"{path}.columns"),
        null_share=_share(given.get("null_share", share), f"{path}.null_share"),
    )


def read_schema(body: Any, path: str = "schema") -> tuple[Any, ...]:
    """The fields of an API schema: a list of fields, ``{"fields": [...]}`` or a whole table resource."""
    if isinstance(body, Mapping) and "schema" in body:
        body = body["schema"]
    if isinstance(body, Mapping):
        body = body.get("fields")
    if not isinstance(body, list) or not body:
        raise SpecError(path, "a list of the fields of a schema is wanted")
    try:
        return fields_from_api(body)
    except BigQueryError as error:
        raise SpecError(path, error.message) from None


def read_columns(body: Any, path: str = "columns") -> dict[str, ColumnSpec]:
    """An object of columns by name."""
    if not isinstance(body, Mapping):
        raise SpecError(path, "an object of columns by name is wanted")
    return {str(name): read_column(column, f"{path}.{name}") for name, column in body.items()}


def read_column(body: Any, path: str = "") -> ColumnSpec:
    """One column."""
    given = _members(body, path, "option", _COLUMN)
    read: dict[str, Any] = {}
    for option, value in given.items():
        attribute, reader = _COLUMN[option]
        if attribute in read:
            raise SpecError(path, f"'{option}' and its other spelling exclude each other")
        read[attribute] = reader(value, f"{path}.{option}")
    values = given.get("values")
    if isinstance(values, Mapping):
        weights = values.items()
        read["weights"] = tuple(_number(weight, f"{path}.values.{value}") for value, weight in weights)
    return ColumnSpec(**read)


def _members(body: Any, path: str, what: str, known: Any) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise SpecError(path, "an object is wanted")
    for name in body:
        if name not in known:
            raise SpecError(path, unknown(what, str(name), list(known)))
    return body


def _number(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(path, f"a number is wanted, not {value!r}")
    return value


def _integer(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpecError(path, f"a whole number is wanted, not {value!r}")
    return value


def _share(value: Any, path: str) -> float:
    if not 0 <= _number(value, path) <= 1:
        raise SpecError(path, f"a share from 0 to 1 is wanted, not {value!r}")
    return float(value)


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise SpecError(path, f"a text is wanted, not {value!r}")
    return value


def _flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise SpecError(path, f"true or false is wanted, not {value!r}")
    return value


def _bound(value: Any, path: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise SpecError(path, f"a number or a text is wanted, not {value!r}")
    return value


def _values(value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list | Mapping) or not value:
        raise SpecError(path, "a list of values, or an object of their weights, is wanted")
    return tuple(value)


def _weights(value: Any, path: str) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise SpecError(path, "a list of numbers is wanted")
    return tuple(_number(weight, path) for weight in value)


def _arguments(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise SpecError(path, "an object of arguments by name is wanted")
    return dict(value)


def _sequence(value: Any, path: str) -> Sequence | None:
    if isinstance(value, bool):
        return Sequence() if value else None
    given = _members(value, path, "key", ("start", "step"))
    start = _bound(given["start"], f"{path}.start") if "start" in given else None
    return Sequence(start, _number(given.get("step", 1), f"{path}.step"))


def _lengths(value: Any, path: str) -> Lengths:
    if isinstance(value, int):
        return Lengths(_integer(value, path), value)
    given = _members(value, path, "key", ("min", "max", "distribution", "mean"))
    least = _integer(given.get("min", 0), f"{path}.min")
    return Lengths(
        least,
        _integer(given.get("max", max(3, least)), f"{path}.max"),
        _text(given.get("distribution", "uniform"), f"{path}.distribution"),
        _number(given["mean"], f"{path}.mean") if "mean" in given else None,
    )


def _distribution(value: Any, path: str) -> Distribution:
    given = {"kind": value} if isinstance(value, str) else value
    given = _members(given, path, "key", ("kind", "mean", "deviation"))
    return Distribution(
        _text(given.get("kind", "uniform"), f"{path}.kind"),
        _number(given.get("mean", 0.0), f"{path}.mean"),
        _number(given.get("deviation", 1.0), f"{path}.deviation"),
    )


# The options of a column: the attribute of the model, and how it is read.
_COLUMN: dict[str, tuple[str, Reader]] = {
    "null_share": ("null_share", _number),
    "unique": ("unique", _flag),
    "distinct": ("distinct", _integer),
    "skew": ("skew", _number),
    "provider": ("provider", _text),
    "arguments": ("arguments", _arguments),
    "pattern": ("pattern", _text),
    "values": ("values", _values),
    "weights": ("weights", _weights),
    "distribution": ("distribution", _distribution),
    "min": ("low", _bound),
    "max": ("high", _bound),
    "from": ("low", _bound),
    "to": ("high", _bound),
    "decimals": ("decimals", _integer),
    "sequence": ("sequence", _sequence),
    "references": ("references", _text),
    "relation": ("relation", _text),
    "length": ("length", _lengths),
    "fields": ("fields", read_columns),
}
