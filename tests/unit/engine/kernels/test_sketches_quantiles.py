from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from bqsim.engine.kernels import kernels
from bqsim.errors import BigQueryError


def call(name: str, *columns: Any) -> list[Any]:
    found: list[Any] = kernels()[f"bq_kll_{name}"].function(*columns).to_pylist()
    return found


def of(rows: list[list[Any]], type_: Any = None) -> Any:
    return pa.array(rows, pa.list_(type_ or pa.int64()))


def test_each_list_has_a_sketch() -> None:
    sketches = call("init_int64", of([[3, 1, 2], [9]]), pa.array([10, 10]))
    names = pa.array(["F", "F"])
    assert call("quantiles_int64", pa.array(sketches), pa.array([2, 1]), names) == [[1, 2, 3], [9, 9]]
    assert call("point_int64", pa.array(sketches), pa.array([0.5, 0.0]), names) == [2, 9]
    [merged] = call("merge", pa.array([sketches]), pa.array(["F"]), pa.array([4]))
    assert call("quantiles_int64", pa.array([merged]), pa.array([3]), pa.array(["F"])) == [[1, 2, 3, 9]]
    assert call("init_int64", of([]), pa.array([], pa.int64())) == []


def test_weights_of_floats() -> None:
    values, weights = of([[1.5, -0.0]], pa.float64()), of([[1, 3]])
    sketches = call("init_weighted_float64", values, weights, pa.array([10]))
    found = call("quantiles_float64", pa.array(sketches), pa.array([4]), pa.array(["F"]))
    assert found == [[0.0, 0.0, 0.0, 0.0, 1.5]]


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        ("merge", ([[b"x"]], ["F"], [0]), "Invalid or incompatible sketch in F"),
        ("quantiles_int64", ([b"x"], [1], ["F"]), "Invalid or incompatible sketch in F"),
        ("init_weighted_int64", ([[1]], [[0]], [10]), "Invalid weight: 0. Weight must be positive"),
        (
            "init_weighted_int64",
            ([[1, 2]], [[2**62, 2**62]], [10]),
            "int64 overflow: the weights of a sketch",
        ),
    ],
)
def test_faults(name: str, columns: tuple[Any, ...], message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        call(name, *map(pa.array, columns))
    assert caught.value.message == message


def test_arguments_out_of_range() -> None:
    sketches = pa.array(call("init_int64", of([[1]]), pa.array([10])))
    for name, argument, range_ in (
        ("quantiles_int64", 0, "1 and 100000"),
        ("quantiles_int64", 100_001, "1 and 100000"),
        ("point_int64", 1.5, "0 and 1"),
        ("point_int64", float("nan"), "0 and 1"),
    ):
        with pytest.raises(BigQueryError, match=f"Argument 2 to F must be between {range_}"):
            call(name, sketches, pa.array([argument]), pa.array(["F"]))
