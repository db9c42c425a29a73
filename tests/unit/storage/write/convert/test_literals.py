"""Texts read in bulk are read as they are one by one."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.storage.write.convert import literals
from bqsim.storage.write.convert.decimals import of_text
from bqsim.storage.write.convert.scope import Converter, Scope
from bqsim.types import Type, TypeKind
from bqsim.types.arrow import arrow_type
from bqsim.types.kinds import DATE, DATETIME, TIME, TIMESTAMP
from bqsim.types.parse import parse_text
from bqsim.types.values import python_values

CONVERTERS: dict[Type, Converter] = {
    DATE: literals.literal(DATE, literals.dates_in_bulk),
    TIME: literals.literal(TIME, literals.times_in_bulk),
    DATETIME: literals.literal(DATETIME, literals.datetimes_in_bulk),
    TIMESTAMP: literals.literal(TIMESTAMP, literals.timestamps_in_bulk),
    Type(TypeKind.NUMERIC): of_text(TypeKind.NUMERIC),
    Type(TypeKind.BIGNUMERIC): of_text(TypeKind.BIGNUMERIC),
}
two = st.sampled_from(["00", "01", "02", "10", "12", "23", "24", "29", "30", "31", "59", "60", "1", "9", "x"])
dates = st.tuples(st.sampled_from(["0000", "0001", "1970", "2024", "9999", "999", "12345"]), two, two).map(
    "-".join
)
clocks = st.one_of(
    two,
    st.tuples(two, two).map(":".join),
    st.tuples(two, two, two).map(":".join),
    st.tuples(two, two, two, st.sampled_from(["", "5", "123456", "1234567"])).map(
        lambda t: f"{t[0]}:{t[1]}:{t[2]}.{t[3]}"
    ),
)
moments = st.one_of(
    dates,
    st.tuples(dates, st.sampled_from([" ", "T", "t", "  "]), clocks).map("".join),
    st.tuples(
        dates, st.sampled_from([" ", "T"]), clocks, st.sampled_from(["Z", " UTC", "+00", "-01:30", "+99"])
    ).map("".join),
)
numbers = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.from_regex(r"[+-]?[0-9]{0,40}\.?[0-9]{0,40}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
TEXTS = {
    DATE: dates,
    TIME: clocks,
    DATETIME: moments,
    TIMESTAMP: moments,
    Type(TypeKind.NUMERIC): numbers,
    Type(TypeKind.BIGNUMERIC): numbers,
}


@pytest.mark.parametrize("type_", TEXTS, ids=str)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_bulk_and_single_reading_agree(type_: Type, data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.one_of(TEXTS[type_], st.text(max_size=3)), min_size=1, max_size=2))
    found: dict[int, str] = {}
    array = CONVERTERS[type_](pa.array(texts), Scope(found, "x"))
    values: dict[int, Any] = {}
    for i, text in enumerate(texts):
        try:
            values[i] = parse_text(text, type_)
        except (ValueError, ArithmeticError):
            continue
    assert set(found) == set(range(len(texts))) - set(values)
    if not found:
        assert array.type == arrow_type(type_)
        assert python_values(array, type_) == list(values.values())


def test_utf8() -> None:
    found: dict[int, str] = {}
    good = pa.array([b"a", None, "é".encode()])
    assert literals.utf8(good, Scope(found, "x")).to_pylist() == ["a", None, "é"]
    literals.utf8(pa.array([b"a", None, b"\xff"]), Scope(found, "x"))
    assert found == {2: "Invalid UTF-8 value on field x."}


def test_long_texts_are_cut_in_messages() -> None:
    found: dict[int, str] = {}
    CONVERTERS[DATE](pa.array(["9" * 1000]), Scope(found, "x"))
    assert found == {0: f"Invalid date: '{'9' * 200}' on field x."}
