from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.engine.kernels import json_text
from bqsim.engine.kernels.json_text import MISSING, Number
from bqsim.errors import BigQueryError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"), (-0.0, "-0.0"), (1.0, "1.0"), (1e14, "100000000000000.0"), (1e15, "1e+15"),
        (0.0001, "0.0001"),
        (1e-5, "1e-05"), (1.5e300, "1.5e+300"), (5e-324, "5e-324"), (123456789.125, "123456789.125"),
        (-1e-7, "-1e-07"), (9007199254740993.5, "9.007199254740994e+15"),
    ],
)  # fmt: skip
def test_doubles(value: float, text: str) -> None:
    assert json_text.double_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_keep_their_value(value: float) -> None:
    read = float(json_text.double_text(value))
    assert read == value
    assert math.copysign(1, read) == math.copysign(1, value)


documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.$ ", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(documents)
def test_canonical_texts_are_stable(document: object) -> None:
    text = json_text.parse(json.dumps(document), exact=True)
    assert json.loads(text) == document
    assert json_text.write(json_text.canonical(json_text.read(text))) == text
    assert json_text.parse(json.dumps(document, ensure_ascii=False, indent=1), exact=True) == text


@given(documents)
def test_the_lenient_reader_agrees_on_valid_texts(document: object) -> None:
    text = json.dumps(document, ensure_ascii=False)
    found = json_text.extract(text, ())
    with pytest.raises(json_text._Found) as lenient:
        json_text._Lenient(text).value(())
    assert json_text.write(lenient.value.document) == json_text.write(found)


@pytest.mark.parametrize(
    ("path", "legacy", "tokens"),
    [
        ("$", False, ()), ("$.a.b[0]", False, ("a", "b", "0")), ('$."a.b"', False, ("a.b",)),
        ("$.a b", False, ("a b",)),
        ("$['a.b'].c", True, ("a.b", "c")), ("$[x]", True, ("x",)), ("$.", True, ()),
    ],
)  # fmt: skip
def test_paths(path: str, legacy: bool, tokens: tuple[str, ...]) -> None:
    assert json_text.path(path, legacy) == tokens


def test_reading_stops_at_the_wanted_part() -> None:
    assert json_text.extract('{"a":1,"b":garbage}', ("a",)) == Number("1")
    assert json_text.extract('{"a":1,"b":garbage}', ("b",)) is MISSING
    assert json_text.extract("{'a':[1,]}", ("a",)) == [Number("1")]


def test_numbers_that_do_not_fit() -> None:
    assert json_text.parse("18446744073709551616", exact=False) == "1.8446744073709552e+19"
    with pytest.raises(BigQueryError, match="cannot round-trip"):
        json_text.parse("18446744073709551616", exact=True)
