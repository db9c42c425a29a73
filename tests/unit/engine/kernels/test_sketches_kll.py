from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bqsim.engine.kernels import sketches_kll as kll


def sketch(values: Any, precision: int = 1000, weights: Any = None) -> kll.Sketch:
    array = np.asarray(values)
    kind = kll.FLOAT64 if array.dtype == float else kll.INT64
    counted = None if weights is None else np.array(weights, np.int64)
    made: list[kll.Sketch] = kll.made(array, counted, np.array([0, len(array)]), kind, precision)
    return made[0]


@pytest.mark.parametrize("values", [[3, 1, 2], [0.5, float("inf"), -1.0], list(range(50_000))])
def test_sketches_survive_serialisation(values: list[Any]) -> None:
    made = sketch(values)
    again = kll.parse(kll.serialized(made))
    assert kll.boundaries(again, 7) == kll.boundaries(made, 7)
    assert kll.serialized(again) == kll.serialized(made)


def test_nan_is_the_least_value() -> None:
    made = sketch([1.0, float("nan"), 3.0, 2.0])
    assert np.isnan(made.least) and made.greatest == 3.0
    assert kll.point(made, 0.5) == 1.0
    merged = kll.merged([sketch([0.0]), made])
    assert np.isnan(merged.least)


@pytest.mark.parametrize("precision", [1, 10, 100, 1000])
def test_ranks_are_within_the_precision(precision: int) -> None:
    values = np.random.default_rng(1).permutation(200_000)
    for made in (
        sketch(values, precision),
        kll.merged([sketch(part, precision) for part in np.array_split(values, 40)]),
    ):
        assert sum(map(len, made.levels)) <= max(4 * precision, 128)
        assert made.count == 200_000
        found = kll.boundaries(made, 20)
        assert all(abs(v - i * 10_000) <= 200_000 / precision for i, v in enumerate(found))


def test_weights_are_bits_of_levels() -> None:
    made = sketch([10, 20], weights=[5, 2])
    assert [level.tolist() for level in made.levels] == [[10], [20], [10]]
    assert made.count == 7
    assert [kll.point(made, i / 7) for i in range(8)] == [10, 10, 10, 10, 10, 10, 20, 20]
    with pytest.raises(OverflowError):
        sketch([1, 2], weights=[2**62, 2**62])


def test_merging_keeps_the_lowest_precision_and_refuses_other_types() -> None:
    assert kll.merged([sketch([1], 20), sketch([2], 10)]).precision == 10
    with pytest.raises(ValueError, match="types"):
        kll.merged([sketch([1]), sketch([1.0])])


@pytest.mark.parametrize("data", [b"", b"abc", b"\x08\x70", kll.serialized(sketch([1, 2]))[:-1]])
def test_what_is_not_a_sketch(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        kll.parse(data)
