from __future__ import annotations

import pyarrow as pa

from bqsim.storage.write.convert.scope import Scope
from bqsim.storage.write.convert.strings import bytes_of, enum_names, geography, length_check
from bqsim.types import Field, TypeKind


def test_enum_names() -> None:
    convert = enum_names({5: "FIVE", -1: "MINUS", 0: "ZERO"})
    array = pa.array([0, None, -1, 5, 6, -2, 1], pa.int32())
    assert convert(array, Scope({})).to_pylist() == ["ZERO", None, "MINUS", "FIVE", None, None, None]
    assert enum_names({})(array, Scope({})).to_pylist() == [None] * 7


def test_lengths() -> None:
    found: dict[int, str] = {}
    texts = pa.array(["äöü", None, "äö", "abcd"])
    length_check(Field("x", TypeKind.STRING, max_length=2), "r.x")(texts, Scope(found, "r.x"))
    text = "Field r.x: STRING(2) has maximum length 2 but got a value with length"
    assert found == {0: f"{text} 3 on field r.x.", 3: f"{text} 4 on field r.x."}
    found.clear()
    length_check(Field("x", TypeKind.BYTES, max_length=2), "x")(bytes_of(texts, Scope({})), Scope(found, "x"))
    assert list(found) == [0, 2, 3]


def test_geography() -> None:
    given = pa.array([b" POINT(1 2)", b"point(1 2.50)", None])
    assert geography(given, Scope({})).to_pylist() == ["POINT(1 2)", "POINT(1 2.5)", None]
