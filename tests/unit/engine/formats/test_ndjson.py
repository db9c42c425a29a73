from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.engine.formats import ndjson
from bqsim.engine.formats.ndjson import read_ndjson
from bqsim.types import BOOL, FLOAT64, INT64, STRING, Field, Mode, TypeKind, array_of, field_of, struct_of

pytestmark = pytest.mark.fidelity("load:NEWLINE_DELIMITED_JSON", "exact")

FIELDS = (
    field_of("id", INT64),
    field_of("tags", array_of(STRING)),
    field_of("info", struct_of(("age", INT64), ("city", STRING))),
    field_of("items", array_of(struct_of(("sku", STRING), ("qty", INT64)))),
)


def rows(data: str, fields: tuple[Field, ...] = FIELDS, **options: Any) -> list[tuple[Any, ...]]:
    parsed = read_ndjson(data.encode(), fields, **options)
    assert parsed.bad == []
    return [tuple(r.values()) for r in parsed.rows.to_pylist()]


def bad(data: str, fields: tuple[Field, ...] = FIELDS) -> list[str]:
    return read_ndjson(data.encode(), fields).bad


LINE = '{"id":1,"tags":["a"],"info":{"age":3,"city":"X"},"items":[{"sku":"s","qty":2}]}'
VALUES = (1, ["a"], {"_1": 3, "_2": "X"}, [{"_1": "s", "_2": 2}])


def test_nested_and_repeated_fields() -> None:
    assert rows(f"{LINE}\n") == [VALUES]


def test_missing_values_are_null_and_lists_empty() -> None:
    assert rows(f'{LINE}\n{{"info":null}}\n{{"info":{{}}}}\n') == [
        VALUES,
        (None, [], None, []),
        (None, [], {"_1": None, "_2": None}, []),
    ]


def test_names_match_without_case() -> None:
    assert rows('{"ID":5}\n')[0][0] == 5


def test_blank_lines_and_a_missing_last_newline() -> None:
    assert [r[0] for r in rows('{"id":1}\n\n{"id":2}')] == [1, 2]


def test_an_empty_file() -> None:
    assert rows("\n") == []


def test_unknown_fields() -> None:
    assert bad('{"id":1}\n{"id":2,"zzz":1}\n') == [
        "JSON parsing error in row starting at position 9: No such field: zzz"
    ]
    assert rows('{"id":2,"zzz":1,"info":{"age":1,"q":2}}\n', ignore_unknown=True)[0][0] == 2


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('{"id":"x"}', "Cannot convert value to integer (bad value): x"),
        ('{"id":[1]}', "Array specified for non-repeated field: id"),
        ('{"info":1}', "This field: info is not a record"),
        ('{"id":', "Parser terminated before end of string"),
        ("[1]", "Start of object expected"),
    ],
)
def test_bad_rows(line: str, text: str) -> None:
    found = bad(f'{{"id":1}}\n{line}\n')
    assert len(found) == 1
    assert found[0].startswith("JSON parsing error in row starting at position 9: ")
    assert text in found[0]


def test_a_required_field_must_have_a_value() -> None:
    fields = (replace(FIELDS[0], mode=Mode.REQUIRED),)
    assert bad('{"id":1}\n{}\n', fields) == [
        "JSON parsing error in row starting at position 9: Missing required field: id"
    ]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (TypeKind.INT64, [1, "2", "3"], [1, 2, 3]),
        (TypeKind.FLOAT64, [1, 2.5, "NaN"], [1.0, 2.5, None]),
        (TypeKind.BOOL, [True, "false"], [True, False]),
        (TypeKind.STRING, ["a", 5], ["a", "5"]),
        (TypeKind.NUMERIC, ["1.5", 2], [Decimal("1.5"), Decimal(2)]),
        (TypeKind.JSON, [{"b": 1, "a": [1]}, 5], ['{"a":[1],"b":1}', "5"]),
    ],
)
def test_values_in_other_json_types(kind: TypeKind, values: list[Any], expected: list[Any]) -> None:
    data = "".join(json.dumps({"v": v}) + "\n" for v in values)
    found = [v for (v,) in rows(data, (Field("v", kind),))]
    assert [None if v != v else v for v in found] == expected


def test_timestamps_as_text_and_as_seconds() -> None:
    fields = (Field("v", TypeKind.TIMESTAMP),)
    expected = ["2026-01-02 03:04:05+00:00", "2023-11-14 22:13:20.500000+00:00"]
    assert [str(v) for (v,) in rows('{"v":"2026-01-02T03:04:05"}\n{"v":1700000000.5}\n', fields)] == expected


VALUE = st.none() | st.integers(-(2**63), 2**63 - 1)
ROW = st.fixed_dictionaries(
    {},
    optional={
        "i": VALUE,
        "f": st.floats(allow_nan=False, allow_infinity=False),
        "b": st.booleans() | st.none(),
        "s": st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.none(),
        "l": st.lists(st.integers(0, 9), max_size=3),
        "r": st.fixed_dictionaries({}, optional={"x": VALUE}) | st.none(),
    },
)
MIXED = (
    field_of("i", INT64),
    field_of("f", FLOAT64),
    field_of("b", BOOL),
    field_of("s", STRING),
    field_of("l", array_of(INT64)),
    field_of("r", struct_of(("x", INT64))),
)


@given(st.lists(ROW, min_size=1, max_size=6))
def test_both_ways_of_reading_agree(values: list[dict[str, Any]]) -> None:
    data = "".join(json.dumps(v) + "\n" for v in values).encode()
    in_bulk = ndjson._read_in_bulk(data, MIXED, ndjson.JsonOptions())
    by_line = ndjson._read_by_line(data, MIXED, ndjson.JsonOptions(), 0, 0)
    assert by_line.bad == []
    assert in_bulk is not None
    assert in_bulk.equals(by_line.rows)


@pytest.mark.parametrize("data", [b"null\n", b'{"id":1}\n null\n', b'{"id":1} null\n', b"null null"])
def test_rows_of_null_are_bad(data: bytes) -> None:
    fields = (Field("id", TypeKind.INT64),)
    parsed = read_ndjson(data, fields)
    assert len(parsed.bad) == 1


@pytest.mark.parametrize(
    ("number", "numeric", "bignumeric"),
    [
        ("2.585694208222997e-33", "0", "2.58569E-33"),
        ("1.0e-48", "0", "0"),
        ("-123456789012.25", "-123456789012.25", "-123456789012.25"),
        ("0.1234567891", "0.123456789", "0.1234567891"),
    ],
)
def test_numbers_of_many_places(number: str, numeric: str, bignumeric: str) -> None:
    fields = (Field("n", TypeKind.NUMERIC), Field("b", TypeKind.BIGNUMERIC))
    assert rows(f'{{"n":{number},"b":{number}}}\n', fields) == [(Decimal(numeric), Decimal(bignumeric))]
