"""Calls that what a user supplies answers: batches of arguments as Python values."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bqsim.errors import BigQueryError, invalid_query
from bqsim.types import Type, TypeKind

from . import values
from .functions import MAX_CALLS, MAX_CHARS, Registry

Answering = Callable[[Sequence[Mapping[str, Any]]], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class SuppliedCall:
    """A function as one statement calls it: the names and types of the arguments that it gives, the type of
    the result, and what answers batches."""

    name: str
    arguments: tuple[tuple[str, Type], ...]
    returns: Type
    answer: Answering


SUPPLIED: Registry[SuppliedCall] = Registry(MAX_CALLS, MAX_CHARS)
# What users supply need not be thread-safe.
_LOCK = threading.Lock()


def run(call: SuppliedCall, columns: list[Any], rows: int) -> Any:
    """An engine column with the answers to ``rows`` calls, of engine columns of the arguments."""
    cells = [
        [_prompt(v, type_) for v in values.encoded(column, type_, values.REMOTE)]
        for column, (_, type_) in zip(columns, call.arguments, strict=True)
    ]
    names = [name for name, _ in call.arguments]
    calls = [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]
    try:
        with _LOCK:
            found = list(call.answer(calls))
    except BigQueryError:
        raise
    except Exception as error:
        raise invalid_query(f"The supplied answer of {call.name} failed: {error}") from error
    if len(found) != rows:
        raise invalid_query(f"The supplied answer of {call.name} has {len(found)} values for {rows} calls")
    try:
        return values.decoded([_fitting(v, call) for v in found], call.returns)
    except values.Unfit as error:
        raise invalid_query(
            f"The supplied answer of {call.name} has a bad value: {error.value!r} is no {error.type}"
        ) from None


def _prompt(value: Any, type_: Type) -> Any:
    """A STRUCT as what it is put together to: a text if it has texts only, else the list of its parts."""
    if not type_.is_struct or value is None:
        return value
    parts: list[Any] = []
    for part, field in zip(value, type_.fields, strict=True):
        listed = field.type.is_array and isinstance(part, list)
        parts += part if listed else [part]
    texts = [p for p in parts if p is not None]
    return "".join(texts) if all(isinstance(p, str) for p in texts) else parts


def _fitting(value: Any, call: SuppliedCall) -> Any:
    """A value as the result; of a function that gives more than its result, the result alone will do."""
    names = [f.name for f in call.returns.fields]
    if names[:1] == ["result"] and not isinstance(value, Mapping):
        value = {"result": value}
    if "status" in names and isinstance(value, Mapping):
        value = {"status": "", **value}
    return _shaped(value, call.returns)


def _shaped(value: Any, type_: Type) -> Any:
    """A value as JSON has it, the fields of STRUCTs in order. Raises ``values.Unfit``."""
    if value is None:
        return None
    if type_.is_array and type_.element is not None:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise values.Unfit(value, type_)
        return [_shaped(v, type_.element) for v in value]
    if type_.is_struct:
        known = {f.name.casefold() for f in type_.fields}
        if not isinstance(value, Mapping) or not {str(n).casefold() for n in value} <= known:
            raise values.Unfit(value, type_)
        by_name = {str(name).casefold(): v for name, v in value.items()}
        return [_shaped(by_name.get(f.name.casefold()), f.type) for f in type_.fields]
    if type_.kind is TypeKind.JSON:
        return value if isinstance(value, str) and _is_json(value) else json.dumps(value)
    if isinstance(value, Mapping | list) or (isinstance(value, bool) and type_.kind is not TypeKind.BOOL):
        raise values.Unfit(value, type_)
    if isinstance(value, str) and type_.kind is TypeKind.BOOL and value.lower() not in ("true", "false"):
        raise values.Unfit(value, type_)
    if type_.kind is TypeKind.STRING and not isinstance(value, str):
        raise values.Unfit(value, type_)
    return value


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
