"""JSON functions that build or change documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bqsim.errors import BigQueryError, invalid_query

from . import json_splices, json_text
from .json import rowwise
from .json_parts import flattening
from .json_text import MISSING, Object


def _object(keys: list[str | None], values: list[str]) -> str:
    if len(keys) != len(values):
        raise invalid_query("Invalid input to JSON_OBJECT: The number of keys and values must match")
    first: dict[str, str] = {}
    for key, value in zip(keys, values, strict=True):
        if key is None:
            raise invalid_query("Invalid input to JSON_OBJECT: A key cannot be NULL")
        first.setdefault(key, value)
    ordered = sorted(first, key=str.encode)
    return "{" + ",".join([f"{json_text.quote(k)}:{first[k]}" for k in ordered]) + "}"


def _path(function: str, path: str) -> tuple[str, ...]:
    try:
        return json_text.path(path)
    except BigQueryError as error:
        raise invalid_query(f"Invalid input to {function}: {error.message}") from None


def _index(token: str) -> int | None:
    return int(token) if token.isdigit() else None


def _key_position(document: Object, key: str) -> int | None:
    return next((i for i, (name, _) in enumerate(document) if name == key), None)


def _put(document: Any, tokens: tuple[str, ...], is_index: tuple[bool, ...], value: Any, create: bool) -> Any:
    """``document`` with ``value`` at the path, or unchanged when the path cannot lead there."""
    if not tokens:
        return value
    token, rest, rest_index = tokens[0], tokens[1:], is_index[1:]
    if isinstance(document, Object) and not is_index[0]:
        at = _key_position(document, token)
        if at is not None:
            changed = Object(document)
            changed[at] = (token, _put(document[at][1], rest, rest_index, value, create))
            return changed
        if not create:
            return document
        return Object([*document, (token, _put(None, rest, rest_index, value, create))])
    if isinstance(document, list) and not isinstance(document, Object) and is_index[0]:
        index = int(token)
        if index < len(document):
            items = list(document)
            items[index] = _put(document[index], rest, rest_index, value, create)
            return items
        if not create:
            return document
        padding = [None] * (index - len(document))
        return [*document, *padding, _put(None, rest, rest_index, value, create)]
    if document is None and create:
        empty: Any = [] if is_index[0] else Object()
        return _put(empty, tokens, is_index, value, create)
    return document


def path_kinds(path: str, tokens: tuple[str, ...]) -> tuple[bool, ...]:
    """Which tokens of a path are written as array indexes."""
    kinds: list[bool] = []
    at = 1
    for token in tokens:
        is_index = path[at] == "["
        kinds.append(is_index)
        del token
        at = _next(path, at)
    return tuple(kinds)


def _next(path: str, at: int) -> int:
    """Where the token after the one at ``at`` starts."""
    if path[at] == "[":
        return path.index("]", at) + 1
    if path[at : at + 2] == '."':
        end = at + 2
        while path[end] != '"':
            end += 2 if path[end] == "\\" else 1
        return end + 1
    end = at + 1
    while end < len(path) and path[end] not in ".[":
        end += 1
    return end


def _ordered(document: Any) -> str:
    return json_text.write(json_text.canonical(document))


def _set(text: str, paths: list[str | None], values: list[str], create: bool | None) -> str:
    if create is None:
        return text
    document = json_text.read(text)
    parsed = [None if p is None else _path("JSON_SET", p) for p in paths]
    for path, tokens, value in zip(paths, parsed, values, strict=True):
        if path is None or tokens is None:
            continue
        document = _put(document, tokens, path_kinds(path, tokens), json_text.read(value), create)
    return _ordered(document)


def _remove_at(document: Any, tokens: tuple[str, ...]) -> Any:
    token, rest = tokens[0], tokens[1:]
    inner = json_text.child(document, token)
    if inner is MISSING:
        return document
    at = _key_position(document, token) if isinstance(document, Object) else _index(token)
    assert at is not None
    changed: Any = Object(document) if isinstance(document, Object) else list(document)
    if not rest:
        del changed[at]
    elif isinstance(document, Object):
        changed[at] = (token, _remove_at(inner, rest))
    else:
        changed[at] = _remove_at(inner, rest)
    return changed


def _remove(text: str, paths: list[str | None]) -> str:
    document = json_text.read(text)
    parsed = [None if p is None else _path("JSON_REMOVE", p) for p in paths]
    for tokens in parsed:
        if tokens is None:
            continue
        if not tokens:
            raise invalid_query("The JSONPath cannot be '$'")
        document = _remove_at(document, tokens)
    return _ordered(document)


def _replace(document: Any, tokens: tuple[str, ...], change: Callable[[Any], Any]) -> Any:
    """``document`` with the part at an existing path changed."""
    if not tokens:
        return change(document)
    inner = json_text.child(document, tokens[0])
    if inner is MISSING:
        return document
    replaced = _replace(inner, tokens[1:], change)
    if isinstance(document, Object):
        return Object((k, replaced if v is inner and k == tokens[0] else v) for k, v in document)
    items = list(document)
    items[int(tokens[0])] = replaced
    return items


def _is_array(document: Any) -> bool:
    return isinstance(document, list) and not isinstance(document, Object)


def _new_items(value: str, is_array: bool, each: bool) -> list[Any]:
    """What one value argument adds: its elements when it is an ARRAY and they are wanted."""
    document = json_text.read(value)
    if is_array and each:
        return [] if document is None else list(document)
    return [document]


def _append(
    text: str, paths: list[str | None], values: list[str], arrays: list[bool], each: bool | None
) -> str:
    if each is None:
        return text
    document = json_text.read(text)
    parsed = [None if p is None else _path("JSON_ARRAY_APPEND", p) for p in paths]
    for tokens, value, is_array in zip(parsed, values, arrays, strict=True):
        if tokens is None:
            continue
        items = _new_items(value, is_array, each)
        skip = is_array and each and value == "null"

        def change(part: Any, items: list[Any] = items, skip: bool = skip) -> Any:
            if skip:
                return part
            if part is None:
                return items
            return [*part, *items] if _is_array(part) else part

        document = _replace(document, tokens, change)
    return _ordered(document)


def _insert(
    text: str, paths: list[str | None], values: list[str], arrays: list[bool], each: bool | None
) -> str:
    if each is None:
        return text
    document = json_text.read(text)
    parsed = [None if p is None else _path("JSON_ARRAY_INSERT", p) for p in paths]
    for path, tokens, value, is_array in zip(paths, parsed, values, arrays, strict=True):
        nothing = is_array and each and value == "null"
        if nothing or path is None or not tokens or not path_kinds(path, tokens)[-1]:
            continue
        items, index = _new_items(value, is_array, each), int(tokens[-1])

        def change(part: Any, items: list[Any] = items, index: int = index) -> Any:
            if part is None:
                part = []
            if not _is_array(part):
                return part
            padding = [None] * (index - len(part))
            return [*part[:index], *padding, *items, *part[index:]]

        document = _replace(document, tokens[:-1], change)
    return _ordered(document)


def _strip(document: Any, arrays: bool, empty: bool) -> Any:
    """``document`` without nulls, ``MISSING`` for one that is null itself (or got empty, with ``empty``)."""
    if document is None:
        return MISSING
    if isinstance(document, Object):
        pairs = [(k, _strip(v, arrays, empty)) for k, v in document]
        kept = Object((k, v) for k, v in pairs if v is not MISSING)
        return MISSING if empty and not kept else kept
    if isinstance(document, list):
        stripped = [_strip(v, arrays, empty) for v in document]
        if arrays:
            items = [v for v in stripped if v is not MISSING]
        else:
            items = [None if v is MISSING else v for v in stripped]
        return MISSING if empty and not items else items
    return document


def _strip_nulls(text: str, path: str | None, arrays: bool | None, empty: bool | None) -> str:
    if path is None or arrays is None or empty is None:
        return text
    tokens = _path("JSON_STRIP_NULLS", path)

    def change(part: Any) -> Any:
        stripped = _strip(part, arrays, empty)
        return None if stripped is MISSING else stripped

    return _ordered(_replace(json_text.read(text), tokens, change))


_KEY_MODES = ("strict", "lax", "lax recursive")


def _keys(text: str, depth: int | None, mode: str) -> list[str]:
    if mode.lower() not in _KEY_MODES:
        raise invalid_query("Invalid JSON mode specified")
    if depth is not None and depth < 1:
        raise invalid_query("max_depth must be positive.")
    found: set[str] = set()
    _collect(json_text.read(text), "", depth, _KEY_MODES.index(mode.lower()), False, found)
    return sorted(found, key=str.encode)


def _collect(
    document: Any, prefix: str, depth: int | None, mode: int, in_array: bool, found: set[str]
) -> None:
    if isinstance(document, Object):
        if depth == 0:
            return
        for key, value in document:
            name = f'"{key}"' if "." in key or '"' in key else key
            full = f"{prefix}.{name}" if prefix else name
            found.add(full)
            _collect(value, full, None if depth is None else depth - 1, mode, False, found)
    elif isinstance(document, list) and mode and (mode == 2 or not in_array):
        for item in document:
            _collect(item, prefix, depth, mode, True, found)


def _flatten(text: str) -> list[str]:
    def items(document: Any) -> list[Any]:
        return [inner for item in document for inner in items(item)] if _is_array(document) else [document]

    return [json_text.write(item) for item in items(json_text.read(text))]


V, L, B = "VARCHAR", "VARCHAR[]", "BOOLEAN"

KERNELS = (
    rowwise("bq_json_object", (L, L), V, _object),
    json_splices.splicing("bq_json_set", (V, L, L, B), _set, json_splices.CHANGES["set"]),
    json_splices.splicing("bq_json_remove", (V, L), _remove, json_splices.CHANGES["remove"]),
    *(
        json_splices.splicing(
            f"bq_json_array_{name}", (V, L, L, "BOOLEAN[]", B), function, json_splices.CHANGES[name]
        )
        for name, function in (("append", _append), ("insert", _insert))
    ),
    json_splices.stripping("bq_json_strip_nulls", _strip_nulls),
    json_splices.keys("bq_json_keys", _keys),
    flattening("bq_json_flatten", _flatten),
)
