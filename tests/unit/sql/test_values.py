from __future__ import annotations

from bqsim.sql.values import python_value, same_form
from bqsim.types import DATE, INT64, STRING, array_of, range_of, struct_of

PAIR = struct_of(("a", INT64), ("b", array_of(struct_of(("c", STRING)))))


def test_structs_are_lists() -> None:
    assert python_value({"_1": 1, "_2": [{"_1": "x"}, None]}, PAIR) == [1, [["x"], None]]
    assert python_value((1, []), PAIR) == [1, []]
    assert python_value(None, PAIR) is None
    assert python_value({"start": 1, "end": None}, range_of(DATE)) == {"start": 1, "end": None}


def test_same_form_ignores_names_only() -> None:
    assert same_form(PAIR, struct_of(("", INT64), ("z", array_of(struct_of(("", STRING))))))
    assert not same_form(PAIR, struct_of(("a", INT64)))
    assert not same_form(array_of(INT64), array_of(STRING))
    assert not same_form(INT64, array_of(INT64))
