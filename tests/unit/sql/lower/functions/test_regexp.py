from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees, assert_engine, literal, route_reason

pytestmark = pytest.mark.fidelity("sql:regular expressions", "exact")

TEXTS = ("", "a", "abc", "abcabc", "foo bar", "a1b2", "éaé", "a\nb", "baac", None)
PATTERNS = (
    "b", "^a", "c$", "a.b", "(b)", "(x)?b", "x", "b*", "", r"\d", "[a-c]+", "(?i)B", "é", r"\bb", "a(?:b|c)",
    "(?P<x>b)", r"[^\n]", r"\pL",
)  # fmt: skip
BAD_PATTERNS = ("(", "[", "*", "a{1001}", "(?=a)", r"\1", "x**")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_contains_extract_and_replace(warehouse: Warehouse, pattern: str) -> None:
    rows = [(t,) for t in TEXTS]
    regex = literal(pattern)
    assert_agrees(warehouse, f"REGEXP_CONTAINS(x, {regex})", "x STRING", rows)
    assert_agrees(warehouse, f"REGEXP_EXTRACT(x, {regex})", "x STRING", rows)
    assert_agrees(warehouse, f"REGEXP_REPLACE(x, {regex}, '-')", "x STRING", rows)
    assert_agrees(warehouse, f"REGEXP_REPLACE(x, {regex}, r'<\\0>\\\\')", "x STRING", rows)


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p not in ("", "b*", r"\bb", r"\pL")])
def test_extract_all(warehouse: Warehouse, pattern: str) -> None:
    rows = [(t,) for t in TEXTS]
    assert_agrees(warehouse, f"REGEXP_EXTRACT_ALL(x, {literal(pattern)})", "x STRING", rows)


@pytest.mark.parametrize("pattern", BAD_PATTERNS)
@pytest.mark.parametrize("function", ("REGEXP_CONTAINS", "REGEXP_EXTRACT", "REGEXP_EXTRACT_ALL"))
def test_refused_patterns(warehouse: Warehouse, function: str, pattern: str) -> None:
    assert_agrees(warehouse, f"{function}(x, {literal(pattern)})", "x STRING", [("a",)])
    assert_engine(warehouse, f"{function}(CAST(NULL AS STRING), {literal(pattern)})", None)


@pytest.mark.parametrize("function", ("REGEXP_CONTAINS", "REGEXP_EXTRACT"))
def test_computed_patterns(warehouse: Warehouse, function: str) -> None:
    rows = [("abc", p) for p in PATTERNS] + [("abc", None), (None, "b")]
    assert_agrees(warehouse, f"{function}(x, y)", "x STRING, y STRING", rows)
    for pattern in ("(", "(a)(b)"):
        assert_agrees(warehouse, f"{function}(x, y)", "x STRING, y STRING", [("abc", pattern)])


def test_computed_replacements(warehouse: Warehouse) -> None:
    columns = "x STRING, y STRING, z STRING"
    rows = [
        ("abc", "b", "-"),
        ("abc", "(b)", r"\1\1"),
        ("abc", "b*", "-"),
        ("abc", "b", None),
        (None, "(", "x"),
    ]
    assert_agrees(warehouse, "REGEXP_REPLACE(x, y, z)", columns, rows)
    for row in (("abc", "b", r"\2"), ("abc", "b", "\\"), ("abc", "b", r"\x"), ("abc", "(", "-")):
        assert_agrees(warehouse, "REGEXP_REPLACE(x, y, z)", columns, [row])


@pytest.mark.parametrize("rewrite", (r"\2", "\\", r"\x", r"a\1\1"))
def test_refused_literal_rewrites(warehouse: Warehouse, rewrite: str) -> None:
    assert_agrees(warehouse, f"REGEXP_REPLACE(x, 'b', {literal(rewrite)})", "x STRING", [("abc",)])


