from __future__ import annotations

import pytest

from bqsim.types import DATE, INT64, STRING, array_of, range_of, struct_of
from bqsim.types.spelled import spelled


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("INT64", INT64),
        (" integer ", INT64),
        ("ARRAY<STRING>", array_of(STRING)),
        ("RANGE< DATE >", range_of(DATE)),
        (
            "STRUCT<a INT64, b ARRAY<STRUCT<c STRING>>>",
            struct_of(("a", INT64), ("b", array_of(struct_of(("c", STRING))))),
        ),
    ],
)
def test_types(text: str, type_: object) -> None:
    assert spelled(text) == type_


@pytest.mark.parametrize("text", ["", "NUMBER", "ARRAY", "ARRAY<INT64", "INT64>", "STRUCT<a>", "A B", "1"])
def test_what_is_no_type(text: str) -> None:
    with pytest.raises(ValueError, match="is not a type"):
        spelled(text)
