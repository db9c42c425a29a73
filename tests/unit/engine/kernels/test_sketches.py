from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from bqsim.engine.kernels import kernels
from bqsim.errors import BigQueryError


def made(kind: str, type_: Any, rows: list[list[Any]], value_type: int, precision: int = 12) -> list[bytes]:
    count = len(rows)
    columns = pa.array(rows, pa.list_(type_)), pa.array([precision] * count), pa.array([value_type] * count)
    found: list[bytes] = kernels()[f"bq_hll_init_{kind}"].function(*columns).to_pylist()
    return found


def count(sketches: list[bytes]) -> list[int]:
    found: list[int] = kernels()["bq_hll_extract"].function(pa.array(sketches, pa.binary())).to_pylist()
    return found


@pytest.mark.parametrize(
    ("kind", "type_", "rows"),
    [
        ("int64", pa.int64(), [[1, 2, 1], [], [-1]]),
        ("numeric", pa.decimal128(38, 9), [[Decimal(1), Decimal("0.5"), Decimal(1)], [], [Decimal(-1)]]),
        ("bytes", pa.binary(), [[b"", b"a" * 90, b""], [], [b"x" * 40]]),
    ],
)
def test_each_list_has_a_sketch(kind: str, type_: Any, rows: list[list[Any]]) -> None:
    value_type = {"int64": 8, "numeric": 188553293, "bytes": 11}[kind]
    sketches = made(kind, type_, rows, value_type)
    assert count(sketches) == [2, 0, 1]
    assert made(kind, type_, [], value_type) == []
    merge = kernels()["bq_hll_merge_count"].function
    assert merge(pa.array([sketches, sketches[:1]]), pa.array(["F"] * 2)).to_pylist() == [3, 2]


def test_faults_name_the_function() -> None:
    for name, message in (
        ("bq_hll_merge", "Invalid or incompatible sketch in F"),
        ("bq_hll_merge_count", "Invalid or incompatible sketch in F"),
    ):
        with pytest.raises(BigQueryError) as caught:
            kernels()[name].function(pa.array([[b"x"]]), pa.array(["F"]))
        assert caught.value.message == message
    with pytest.raises(BigQueryError, match=r"Invalid sketch in HLL_COUNT\.EXTRACT"):
        count([b"x"])
