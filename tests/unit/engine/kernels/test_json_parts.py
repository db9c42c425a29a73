"""Parts of documents of a batch are those that the functions of one row give."""

from __future__ import annotations

from random import Random

import pyarrow as pa
import pytest

from bqsim.engine import kernels as registry
from bqsim.engine.kernels import json, json_edit, json_parts, json_text
from bqsim.errors import BigQueryError

KERNELS = registry.kernels()
_TEXTS = (
    '{"a":1,"b":[1,"x",null,{"c":2.5}],"s":"12"}',
    ' { "a" : [ 1 , 2 ] , "b" : { "c" : "x y" } } ',
    "[1,2,[3,4]]",
    '"abc"',
    "null",
    "true",
    "-1.50e3",
    "",
    "  ",
    "nope",
    '{"a":"q\\n","b":1}',
    '{"\\u0061":1}',
    "{'a':1}",
    '{"a":1',
    '{"a":1} x',
    '{"a":1,}',
    "[,1]",
    '{"a":1,"a":{"b":2}}',
    '{"a":{"b":[]}}',
    '{"a":"é\u2028"}',
    '{"a":"\u2014"}',
    '{"a":"x\ty"}',
    '{"0":"k","1":[5]}',
    "[01]",
    "[1.]",
    '{"a":nul}',
    '{"a":[[1,[2]],"é"]}',
    "[1e999]",
    '{"a":-}',
    '{"a":"' + "long " * 40 + '"}',
    "[" * 300 + "]" * 300,
    '{"b":[{"c":1},{"c": 2}]}',
    None,
)
_PATHS = (
    "$",
    "$.a",
    "$.b",
    "$.a.b",
    "$[0]",
    "$[2][1]",
    "$.b[3].c",
    "$.0",
    "$.x",
    "$.b[1].c",
    "$[01]",
    "$.a[0]",
)
_EDGES = (
    '{"b":1,"a":{"z":[],"y":0.5}}',
    '{"b":2,"aa":1,"a":3,"b":4}',
    "0.0001",
    "0.00001",
    "-0",
    "-0.0",
    "100.0",
    "1.50",
    "123456789012345678",
    "1234567890123456789",
    "18446744073709551616",
    "0.123456789012345",
    "1234567890.12345",
    "12345678901.234567",
    "1e5",
    "[1 , 2]",
    '"x\\u0041"',
    '"\u2028"',
    '{"é":1,"z":2}',
    "{}",
    "[]",
    " [ ] ",
)
_ROW_FUNCTIONS = {
    f"bq_json_{dialect}{name}": (make(legacy), returns)
    for name, returns, make in json._EXTRACTIONS
    for dialect, legacy in (("", False), ("legacy_", True))
}


@pytest.mark.parametrize("name", sorted(_ROW_FUNCTIONS))
@pytest.mark.parametrize("path", _PATHS)
def test_extractions_are_those_of_rows(name: str, path: str) -> None:
    function, _ = _ROW_FUNCTIONS[name]
    texts: tuple[str | None, ...] = _TEXTS
    if "json" in name.removeprefix("bq_json"):
        texts = tuple(t for t in _TEXTS if t is None or _is_canonical(t))
    found = KERNELS[name].function(pa.array(texts, pa.string()), pa.array([path] * len(texts)))
    assert found.to_pylist() == [None if t is None else function(t, path) for t in texts]


def _is_canonical(text: str) -> bool:
    try:
        return json_text.parse(text, False) == text
    except BigQueryError:
        return False


def test_paths_of_their_own_for_each_row() -> None:
    paths = [_PATHS[i % len(_PATHS)] for i in range(len(_TEXTS))]
    function, _ = _ROW_FUNCTIONS["bq_json_value_string"]
    found = KERNELS["bq_json_value_string"].function(pa.array(_TEXTS, pa.string()), pa.array(paths))
    assert found.to_pylist() == [
        None if t is None else function(t, p) for t, p in zip(_TEXTS, paths, strict=True)
    ]


@pytest.mark.parametrize("mode", ["exact", "round"])
def test_parsed_values_are_those_of_rows(mode: str) -> None:
    good = [t for t in (*_TEXTS, *_EDGES) if t is None or _parses(t, mode)]
    assert len(good) > 30
    found = KERNELS["bq_parse_json"].function(pa.array(good, pa.string()), pa.array([mode] * len(good)))
    assert found.to_pylist() == [None if t is None else json._parse(t, mode) for t in good]


def _parses(text: str, mode: str) -> bool:
    try:
        json._parse(text, mode)
    except BigQueryError:
        return False
    return True


def test_members_and_elements() -> None:
    documents = pa.array(['{"0":1,"a":{"b":"\\""}}', "[5,6]", "3", None])
    assert KERNELS["bq_json_member"].function(documents, pa.array(["0"] * 4)).to_pylist() == [
        "1",
        None,
        None,
        None,
    ]
    assert KERNELS["bq_json_member"].function(documents, pa.array(["a"] * 4)).to_pylist() == [
        '{"b":"\\""}',
        None,
        None,
        None,
    ]
    assert KERNELS["bq_json_element"].function(documents, pa.array([0] * 4)).to_pylist() == [
        None,
        "5",
        None,
        None,
    ]


def test_flattened_documents_are_those_of_rows() -> None:
    documents = ["[1,[2,[3]],{}]", "[1,2]", "[]", "7", '{"a":[1]}', '["x\\n",1]']
    found = KERNELS["bq_json_flatten"].function(pa.array([*documents, None]))
    assert found.to_pylist() == [*map(json_edit._flatten, documents), None]


def test_random_documents() -> None:
    random = Random(5)

    def document(depth: int) -> str:
        kind = random.randrange(8 if depth else 5)
        space = random.choice(("", "", " "))
        if kind < 5:
            return space + random.choice(
                ("1", "-2.5", "true", "null", '"a b"', '"é"', '"\\\\"', "12345", '""')
            )
        if kind < 6:
            return "[" + ",".join(document(depth - 1) for _ in range(random.randrange(4))) + space + "]"
        keys = [random.choice(("a", "b", "c", "0", "é")) for _ in range(random.randrange(5))]
        return "{" + ",".join(f'"{k}"{space}:{document(depth - 1)}' for k in keys) + "}"

    texts = [document(4) for _ in range(2000)]
    for name in (
        "bq_json_query_string",
        "bq_json_value_string",
        "bq_json_query_array_string",
        "bq_json_value_array_string",
    ):
        for path in ("$", "$.a", "$.b.a", "$.a[1]", "$[0]", "$.é.c"):
            function, _ = _ROW_FUNCTIONS[name]
            found = KERNELS[name].function(pa.array(texts), pa.array([path] * len(texts)))
            assert found.to_pylist() == [function(t, path) for t in texts]
    found = KERNELS["bq_parse_json"].function(pa.array(texts), pa.array(["exact"] * len(texts)))
    assert found.to_pylist() == [json._parse(t, "exact") for t in texts]


def test_a_path_with_an_error_fails_when_there_is_a_document() -> None:
    kernel = KERNELS["bq_json_value_string"].function
    nothing = kernel(pa.array([None, None], pa.string()), pa.array(["x", "x"]))
    assert nothing.to_pylist() == [None, None]
    with pytest.raises(BigQueryError, match="JSONPath must start with"):
        kernel(pa.array(["{}"]), pa.array(["x"]))


def test_digits_that_the_program_reads_otherwise() -> None:
    assert json_parts.read_by_program(("a", "0", "12"))
    assert not json_parts.read_by_program(("01",))
