from __future__ import annotations

import pyarrow as pa
import pytest

from bqsim.engine.duckdb import DuckDBSession
from bqsim.engine.kernels import kernels
from bqsim.engine.kernels.text import (
    code_points_to_string,
    find_occurrence,
    initcap,
    normalize_and_casefold,
    soundex,
)
from bqsim.errors import BigQueryError


@pytest.mark.parametrize(
    ("position", "occurrence", "found"),
    (
        (1, 1, 2),
        (1, 2, 4),
        (3, 1, 4),
        (-1, 1, 4),
        (-3, 1, 4),
        (-3, 2, 2),
        (-100, 1, 0),
        (100, 1, 0),
        (1, 3, 0),
    ),
)
def test_find_occurrence(position: int, occurrence: int, found: int) -> None:
    assert find_occurrence("banana", "an", position, occurrence) == found


def test_occurrences_overlap() -> None:
    assert find_occurrence("aaaa", "aa", 1, 3) == 3
    assert find_occurrence("aaaa", "aa", -1, 3) == 1
    assert find_occurrence(b"aaaa", b"aa", 1, 2) == 2


def test_find_occurrence_refuses_zero() -> None:
    with pytest.raises(BigQueryError, match="Position must be non-zero"):
        find_occurrence("a", "a", 0, 1)
    with pytest.raises(BigQueryError, match="Occurrence must be positive"):
        find_occurrence("a", "a", 1, 0)


def test_initcap_takes_delimiters_as_a_set() -> None:
    assert initcap("hello WORLD-foo", "-") == "Hello world-Foo"
    assert initcap("hello WORLD", "") == "Hello world"
    assert initcap("ßtraße éa", " ") == "ßtraße Éa"


@pytest.mark.parametrize(
    ("text", "code"),
    (("Ashcraft", "A261"), ("Robert", "R163"), ("Tymczak", "T520"), ("banana", "b500"), ("12", ""), ("", "")),
)
def test_soundex(text: str, code: str) -> None:
    assert soundex(text) == code


def test_edit_distance_counts_code_points_up_to_a_limit() -> None:
    lefts, rights = ["kitten", "例子", "abc", ""], ["sitting", "例", "xyz", "ab"]
    kernel = kernels()["bq_edit_distance_wide"].function
    columns = pa.array(lefts), pa.array(rights)
    assert kernel(*columns, pa.array([100, 100, 2, 100])).to_pylist() == [3, 1, 2, 2]
    with pytest.raises(BigQueryError, match="Max distance must be non-negative"):
        kernel(*columns, pa.array([1, 1, -1, 1]))


def test_code_points_to_string_is_null_with_a_null_element() -> None:
    assert code_points_to_string([65, None]) is None
    assert code_points_to_string([0x4F8B, 65]) == "例A"
    with pytest.raises(BigQueryError, match="Invalid codepoint 55296"):
        code_points_to_string([0xD800])


def test_casefold_follows_normalization() -> None:
    assert normalize_and_casefold("Straße", "NFC") == "strasse"


def test_contains_substr_ignores_case_and_form(session: DuckDBSession) -> None:
    assert session.scalar("SELECT bq_contains_substr('the BLUE house', 'Blue house')") is True
    assert session.scalar("SELECT bq_contains_substr('Ⅸ', 'IX')") is True
    assert session.scalar("SELECT bq_contains_substr('red', 'blue')") is False
