from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from bqsim.engine.external import values
from bqsim.types import (
    BYTES,
    DATE,
    DATETIME,
    INT64,
    INTERVAL,
    JSON,
    NUMERIC,
    STRING,
    TIMESTAMP,
    array_of,
    struct_of,
)

BIG = 1 << 60
MICROS = pa.timestamp("us")


@pytest.mark.parametrize(
    ("column", "type_", "javascript", "remote"),
    [
        (pa.array([1, None, BIG]), INT64, [1, None, str(BIG)], [1, None, str(BIG)]),
        (pa.nulls(2), STRING, [None, None], [None, None]),
        (pa.array([b"a", None]), BYTES, ["YQ==", None], ["YQ==", None]),
        (pa.array([0, 1], pa.date32()), DATE, [0, 86_400_000], ["1970-01-01", "1970-01-02"]),
        (
            pa.array([-1, 1_000_001], MICROS),
            TIMESTAMP,
            [[-1, 999], [1000, 1]],
            ["1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:01.000001Z"],
        ),
        (pa.array(['{"a":1}']), JSON, ['{"a":1}'], [{"a": 1}]),
        (
            pa.array([Decimal("1.500000000"), Decimal(7)], pa.decimal128(38, 9)),
            NUMERIC,
            ["1.5", 7],
            ["1.5", 7],
        ),
    ],
)
def test_values_on_their_way_out(column: Any, type_: Any, javascript: list[Any], remote: list[Any]) -> None:
    assert values.encoded(column, type_, values.JAVASCRIPT) == javascript
    assert values.encoded(column, type_, values.REMOTE) == remote


def test_nested_values_of_a_slice() -> None:
    type_ = array_of(struct_of(("a", INT64), ("b", STRING)))
    column = pa.array([None, [], [{"_1": 1, "_2": "x"}, None], [{"_1": None, "_2": "y"}]]).slice(1)
    assert values.encoded(column, type_, values.JAVASCRIPT) == [[], [[1, "x"], None], [[None, "y"]]]


def test_results() -> None:
    assert values.decoded([1, None, str(BIG)], INT64).to_pylist() == [1, None, BIG]
    assert values.decoded([[1, None], None], array_of(INT64)).to_pylist() == ["[1, null]", None]
    nested = struct_of(("a", BYTES), ("b", DATE))
    assert values.decoded([["YQ==", "2020-01-02"]], nested).to_pylist() == [
        '{"_1": "61", "_2": "2020-01-02"}'
    ]
    assert values.engine_structure(nested) == {"_1": "VARCHAR", "_2": "DATE"}


@pytest.mark.parametrize(
    ("value", "type_"), [("x", INT64), (1 << 63, INT64), ("1", DATE), ("!", BYTES), ("x", NUMERIC)]
)
def test_results_that_do_not_fit(value: Any, type_: Any) -> None:
    with pytest.raises(values.Unfit) as caught:
        values.decoded([None, value], type_)
    assert (caught.value.value, caught.value.type) == (value, type_)


def test_types_that_are_not_supported() -> None:
    assert values.unsupported_part(array_of(struct_of(("a", DATETIME))), values.JAVASCRIPT) == DATETIME
    assert values.unsupported_part(array_of(INT64), values.JAVASCRIPT) is None
    assert values.unsupported_part(array_of(INT64), values.REMOTE, nested=False) == array_of(INT64)
    assert values.unsupported_part(INTERVAL, values.REMOTE) == INTERVAL
