from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bqsim.sql.simple_functions import CASTS, ENUM, MAX_CHARS, REPEATED, STRICT, NotSimple
from bqsim.types import DATE, INT64, JSON, STRING


@pytest.mark.parametrize(
    ("name", "types", "values", "expected"),
    [
        ("date_add", (DATE, INT64, ENUM), (dt.date(2024, 1, 31), 1, "MONTH"), dt.date(2024, 2, 29)),
        ("date_sub", (DATE, INT64, ENUM), (dt.date(2024, 2, 29), 1, "YEAR"), dt.date(2023, 2, 28)),
        ("date_diff", (DATE, DATE, ENUM), (dt.date(2024, 1, 1), dt.date(2023, 12, 31), "YEAR"), 1),
        ("substr", (STRING, INT64, INT64), ("hello", -9, 2), "he"),
        ("json_value", (JSON, STRING), ('{"a":{"b":"x"}}', "$.a.b"), "x"),
    ],
)
def test_values(name: str, types: tuple[Any, ...], values: tuple[Any, ...], expected: Any) -> None:
    assert STRICT[name, types](*values) == expected


@pytest.mark.parametrize(
    ("name", "types", "values"),
    [
        ("date_add", (DATE, INT64, ENUM), (dt.date(9999, 12, 31), 1, "DAY")),
        ("date_sub", (DATE, INT64, ENUM), (dt.date(1, 1, 1), 1, "MONTH")),
        ("date_add", (DATE, INT64, ENUM), (dt.date(2024, 1, 1), 1, "HOUR")),
        ("repeat", (STRING, INT64), ("ab", MAX_CHARS)),
        ("json_value", (JSON, STRING), ('{"a":1,"a":2}', "$.a")),
        ("json_value", (JSON, STRING), ('{"a":1}', "$['a']")),
    ],
)
def test_what_is_left_to_the_engine(name: str, types: tuple[Any, ...], values: tuple[Any, ...]) -> None:
    with pytest.raises(NotSimple):
        STRICT[name, types](*values)


def test_format_wants_what_its_pattern_says() -> None:
    shown = REPEATED["format"][0]
    assert shown("%d%% of %s", 5, "x") == "5% of x"
    for given in (("%d", "x"), ("%d",), ("%5.2f", 1), ("%t", True)):
        with pytest.raises(NotSimple):
            shown(*given)


def test_a_cast_reads_plain_integers() -> None:
    assert CASTS[STRING, INT64]("-12") == -12
    with pytest.raises(NotSimple):
        CASTS[STRING, INT64]("1 ")
