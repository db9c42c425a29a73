from __future__ import annotations

import pyarrow as pa

from bqsim.storage.write.convert.nested import Part, absent, record, repeated, then, unwrapped
from bqsim.storage.write.convert.numbers import same, widened
from bqsim.storage.write.convert.scope import Scope
from bqsim.types import Field, Mode, TypeKind

A = Field("a", TypeKind.INT64)


def test_slices_of_lists() -> None:
    convert = repeated(same, "x")
    for type_ in (pa.list_(pa.int64()), pa.large_list(pa.int64()), pa.list_(pa.int64(), 2)):
        array = pa.array([[1, 2], [3, 4], [5, 6], [7, 8]], type_)
        for start, length in ((0, 4), (1, 2), (3, 1), (4, 0)):
            part = array.slice(start, length)
            got = convert(part, Scope({}, "x"))
            got.validate(full=True)
            assert got.to_pylist() == part.to_pylist()


def test_slices_of_records() -> None:
    convert = record(
        [Part(A, "s.a", 1, widened(pa.int64())), Part(Field("b", TypeKind.DATE), "s.b", None, None)]
    )
    array = pa.array(
        [{"z": "x", "a": 1}, None, {"z": "y", "a": None}], pa.struct([("z", pa.string()), ("a", pa.int8())])
    )
    got = convert(array.slice(1), Scope({}, "s"))
    got.validate(full=True)
    assert got.to_pylist() == [None, {"_1": None, "_2": None}]
    assert convert(array, Scope({}, "s")).to_pylist()[0] == {"_1": 1, "_2": None}


def test_what_absent_fields_hold() -> None:
    assert absent(A, 2).to_pylist() == [None, None]
    lists = absent(Field("a", TypeKind.INT64, Mode.REPEATED), 2)
    lists.validate(full=True)
    assert lists.to_pylist() == [[], []]


def test_wrappers() -> None:
    array = pa.array([{"value": 1}, None, {"value": None}], pa.struct([("value", pa.int32())]))
    assert unwrapped(same)(array, Scope({}, "x")).to_pylist() == [1, None, 0]
    assert unwrapped(same)(array.slice(2), Scope({}, "x")).to_pylist() == [0]


def test_steps() -> None:
    assert then(same) is same
    assert (
        then(widened(pa.int32()), widened(pa.int64()))(pa.array([1], pa.int8()), Scope({})).type == pa.int64()
    )
