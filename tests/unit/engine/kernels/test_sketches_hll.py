from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bqsim.engine.kernels import sketches_build, sketches_hll
from bqsim.engine.kernels.sketches_hash import fixed_hashes


def hashes(count: int, start: int = 0) -> Any:
    numbers = np.arange(start, start + count, dtype="<i8")
    return fixed_hashes(numbers.view(np.uint8).reshape(count, 8))


def sketch(count: int, precision: int, start: int = 0) -> sketches_hll.Sketch:
    [made] = sketches_build.made(hashes(count, start), np.array([0, count]), 8, precision)
    return made


def test_numbers_survive_their_coding() -> None:
    numbers = np.array([0, 1, 127, 128, 16383, 16384, 2**21, 2**28, 2**32 - 1], np.int64)
    coded, sizes = sketches_hll.varints(numbers)
    assert sizes.tolist() == [1, 1, 1, 2, 2, 3, 4, 5, 5]
    assert sketches_hll.numbers(coded)[0].tolist() == numbers.tolist()


@pytest.mark.parametrize("data", [[128], [1, 255], [255] * 6 + [0]])
def test_numbers_that_are_cut_off_or_too_long(data: list[int]) -> None:
    with pytest.raises(ValueError, match="a number is"):
        sketches_hll.numbers(np.array(data, np.uint8))


@pytest.mark.parametrize("precision", range(10, 19))
@pytest.mark.parametrize("count", [1, 100, 5_000, 60_000, 400_000])
def test_estimates_are_within_the_error_of_the_precision(precision: int, count: int) -> None:
    found = sketches_hll.estimate(sketch(count, precision))
    assert abs(found - count) <= max(4.5 * 1.04 / 2 ** (precision / 2) * count, 0)


@pytest.mark.parametrize("precision", [20, 24])
def test_high_precisions_count_almost_exactly(precision: int) -> None:
    made = sketch(100_000, precision)
    assert abs(sketches_hll.estimate(made) - 100_000) < 500
    assert made.sparse_precision == 25
    assert sketches_hll.parse(sketches_hll.serialized(made)) == made


def test_a_sketch_becomes_normal_when_that_is_smaller() -> None:
    forms = [sketch(count, 10) for count in (100, 10_000)]
    assert forms[0].sparse and not forms[0].registers
    assert forms[1].registers and not forms[1].sparse
    assert len(forms[1].registers) == 1024 and len(forms[0].sparse) < 768


@pytest.mark.parametrize(("high", "low"), [(12, 10), (15, 15), (24, 11), (18, 17)])
@pytest.mark.parametrize("count", [50, 900, 40_000])
def test_merging_gives_the_sketch_of_all_at_the_lowest_precision(high: int, low: int, count: int) -> None:
    [merged] = sketches_build.merged([[sketch(count, high), sketch(count, low, count // 2)]])
    wanted = sketch(count + count // 2, low)
    wanted.count = 2 * count
    assert merged == wanted


def test_groups_are_merged_apart_from_each_other() -> None:
    groups = [[sketch(5, 10)], [sketch(7, 15), sketch(3, 15)], [sketch(9_000, 10), sketch(4, 12)]]
    assert sketches_build.merged(groups) == [sketches_build.merged([group])[0] for group in groups]


def test_sketches_of_different_types_are_not_merged() -> None:
    other = sketch(3, 15)
    other.value_type = 11
    with pytest.raises(ValueError, match="types"):
        sketches_build.merged([[sketch(3, 15), other]])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a",
        b"\x08\x70",
        b"\x08\x71\x10\x01\x18\x02\x20\x08\x82\x07\x06\x10\x01\x18\x0f\x20\x14",
        b"\x08\x70\x10\x01\x18\x02\x20\x08\x82\x07\x04\x18\x09\x20\x14",
        b"\x08\x70\x10\x01\x18\x02\x20\x08\x82\x07\x06\x18\x0a\x20\x0f\x2a\x00\x00",
        b"\x08\x70\x10\x01\x18\x02\x20\x08\x82\x07\x07\x18\x0a\x20\x0f\x2a\x01\x00",
    ],
)
def test_what_is_not_a_sketch(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        sketches_hll.parse(data)
