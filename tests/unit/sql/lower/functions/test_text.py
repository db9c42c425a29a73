from __future__ import annotations

import itertools

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees, assert_engine

pytestmark = pytest.mark.fidelity("sql:functions on texts and bytes", "exact")

TEXTS = (
    "", "a", "abc", "banana", "héllo wörld", "例子", "e\u0301a", "ABC", "Straße", "ﬁn", "İΣ ΑΣ", "  x  ",
    "\t\n a\u00a0\u3000", None, "a,b,,c", "👨\u200d👩x", "aaaa", "q'\"\\", "hello-World foo_bar", "\r\na",
)  # fmt: skip
PARTS = ("", "a", "an", "ab", "例", "é", " ", ",", None, "aa", "zz")
NUMBERS = (0, 1, -1, 2, -3, 5, 100, -100, 2**63 - 1, -(2**63), None)


@pytest.mark.parametrize(
    "function",
    (
        "UNICODE", "LENGTH", "CHAR_LENGTH", "BYTE_LENGTH", "UPPER", "LOWER", "REVERSE", "TRIM",
        "LTRIM", "RTRIM", "INITCAP", "SOUNDEX", "TO_CODE_POINTS", "NORMALIZE", "SPLIT",
        "NORMALIZE_AND_CASEFOLD",
    ),
)  # fmt: skip
def test_functions_of_one_text(warehouse: Warehouse, function: str) -> None:
    assert_agrees(warehouse, f"{function}(x)", "x STRING", [(t,) for t in TEXTS])


@pytest.mark.parametrize(
    "function",
    ("TRIM", "LTRIM", "RTRIM", "INITCAP", "STRPOS", "INSTR", "SPLIT", "STARTS_WITH", "ENDS_WITH", "CONCAT",
     "EDIT_DISTANCE"),
)  # fmt: skip
def test_functions_of_two_texts(warehouse: Warehouse, function: str) -> None:
    rows = itertools.product(TEXTS, PARTS)
    assert_agrees(warehouse, f"{function}(x, y)", "x STRING, y STRING", rows)


@pytest.mark.parametrize("function", ("LEFT", "RIGHT", "REPEAT", "LPAD", "RPAD"))
def test_functions_of_text_and_count_refuse_negative_counts(warehouse: Warehouse, function: str) -> None:
    rows = itertools.product(("", "abc", "例子", None), (0, 1, 2, 5, 100, None))
    assert_agrees(warehouse, f"{function}(x, n)", "x STRING, n INT64", rows)
    refused = [("abc", -1), ("", -5), (None, -1)]
    assert_agrees(warehouse, f"{function}(x, n)", "x STRING, n INT64", refused)


@pytest.mark.parametrize("function", ("REPEAT", "LPAD", "RPAD"))
def test_outputs_are_at_most_a_megabyte(warehouse: Warehouse, function: str) -> None:
    rows = [("abc", 2_000_000), (None, 2_000_000)]
    assert_agrees(warehouse, f"{function}(x, n)", "x STRING, n INT64", rows)


def test_substr_counts_from_either_end(warehouse: Warehouse) -> None:
    rows = itertools.product(("", "abc", "héllo", None), NUMBERS)
    assert_agrees(warehouse, "SUBSTR(x, n)", "x STRING, n INT64", rows)
    rows = itertools.product(("abc", "héllo"), (0, 1, -1, -100, 5, None), (0, 1, 2, 100, None))
    assert_agrees(warehouse, "SUBSTR(x, p, n)", "x STRING, p INT64, n INT64", rows)
    assert_agrees(warehouse, "SUBSTR(x, p, n)", "x STRING, p INT64, n INT64", [("abc", 1, -1), (None, 1, -1)])


def test_instr_positions_and_occurrences(warehouse: Warehouse) -> None:
    rows = itertools.product(
        ("banana", "aaaa", "", "éaé"), ("a", "aa", "an", "", "é"), (1, 2, -1, -2, -9, None), (1, 2, 3, None)
    )
    columns = "x STRING, y STRING, p INT64, n INT64"
    assert_agrees(warehouse, "INSTR(x, y, p, n)", columns, rows)
    assert_agrees(
        warehouse, "INSTR(x, y, p, n)", columns, [("a", "a", 0, 1), ("a", "a", 1, 0), ("a", "a", 0, 0)]
    )


def test_padding_patterns(warehouse: Warehouse) -> None:
    columns = "x STRING, n INT64, y STRING"
    rows = list(itertools.product(("abc", "例子", None), (0, 2, 5, 9, None), ("de", "-", "中文", None)))
    assert_agrees(warehouse, "LPAD(x, n, y)", columns, rows)
    assert_agrees(warehouse, "RPAD(x, n, y)", columns, rows)
    assert_agrees(
        warehouse, "RPAD(x, n, y)", columns, [("abc", 5, ""), ("abc", 2**21, "x"), (None, 2**21, "")]
    )


@pytest.mark.parametrize("function", ("REPLACE", "TRANSLATE"))
def test_replacing(warehouse: Warehouse, function: str) -> None:
    rows = itertools.product(("abcabc", "éaé", "", None), ("", "a", "ab", "é", None), ("", "-", "éx", None))
    assert_agrees(warehouse, f"{function}(x, y, z)", "x STRING, y STRING, z STRING", rows)