def test_extraction_allows_one_group(warehouse: Warehouse) -> None:
    for function in ("REGEXP_EXTRACT", "REGEXP_EXTRACT_ALL", "REGEXP_INSTR"):
        assert_agrees(warehouse, f"{function}(x, '(a)(b)')", "x STRING", [("abc",)])


def test_extract_from_a_position(warehouse: Warehouse) -> None:
    columns = "x STRING, p INT64, n INT64"
    rows = [("abcabc", p, n) for p in (1, 2, 3, 7, 2**40, None) for n in (1, 2, 3, None)] + [(None, 1, 1)]
    for pattern in ("b", "^b", "(b)c", "(x)?b"):
        assert_agrees(warehouse, f"REGEXP_EXTRACT(x, '{pattern}', p, n)", columns, rows)
    assert_agrees(warehouse, "REGEXP_EXTRACT(x, 'b', p, n)", columns, [("abc", 0, 1), ("abc", 1, 0)])


def test_instr(warehouse: Warehouse) -> None:
    columns = "x STRING, p INT64"
    rows = [(t, p) for t in TEXTS for p in (1, 2, 9, None)]
    for pattern in ("b", "a.", "[bc]+", "é"):
        assert_agrees(warehouse, f"REGEXP_INSTR(x, '{pattern}')", "x STRING", [(t,) for t in TEXTS])
        assert_agrees(warehouse, f"REGEXP_INSTR(x, '{pattern}', p)", columns, rows)
        assert_agrees(warehouse, f"REGEXP_INSTR(x, '{pattern}', p, 1, 1)", columns, rows)
    assert_agrees(warehouse, "REGEXP_INSTR(x, 'b', p)", columns, [("abc", 0)])


def test_bytes(warehouse: Warehouse) -> None:
    values = [(v,) for v in (b"", b"abc", b"\xff\x00", "é".encode(), None)]
    assert_agrees(warehouse, "REGEXP_CONTAINS(x, b'^.$')", "x BYTES", values)
    assert_agrees(warehouse, r"REGEXP_CONTAINS(x, b'\\xff')", "x BYTES", values)
    assert_agrees(warehouse, "REGEXP_REPLACE(x, b'[b-c]', b'-')", "x BYTES", values)
    assert_agrees(warehouse, "REGEXP_CONTAINS(x, b'(')", "x BYTES", [(b"a",)])
    rows = [(b"abc", b"b"), (b"abc", b"x"), (None, b"b"), (b"b", None)]
    assert_agrees(warehouse, "REGEXP_CONTAINS(x, y)", "x BYTES, y BYTES", rows)


@pytest.mark.parametrize(
    "expression",
    (
        "REGEXP_EXTRACT_ALL('abc', 'b*')",
        "REGEXP_INSTR('abc', '(b)')",
        "REGEXP_INSTR('abcb', 'b', 1, 2)",
        "REGEXP_EXTRACT('abc', 'b*', 1, 2)",
    ),
)
def test_what_the_engine_leaves_to_the_reference(warehouse: Warehouse, expression: str) -> None:
    assert "regexp" in route_reason(warehouse, expression).lower()


@pytest.mark.parametrize(
    "call",
    [
        "REGEXP_EXTRACT(x, b'(b.)')", "REGEXP_EXTRACT(x, b'b.', 2)", "REGEXP_EXTRACT(x, b'b', 1, 2)",
        r"REGEXP_EXTRACT(x, b'\xff.')", "REGEXP_EXTRACT(x, b'[^b]')", "REGEXP_EXTRACT_ALL(x, b'b.?')",
        "REGEXP_INSTR(x, b'b')", "REGEXP_INSTR(x, b'b', 2, 1, 1)", "REGEXP_EXTRACT(x, b'(')",
        "REGEXP_EXTRACT(x, b'(a)(b)')", "REGEXP_EXTRACT(x, x)",
    ],
)  # fmt: skip
def test_extraction_from_bytes(warehouse: Warehouse, call: str) -> None:
    assert_agrees(warehouse, call, "x BYTES", [(v,) for v in (b"abcb", b"", b"\xffb\x80", b"\x00b", None)])
