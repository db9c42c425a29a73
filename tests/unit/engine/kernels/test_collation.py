"""Search by weights: what differs by case alone is found, accents count, ignorable characters do not."""

from __future__ import annotations

import pytest

from bqsim.engine.kernels import collation


@pytest.mark.parametrize(
    ("text", "part", "expected"),
    [
        ("xAbC", "aBc", 2),
        ("Ärger", "ä", 1),
        ("Arger", "ä", 0),
        ("A\u0308rger", "a", 0),
        ("A\u0308rger", "Ä", 1),
        ("a\u200bB", "ab", 1),
        ("\uff21b", "ab", 1),
        ("ab", "", 1),
        ("", "a", 0),
    ],
)
def test_strpos(text: str, part: str, expected: int) -> None:
    assert collation.strpos(text, part) == expected


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("Google", "GOO%", True),
        ("Google", "%ogL%", True),
        ("Google", "g%g%e", True),
        ("Go", "go%o", False),
        ("100%", r"100\%", True),
        ("", "%", True),
        ("ab", "b%a", False),
    ],
)
def test_like(text: str, pattern: str, expected: bool) -> None:
    assert collation.like(text, pattern) is expected


def test_pieces() -> None:
    assert collation.split("1aB2Ab3", "ab") == ["1", "2", "3"]
    assert collation.replace("aaa", "AA", "b") == "ba"
    assert collation.instr("aAa", "A", -1, 2) == 2
    assert collation.distinct(["a", None, "A", "b", None]) == ["a", None, "b"]
