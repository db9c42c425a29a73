"""Reading JSON bodies: each reader gives a value of the type that the API documents, or refuses with 400."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.errors import BigQueryError, invalid

_NOTHING: Mapping[str, Any] = {}


def required(name: str) -> BigQueryError:
    return BigQueryError("required", f"Required parameter is missing: {name}", location=name)


def bad_value(name: str, value: object) -> BigQueryError:
    return invalid(f"Invalid value for {name}: {str(value)[:200]} is not a valid value", name)


def mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object; empty when absent."""
    value = body.get(name)
    if value is None:
        return _NOTHING
    if not isinstance(value, Mapping):
        raise bad_value(name, value)
    return value


def items(body: Mapping[str, Any], name: str) -> Sequence[Any]:
    """A list; empty when absent."""
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise bad_value(name, value)
    return value


def texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts; empty when absent."""
    values = items(body, name)
    for value in values:
        if not isinstance(value, str):
            raise bad_value(name, value)
    return tuple(values)


def text(body: Mapping[str, Any], name: str) -> str | None:
    """A text; None when absent or empty."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise bad_value(name, value)
    return value


def enum(body: Mapping[str, Any], name: str, allowed: frozenset[str], default: str) -> str:
    """A word of an enumeration, in upper case; clients write it in either."""
    value = text(body, name) or default
    if value.upper() not in allowed:
        raise bad_value(name, value)
    return value.upper()


def int64(body: Mapping[str, Any], name: str) -> int | None:
    """An int64 of the API: a number or its text; None when absent."""
    value = body.get(name)
    if value is None or value == "":
        return None
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError) as exc:
        raise bad_value(name, value) from exc
    if isinstance(value, bool) or (number != value and not isinstance(value, str)):
        raise bad_value(name, value)
    if not -(2**63) <= number < 2**63:
        raise bad_value(name, value)
    return number


def boolean(body: Mapping[str, Any], name: str, default: bool) -> bool:
    """A boolean of the API: ``true``, ``"true"`` … ; null is the default."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise bad_value(name, value)


def table_ref(body: Mapping[str, Any], name: str, project: str) -> TableRef:
    """A table reference with dataset and table; ``project`` where it names none."""
    given = mapping(body, name)
    parts = {key: text(given, key) for key in ("projectId", "datasetId", "tableId")}
    for key in ("datasetId", "tableId"):
        if not parts[key]:
            raise required(f"{name}.{key}")
    return TableRef(parts["projectId"] or project, parts["datasetId"] or "", parts["tableId"] or "")


def dataset_ref(body: Mapping[str, Any], name: str, project: str) -> DatasetRef | None:
    """A dataset reference, None when absent."""
    given = mapping(body, name)
    if not given:
        return None
    dataset = text(given, "datasetId")
    if not dataset:
        raise required(f"{name}.datasetId")
    return DatasetRef(text(given, "projectId") or project, dataset)
