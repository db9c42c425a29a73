from __future__ import annotations

import pyarrow as pa

from bqsim.storage.write.convert.numbers import bool_of_number, int64_of_uint64
from bqsim.storage.write.convert.scope import Scope


def test_uint64() -> None:
    found: dict[int, str] = {}
    array = pa.array([0, None, 2**63, 2**63 - 1], pa.uint64())
    assert int64_of_uint64(array, Scope(found, "x")).to_pylist()[:2] == [0, None]
    assert found == {2: f"Int64 field value is out of range: {2**63} on field x."}


def test_bool_of_number() -> None:
    assert bool_of_number(pa.array([0, None, -5], pa.int32()), Scope({})).to_pylist() == [False, None, True]
