from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from bqsim.storage.write.convert.arrays import byte_spans, like, raw, reinterpreted, texts, words


def test_raw_values_of_slices() -> None:
    array = pa.array([1, 2, None, 4], pa.int32())
    assert raw(array.slice(1, 1)).tolist() == [2]
    assert raw(pa.array([5], pa.timestamp("us"))).tolist() == [5]
    assert raw(pa.array([5], pa.date32())).dtype == np.int32
    assert raw(pa.array([], pa.float32())).dtype == np.float32


def test_words_of_decimals() -> None:
    array = pa.array([None, -1, 2], pa.int32()).cast(pa.decimal128(38, 0))
    assert words(array.slice(1)).tolist() == [[2**64 - 1, 2**64 - 1], [2, 0]]
    assert words(pa.array([], pa.decimal256(40, 0))).shape == (0, 4)


def test_arrays_like_others() -> None:
    source = pa.array([0, None, 0, 0]).slice(1)
    assert like(source, pa.bool_(), np.array([True, True, False])).to_pylist() == [None, True, False]
    assert like(source, pa.int32(), np.array([1, 2, 3], np.int32)).to_pylist() == [None, 2, 3]


def test_reinterpreted_slices() -> None:
    array = pa.array([1, None, 3]).slice(1)
    assert reinterpreted(array, pa.time64("us")).cast(pa.int64()).to_pylist() == [None, 3]
    assert reinterpreted(array, pa.int64()) is array


def test_byte_spans() -> None:
    data, ends = byte_spans(pa.array(["ab", "", "c"]).slice(1))
    assert (bytes(data)[ends[0] : ends[-1]], np.diff(ends).tolist()) == (b"c", [0, 1])
    assert byte_spans(pa.array([], pa.string()))[1].tolist() == [0]
    assert byte_spans(pa.nulls(2, pa.binary()))[1].tolist() == [0, 0, 0]


@given(st.lists(st.none() | st.text()))
def test_texts(values: list[str | None]) -> None:
    array = texts(values)
    array.validate(full=True)
    assert array.to_pylist() == values
    assert texts(["a\ud800"]).to_pylist() == ["a\ufffd"]
