from __future__ import annotations

import numpy as np
import pytest

from bqsim.engine.kernels import sketches_build, sketches_hll


def sketches(*groups: range, precision: int = 12) -> list[sketches_hll.Sketch]:
    numbers = [np.array(group, np.uint64) * np.uint64(0x9E3779B97F4A7C15) for group in groups]
    offsets = np.concatenate([[0], np.cumsum([len(n) for n in numbers])])
    return sketches_build.made(np.concatenate(numbers), offsets, 8, precision)


def test_groups_do_not_touch_each_other() -> None:
    groups = range(1, 9), range(0), range(5, 3000), range(1, 9)
    together = sketches(*groups)
    assert together == [sketches(group)[0] for group in groups]
    assert together[0] == together[3] and together[1].size == 0 and together[1].sparse == b""


def test_a_value_is_there_once() -> None:
    [once], [twice] = sketches(range(1, 100)), sketches_build.merged([sketches(range(1, 100)) * 2])
    assert (twice.sparse, twice.size, twice.count) == (once.sparse, once.size, 2 * once.count)


def test_precisions_that_do_not_fit_together() -> None:
    [left], [right] = sketches(range(3), precision=12), sketches(range(3), precision=14)
    right.sparse_precision = 16
    with pytest.raises(ValueError, match="precisions"):
        sketches_build.merged([[left, right]])


def test_sparse_values_that_are_cut_off() -> None:
    [sketch] = sketches(range(1, 9))
    sketch.sparse = sketch.sparse[:-1] + b"\x80"
    with pytest.raises(ValueError, match="cut off"):
        sketches_build.merged([[sketch, sketch]])
