from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from bqsim.engine.kernels import kernels
from bqsim.errors import BigQueryError

_TYPES: dict[str, Any] = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "numeric": pa.decimal128(38, 9),
    "bignumeric": pa.binary(),
}


def sums(name: str, weights: list[list[Any]], counts: list[list[int]]) -> Any:
    kernel = kernels()[f"bq_sums_{name}"]
    given = pa.array(weights, pa.list_(_TYPES[name]))
    return kernel.function(
        given, pa.array(counts, pa.list_(pa.int64())), pa.array(["F"] * len(weights))
    ).to_pylist()


def big(number: int) -> bytes:
    return (number + (1 << 255)).to_bytes(32, "big")


@pytest.mark.parametrize(
    ("name", "weights", "wanted"),
    [
        ("int64", [1, 2, None, 4, None, None], [3, 4, None]),
        ("float64", [0.5, 0.5, None, 4.0, None, None], [1.0, 4.0, None]),
        ("numeric", [Decimal(1), Decimal("0.5"), None, Decimal(4), None, None], [Decimal("1.5"), 4, None]),
        ("bignumeric", [big(1), big(2), None, big(0), None, None], [big(3), big(0), None]),
        ("int64", [2**62, 2**62 - 1, None, 4, None, None], [2**63 - 1, 4, None]),
    ],
)
def test_sums_of_runs(name: str, weights: list[Any], wanted: list[Any]) -> None:
    assert sums(name, [weights, weights], [[2, 2, 2], [2, 2, 2]]) == [wanted, wanted]
    assert sums(name, [], []) == []
    assert sums(name, [[]], [[]]) == [[]]


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("int64", [3, -2], "F does not support negative or NaN weights in the second argument; got -2"),
        (
            "float64",
            [float("nan")],
            "F does not support negative or NaN weights in the second argument; got nan",
        ),
        (
            "numeric",
            [Decimal(-1)],
            "F does not support negative or NaN weights in the second argument; got -1",
        ),
        (
            "bignumeric",
            [big(-1)],
            "F does not support negative or NaN weights in the second argument; got -1e-38",
        ),
        ("int64", [2**63 - 1, 1], "int64 overflow: 9223372036854775807 + 1"),
        ("bignumeric", [big(2**255 - 1), big(1)], "bignumeric overflow: SUM"),
        ("numeric", [Decimal(9 * 10**28), Decimal(9 * 10**28)], "numeric overflow: SUM"),
    ],
)
def test_weights_without_a_sum(name: str, weights: list[Any], message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        sums(name, [weights], [[len(weights)]])
    assert caught.value.message.startswith(message)
