"""Query parameters of every type."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.types import BIGNUMERIC, DATE, INT64, JSON, STRING, TIMESTAMP, Type, array_of, range_of, struct_of
from bqsim.types.values import array_of_values, parameter


def body(type_: dict[str, Any], value: Any, name: str = "p") -> dict[str, Any]:
    return {"name": name, "parameterType": type_, "parameterValue": value}


STRUCT = {
    "type": "STRUCT",
    "structTypes": [
        {"name": "a", "type": {"type": "INT64"}},
        {"name": "b", "type": {"type": "ARRAY", "arrayType": {"type": "STRING"}}},
    ],
}
DATE_RANGE = {"type": "RANGE", "rangeElementType": {"type": "DATE"}}
UNNAMED = {"type": "STRUCT", "structTypes": [{"type": {"type": "INT64"}}, {"type": {"type": "STRING"}}]}


@pytest.mark.parametrize(
    ("given", "type_", "value"),
    [
        (body({"type": "INT64"}, {"value": "12"}), INT64, 12),
        (body({"type": "INTEGER"}, {"value": 12}), INT64, 12),
        (body({"type": "STRING"}, {"value": ""}), STRING, ""),
        (body({"type": "STRING"}, {}), STRING, None),
        (body({"type": "STRING"}, {"value": None}), STRING, None),
        (body({"type": "STRING"}, None), STRING, None),
        (body({"type": "DATE"}, {"value": "2020-1-2"}), DATE, dt.date(2020, 1, 2)),
        (body({"type": "BIGNUMERIC"}, {"value": "1.5"}), BIGNUMERIC, Decimal("1.5")),
        (body({"type": "JSON"}, {"value": '{"a": 1}'}), JSON, '{"a":1}'),
        (
            body({"type": "TIMESTAMP"}, {"value": "2020-01-01 00:00:00.5+01:00"}),
            TIMESTAMP,
            dt.datetime(2019, 12, 31, 23, 0, 0, 500000, dt.UTC),
        ),
        (body({"type": "ARRAY", "arrayType": {"type": "INT64"}}, {}), array_of(INT64), []),
        (
            body({"type": "ARRAY", "arrayType": {"type": "INT64"}}, {"arrayValues": [{"value": "1"}, {}]}),
            array_of(INT64),
            [1, None],
        ),
        (
            body(STRUCT, {"structValues": {"b": {"arrayValues": [{"value": "x"}]}, "a": {"value": "1"}}}),
            struct_of(("a", INT64), ("b", array_of(STRING))),
            [1, ["x"]],
        ),
        (body(STRUCT, {}), struct_of(("a", INT64), ("b", array_of(STRING))), None),
        (
            body(UNNAMED, {"structValues": {"_0": {"value": "1"}, "_1": {"value": "x"}}}),
            struct_of(("", INT64), ("", STRING)),
            [1, "x"],
        ),
        (
            body(
                DATE_RANGE,
                {"rangeValue": {"start": {"value": "2020-01-01"}, "end": {"value": None}}},
            ),
            range_of(DATE),
            {"start": dt.date(2020, 1, 1), "end": None},
        ),
        (
            body(DATE_RANGE, {"value": "[2020-01-01, UNBOUNDED)"}),
            range_of(DATE),
            {"start": dt.date(2020, 1, 1), "end": None},
        ),
    ],
)
def test_values(given: dict[str, Any], type_: Type, value: Any) -> None:
    assert parameter(given) == (type_, value)
    array_of_values(type_, [value]).validate(full=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            body({"type": "INT64"}, {"value": "abc"}),
            "Unparseable query parameter `p` in type `TYPE_INT64`, Bad int64 value: abc value: 'abc'",
        ),
        (
            body({"type": "TIMESTAMP"}, {"value": "x"}, name=""),
            "Unparseable query parameter `` in type `TYPE_TIMESTAMP`, Invalid timestamp: 'x' value: 'x'",
        ),
        (
            body({"type": "ARRAY", "arrayType": {"type": "DATE"}}, {"arrayValues": [{"value": "x"}]}),
            "Unparseable query parameter `p` in type `TYPE_DATE`, Invalid date: 'x' value: 'x'",
        ),
        (body({"type": "FOO"}, {"value": "1"}), "Invalid value for type: FOO is not a valid value"),
        (body({"type": "ARRAY"}, {}), "Required parameter is missing: arrayType"),
        ({"name": "p"}, "Required parameter is missing: parameterType"),
    ],
)
def test_refusals(given: dict[str, Any], message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        parameter(given)
    assert caught.value.message == message and caught.value.http == 400


def test_nesting_is_bounded() -> None:
    type_: dict[str, Any] = {"type": "INT64"}
    for _ in range(2000):
        type_ = {"type": "STRUCT", "structTypes": [{"name": "a", "type": type_}]}
    with pytest.raises(BigQueryError, match="nested too deeply"):
        parameter(body(type_, {}))
