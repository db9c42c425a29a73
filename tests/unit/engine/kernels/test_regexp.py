from __future__ import annotations

import pytest

from bqsim.engine.kernels.regexp import groups, never_empty, problem, rewrite_problem


@pytest.mark.parametrize(
    ("pattern", "count"),
    (
        ("", 0),
        ("a(b)c", 1),
        ("(a)(b)", 2),
        ("(?:a)", 0),
        ("(?P<x>a)", 1),
        ("(?<x>a)", 1),
        ("(?i)a", 0),
        (r"\(a\)", 0),
        ("[(]", 0),
        ("[]()]", 0),
        ("[^]()](x)", 1),
        ("[[:alpha:](]", 0),
        (r"\Q(a)\E(b)", 1),
        ("((a))", 2),
    ),
)
def test_capturing_groups(pattern: str, count: int) -> None:
    assert problem(pattern) is None
    assert groups(pattern) == count


@pytest.mark.parametrize(
    "pattern", ("a", "a+", "(a|b)", r"\d", r"\pL", "[ab]x?", "^a", "(?i)abc", "(?:a|bc)+")
)
def test_patterns_that_match_no_empty_text(pattern: str) -> None:
    assert never_empty(pattern)


@pytest.mark.parametrize(
    "pattern", ("", "a*", "a?", "^", "$", r"\b", "(a|)", "[[:alpha:]]*", r"\Qa\E*", "(?s:.*)")
)
def test_patterns_that_may_match_empty_text(pattern: str) -> None:
    assert not never_empty(pattern)


def test_problem_names_what_is_wrong() -> None:
    assert problem("(") == "Cannot parse regular expression: missing ): ("
    assert problem(b"[") == "Cannot parse regular expression: missing ]: ["


def test_rewrite_problem() -> None:
    assert rewrite_problem("(a)", r"\1\0\\") is None
    assert "requests 2 matches, but the regexp only has 1" in str(rewrite_problem("(a)", r"\2"))
    assert "not allowed at end" in str(rewrite_problem("a", "x\\"))