def test_translate_refuses_repeated_source_characters(warehouse: Warehouse) -> None:
    rows = [("abc", "aa", "xy"), ("", "bcb", "xyz"), (None, "aa", "x")]
    assert_agrees(warehouse, "TRANSLATE(x, y, z)", "x STRING, y STRING, z STRING", rows)


def test_code_points(warehouse: Warehouse) -> None:
    points = [(n,) for n in (0, 65, 233, 0x1F600, 55295, 57344, 1114111, 55296, 57343, 1114112, -1, None)]
    assert_agrees(warehouse, "CHR(n)", "n INT64", points)
    lists = [([65, 233],), ([],), ([65, -1],), ([0xD800],)]
    assert_agrees(warehouse, "CODE_POINTS_TO_STRING(n)", "n ARRAY<INT64>", lists)


def test_edit_distance_with_a_limit(warehouse: Warehouse) -> None:
    rows = [("abc", "xyz", 2), ("é", "e", 5), ("a", "b", -1), ("kitten", "sitting", 0), ("a", "b", None)]
    assert_agrees(warehouse, "EDIT_DISTANCE(x, y, max_distance => n)", "x STRING, y STRING, n INT64", rows)


def test_compatibility_normal_forms(warehouse: Warehouse) -> None:
    assert_engine(warehouse, "NORMALIZE('ﬁ①', NFKC)", "fi1")
    assert_engine(warehouse, "NORMALIZE('é', NFD)", "e\u0301")
    assert_engine(warehouse, "NORMALIZE_AND_CASEFOLD('ﬁ Straße', NFKC)", "fi strasse")


def test_concat_operator_and_bytes(warehouse: Warehouse) -> None:
    assert_engine(warehouse, "'a' || 'b' || 'c'", "abc")
    assert_engine(warehouse, "CONCAT(b'a', b'\\xff')", b"a\xff")
    assert_engine(warehouse, "CONCAT('a', CAST(NULL AS STRING))", None)


def test_ascii_refuses_other_characters(warehouse: Warehouse) -> None:
    assert_agrees(warehouse, "ASCII(x)", "x STRING", [("",), ("a",), ("aé",), (None,)])
    assert_agrees(warehouse, "ASCII(x)", "x STRING", [("é",)])


def test_safe_prefix_turns_failures_into_null(warehouse: Warehouse) -> None:
    assert_engine(warehouse, "SAFE.SUBSTR('abc', 1, -1)", None)
    assert_engine(warehouse, "SAFE.REPEAT('abc', -1)", None)
    assert_engine(warehouse, "SAFE.CHR(55296)", None)


def test_contains_substr_searches_every_value(warehouse: Warehouse) -> None:
    assert_engine(warehouse, "CONTAINS_SUBSTR('the BLUE house', 'Blue house')", True)
    assert_engine(warehouse, "CONTAINS_SUBSTR('Ⅸ', 'ix')", True)
    assert_engine(warehouse, "CONTAINS_SUBSTR(CAST(NULL AS STRING), 'x')", None)
    assert_engine(warehouse, "CONTAINS_SUBSTR((23, 35, 41), '35')", True)
    assert_engine(warehouse, "CONTAINS_SUBSTR((23, NULL, 41), '41')", True)
    assert_engine(warehouse, "CONTAINS_SUBSTR((23, NULL, 41), '35')", None)
    assert_engine(warehouse, "CONTAINS_SUBSTR(['a', 'b'], 'B')", True)
    assert_engine(warehouse, "CONTAINS_SUBSTR(['a', NULL], 'x')", None)
    assert_engine(warehouse, "CONTAINS_SUBSTR([STRUCT(DATE '2024-01-02', ['q'])], '2024-01')", True)
    assert "cannot be NULL" in warehouse.error("SELECT CONTAINS_SUBSTR('a', NULL)")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT COLLATE('a', 'binary')", "Collation 'binary' in collate function is not supported."),
        ("SELECT COLLATE('a', 'unicode:cs') = 'b'",
         "Collation 'unicode:cs' in collate function is not supported."),
    ],
)  # fmt: skip
def test_collations_are_refused(warehouse: Warehouse, sql: str, message: str) -> None:
    assert warehouse.error(sql) == message


def test_the_empty_collation_is_none(warehouse: Warehouse) -> None:
    assert warehouse.rows("SELECT COLLATE('a', ''), COLLATE('A', '') = COLLATE('a', '')") == [["a", False]]


def test_a_collation_that_decides_nothing_is_accepted(warehouse: Warehouse) -> None:
    assert warehouse.rows("SELECT COLLATE('a', 'und:ci')") == [["a"]]


@pytest.mark.parametrize("call", ["EDIT_DISTANCE(x, b'abd')", "EDIT_DISTANCE(x, b'xyz', max_distance => 2)",
                                  "EDIT_DISTANCE(x, b'', max_distance => -1)"])  # fmt: skip
def test_edit_distance_of_bytes(warehouse: Warehouse, call: str) -> None:
    assert_agrees(warehouse, call, "x BYTES", [(b,) for b in (b"abc", b"", b"\xff", None)])
