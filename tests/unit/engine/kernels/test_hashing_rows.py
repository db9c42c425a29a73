from __future__ import annotations

import numpy as np
import pyarrow as pa

from bqsim.engine.kernels.hashing_rows import by_length, lists


def test_values_are_grouped_by_length() -> None:
    values = [b"", b"ab", b"c", b"de", b""]
    for type_ in (pa.binary(), pa.large_binary()):
        array = pa.array([b"before", *values], type_).slice(1)
        found = {rows.length: (places.tolist(), rows.matrix.tobytes()) for places, rows in by_length(array)}
        assert found == {0: ([0, 4], b""), 1: ([2], b"c"), 2: ([1, 3], b"abde")}
    assert list(by_length(pa.array([], pa.binary()))) == []


def test_words_are_little_endian_and_wrap() -> None:
    [(_, rows)] = by_length(pa.array([bytes(range(1, 10)), b"\xff" * 9], pa.binary()))
    assert rows.word(1)[0] == int.from_bytes(bytes(range(2, 10)), "little")
    assert (rows.word(0) + rows.constant(1))[1] == 0
    assert rows.half(5)[0] == int.from_bytes(bytes((6, 7, 8, 9)), "little")
    assert rows.byte(8).tolist() == [9, 255]
    assert rows.rotate(rows.constant(1), 1)[0] == 1 << 63


def test_lists_of_a_slice_start_at_zero() -> None:
    array = pa.array([[1, 2], [3], [], [4, 5]]).slice(1)
    for column in (array, pa.chunked_array([array])):
        offsets, values = lists(column)
        assert offsets.tolist() == [0, 1, 1, 3]
        assert values.to_pylist() == [3, 4, 5]
        assert offsets.dtype == np.int32
