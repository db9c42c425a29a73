from __future__ import annotations

from typing import Any

import pytest

from bqsim.record.parameters import parameters_form


def _form(kind: Any, value: Any, name: str = "") -> Any:
    kind = {"type": kind} if isinstance(kind, str) else kind
    value = value if isinstance(value, dict) else {"value": value}
    given = {"parameterType": kind, "parameterValue": value}
    return parameters_form([{**given, "name": name} if name else given])


@pytest.mark.parametrize(
    ("kind", "ways"),
    [
        ("INT64", ("1", 1, "+1", "01", "1.0")),
        ("FLOAT64", ("1.5", 1.5, "15e-1", "1.50")),
        ("NUMERIC", ("1.5", "1.50", "15E-1")),
        ("BOOL", ("true", "TRUE", True)),
        ("BYTES", ("/+8=", "_-8")),
        ("DATE", ("2020-01-02", "2020-1-2")),
        ("TIME", ("01:02:03", "1:2:3.000")),
        ("DATETIME", ("2020-01-02 03:04:05", "2020-01-02T03:04:05.0")),
        ("TIMESTAMP", ("2020-01-02 03:04:05+00", "2020-01-02T03:04:05Z", "2020-01-02 05:04:05.000+02:00")),
        ("JSON", ('{"a": 1, "b": 2}', '{"b":2,"a":1}')),
    ],
)
def test_values_in_every_way(kind: str, ways: tuple[Any, ...]) -> None:
    assert len({str(_form(kind, way)) for way in ways}) == 1


def test_types_by_any_of_their_names() -> None:
    assert _form("INTEGER", "1") == _form("INT64", 1)
    assert _form("FLOAT", "1") != _form("INT64", "1")
    assert _form("STRING", "1.50") != _form("STRING", "1.5")


def test_null_is_no_value() -> None:
    assert _form("INT64", {}) == _form("INT64", {"value": None}) != _form("INT64", "0")


def test_arrays_and_structs() -> None:
    array = {"type": "ARRAY", "arrayType": {"type": "INT64"}}
    one = _form(array, {"arrayValues": [{"value": "1"}, {"value": 2}]})
    assert one == [[["ARRAY", "INT64"], ["1", "2"]]]
    assert _form(array, {"arrayValues": [{"value": "2"}, {"value": "1"}]}) != one
    struct = {"type": "STRUCT", "structTypes": [{"name": "A", "type": {"type": "FLOAT64"}}]}
    assert _form(struct, {"structValues": {"a": {"value": "1.0"}}}) == _form(
        struct, {"structValues": {"A": {"value": 1}}}
    )


def test_named_parameters_have_no_order_and_no_case() -> None:
    a = {"name": "a", "parameterType": {"type": "INT64"}, "parameterValue": {"value": "1"}}
    b = {"name": "B", "parameterType": {"type": "INT64"}, "parameterValue": {"value": "2"}}
    assert parameters_form([a, b]) == parameters_form([{**b, "name": "b"}, a])


def test_what_is_no_value_of_its_type_stays_as_it_is() -> None:
    assert _form("INT64", "one") == [["INT64", "one"]]
    assert _form("TIMESTAMP", "soon") == [["TIMESTAMP", "soon"]]
