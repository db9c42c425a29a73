"""Changed documents of a batch are those that the functions of one row give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from bqsim.engine import kernels as registry
from bqsim.engine.kernels import json, json_edit
from bqsim.errors import BigQueryError

KERNELS = registry.kernels()
DOCUMENTS = (
    '{"a":1,"b":[1,2],"c":{"d":null}}',
    '{"a":[]}',
    '{"a":{"b":"x"}}',
    '{"b":[[1],{"a":"q"}]}',
    "[1,2,3]",
    "[]",
    "null",
    '"x"',
    "{}",
    '{"a":null}',
    '{"\\"":1,"a":2}',
    '{"a":"l\\n","b":[0,"\\n"]}',
    '{"0":1}',
    "[[],[null,[]],{}]",
    '{"a":[null,1],"b":{"c":[]}}',
    '{"z":1,"é":"ü"}',
    '[{"a":1},{"a":{"b":2}}]',
)
PATHS = (
    "$",
    "$.a",
    "$.b",
    "$.b[1]",
    "$[0]",
    "$[1].a",
    "$.c.d",
    "$.a.b",
    "$.x.y",
    "$.0",
    "$[5]",
    "bad",
    "$.é",
)
VALUES = ("7", '"v"', '{"k":[1]}', "null", "[]", "[8,9]")


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except BigQueryError as error:
        return error.message


def compared(name: str, function: Callable[..., Any], *arguments: Any) -> None:
    """A batch with the same further arguments for all rows, and one of a NULL."""
    for given in DOCUMENTS, (None,):
        assert outcome(_batch, name, given, arguments) == outcome(_rows, function, given, arguments), (
            arguments
        )


def _rows(function: Callable[..., Any], given: tuple[str | None, ...], arguments: tuple[Any, ...]) -> Any:
    return [None if d is None else function(d, *arguments) for d in given]


def _batch(name: str, given: tuple[str | None, ...], arguments: tuple[Any, ...]) -> Any:
    types = KERNELS[name].parameters[1:]
    columns = [pa.array([a] * len(given), _type(t)) for a, t in zip(arguments, types, strict=True)]
    return KERNELS[name].function(pa.array(given, pa.string()), *columns).to_pylist()


def _type(name: str) -> Any:
    if name.endswith("[]"):
        return pa.list_(_type(name[:-2]))
    return {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "BOOLEAN": pa.bool_()}[name]


@pytest.mark.parametrize("path", PATHS)
def test_set_and_remove(path: str) -> None:
    for value in VALUES:
        for create in (True, False, None):
            compared("bq_json_set", json_edit._set, [path], [value], create)
    compared("bq_json_set", json_edit._set, [path, "$.a"], ["1", "2"], True)
    compared("bq_json_set", json_edit._set, [None], ["1"], True)
    compared("bq_json_remove", json_edit._remove, [path])
    compared("bq_json_remove", json_edit._remove, [path, "$.a"])


@pytest.mark.parametrize("path", PATHS)
def test_elements_added(path: str) -> None:
    for value in VALUES:
        for is_array in {False, value in ("null", "[]", "[8,9]")}:
            for each in (True, False, None):
                arguments = ([path], [value], [is_array], each)
                compared("bq_json_array_append", json_edit._append, *arguments)
                compared("bq_json_array_insert", json_edit._insert, *arguments)


@pytest.mark.parametrize("path", ["$", "$.a", None])
def test_nulls_stripped(path: str | None) -> None:
    for arrays in (True, False, None):
        for empty in (True, False):
            compared("bq_json_strip_nulls", json_edit._strip_nulls, path, arrays, empty)


def test_nulls_for_many_empty_arrays() -> None:
    text = "[" + ",".join(["[]"] * 500) + "]"
    arguments = ("$", False, True)
    columns = [
        pa.array([a], _type(t)) for a, t in zip(arguments, ("VARCHAR", "BOOLEAN", "BOOLEAN"), strict=True)
    ]
    found = KERNELS["bq_json_strip_nulls"].function(pa.array([text]), *columns)
    assert found.to_pylist() == [json_edit._strip_nulls(text, *arguments)]


@pytest.mark.parametrize("mode", ["strict", "lax", "lax recursive", "other"])
def test_keys(mode: str) -> None:
    for depth in (None, 1, 2, 0):
        compared("bq_json_keys", json_edit._keys, depth, mode)


def test_indented_texts() -> None:
    texts = (*DOCUMENTS, "[" * 60 + "]" * 60, '{"a":"\u2028"}', None)
    found = KERNELS["bq_json_pretty"].function(pa.array(texts, pa.string()))
    assert found.to_pylist() == [None if t is None else json._pretty(t) for t in texts]
