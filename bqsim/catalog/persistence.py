"""Resources as JSON texts: the durable records of the catalog.

The codec follows the dataclasses' type hints, so a resource that gains a field with a default reads old
records.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from .history import DroppedDataset, TableVersion
from .refs import DatasetRef, RoutineRef, TableRef
from .resources import Dataset, Routine, Table

PROJECT = "project"
DATASET = "dataset"
TABLE = "table"
ROUTINE = "routine"
HISTORY = "history"
DROPPED = "dropped"
BURIED = "buried"

Resource = Dataset | Routine | Table | TableVersion | DroppedDataset
R = TypeVar("R")


def key_of(ref: DatasetRef | TableRef | RoutineRef) -> str:
    """The record's key: ``project.dataset[.name]``."""
    return ref.sql_name


def version_key(version: TableVersion) -> str:
    """The key of a past version's record."""
    storage = version.table.storage
    return f"{key_of(version.table.ref)}@{version.begin_us}@{storage.engine_table if storage else ''}"


def dropped_key(dropped: DroppedDataset) -> str:
    """The key of a dropped dataset's record."""
    return f"{key_of(dropped.dataset.ref)}@{dropped.dropped_us}"


def to_record(resource: object) -> str:
    """The JSON text of a resource; fields that have their default value are left out."""
    return json.dumps(_encode(resource), separators=(",", ":"), ensure_ascii=False)


def from_record(cls: type[R], record: str) -> R:
    """The resource of type ``cls`` that :func:`to_record` wrote."""
    value: R = _decode(cls, json.loads(record))
    return value


def _encode(value: Any) -> Any:
    if is_dataclass(value):
        return {
            f.name: _encode(v)
            for f in fields(value)
            if (v := getattr(value, f.name)) != _default(type(value), f.name)
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {k: _encode(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(v) for v in value]
    return value


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _default(cls: type, name: str) -> Any:
    return _defaults(cls).get(name, MISSING)


@cache
def _defaults(cls: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for f in fields(cls):
        if f.default is not MISSING:
            found[f.name] = f.default
        elif f.default_factory is not MISSING:
            found[f.name] = f.default_factory()
    return found


def _decode(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        inner = next(a for a in typing.get_args(hint) if a is not type(None))
        return _decode(inner, value)
    if origin is tuple:
        item = typing.get_args(hint)[0]
        return tuple(_decode(item, v) for v in value)
    if is_dataclass(hint):
        hints = _hints(typing.cast(type, hint))
        return typing.cast(Any, hint)(**{k: _decode(hints[k], v) for k, v in value.items()})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return value
