from typing import Any

import pytest

from bqsim.contract.comparing import Difference, differences, equal, number, shown


def same(text: str, found: Any) -> bool:
    return bool(text == found)


@pytest.mark.parametrize(
    ("expected", "found", "told"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a: expected 1, found 2"]),
        ({"a": 1}, {"a": "1"}, ['a: a number expected, a string found: 1 became "1"']),
        ({"a": True}, {"a": 1}, ["a: a boolean expected, a number found: true became 1"]),
        ({"a": "x"}, {"a": None}, ['a: a string expected, null found: "x" became null']),
        ({"a": 1}, {}, ["a: missing; expected 1"]),
        ({}, {"a": 1}, ["a: not expected; found 1"]),
        ({"a": []}, {}, []),
        ({"a": [1, 2]}, {"a": [1]}, ["a: how many there are: expected 2, found 1"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["a[0].b: expected 1, found 2"]),
        ({"a": {}}, {"a": []}, ["a: an object expected, a list found: {} became []"]),
        ({"a": 0.1}, {"a": 0.1 + 1e-15}, []),
    ],
)
def test_differences_of_json(expected: Any, found: Any, told: list[str]) -> None:
    assert [str(d) for d in differences(expected, found, "", same)] == told


def test_what_was_not_expected_may_not_count() -> None:
    assert list(differences({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, "", same, extra=False)) == []


def test_values() -> None:
    assert equal(float("nan"), float("nan"))
    assert not equal(1, True)
    assert not equal(1, 1.0)
    assert (number("17"), number(True), number("x"), number(None)) == (17.0, None, None, None)
    assert len(shown("x" * 500)) == 120
    assert "in another order" in str(Difference("rows", "order", {"a": 1}, {"a": 2}))
