from __future__ import annotations

import itertools

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees, assert_engine

pytestmark = pytest.mark.fidelity("sql:functions on texts and bytes", "exact")

VALUES = (b"", b"a", b"abc", b"banana", b"\xff\x00\xfe", b"  x  ", b"a,b,,c", None, b"ABCxyz", "é".encode())
PARTS = (b"", b"a", b"an", b",", b"\x00", b"abc", b" ", None, b"x\xff")


@pytest.mark.parametrize(
    "function",
    ("ASCII", "LENGTH", "BYTE_LENGTH", "REVERSE", "UPPER", "LOWER", "TO_CODE_POINTS", "BIT_COUNT"),
)
def test_functions_of_one_value(warehouse: Warehouse, function: str) -> None:
    assert_agrees(warehouse, f"{function}(x)", "x BYTES", [(v,) for v in VALUES])


@pytest.mark.parametrize(
    "function", ("TRIM", "LTRIM", "RTRIM", "SPLIT", "STARTS_WITH", "ENDS_WITH", "STRPOS", "INSTR", "CONCAT")
)
def test_functions_of_two_values(warehouse: Warehouse, function: str) -> None:
    assert_agrees(warehouse, f"{function}(x, y)", "x BYTES, y BYTES", itertools.product(VALUES, PARTS))


@pytest.mark.parametrize("function", ("LEFT", "RIGHT", "SUBSTR", "REPEAT", "LPAD", "RPAD"))
def test_functions_of_value_and_count(warehouse: Warehouse, function: str) -> None:
    rows = itertools.product(VALUES, (0, 1, 2, 5, 100, None))
    assert_agrees(warehouse, f"{function}(x, n)", "x BYTES, n INT64", rows)
    assert_agrees(warehouse, f"{function}(x, n)", "x BYTES, n INT64", [(b"abc", -1), (None, -1)])


def test_substr_with_length(warehouse: Warehouse) -> None:
    columns = "x BYTES, p INT64, n INT64"
    rows = itertools.product((b"", b"abc", None), (0, 1, 2, -1, -9, 9, None), (0, 1, 9, None))
    assert_agrees(warehouse, "SUBSTR(x, p, n)", columns, rows)
    assert_agrees(warehouse, "SUBSTR(x, p, n)", columns, [(b"abc", 1, -1)])


@pytest.mark.parametrize("function", ("REPLACE", "TRANSLATE"))
def test_replacing(warehouse: Warehouse, function: str) -> None:
    rows = itertools.product(
        (b"abcabc", b"\xff\x00", b"", None), (b"", b"a", b"ab", b"\x00", None), (b"", b"-", None)
    )
    assert_agrees(warehouse, f"{function}(x, y, z)", "x BYTES, y BYTES, z BYTES", rows)


def test_code_points_are_single_bytes(warehouse: Warehouse) -> None:
    assert_agrees(
        warehouse, "CODE_POINTS_TO_BYTES(x)", "x ARRAY<INT64>", [([0, 255],), ([],), ([256],), ([-1],)]
    )


def test_repeated_bytes_in_translate(warehouse: Warehouse) -> None:
    assert_agrees(warehouse, "TRANSLATE(x, b'aa', b'x')", "x BYTES", [(b"a",), (None,)])


def test_padding_pattern(warehouse: Warehouse) -> None:
    assert_engine(warehouse, "LPAD(b'abc', 8, b'de')", b"dededabc")
    assert_engine(warehouse, "RPAD(b'\\xab', 3, b'\\x00')", b"\xab\x00\x00")


def test_like(warehouse: Warehouse) -> None:
    patterns = (b"%", b"a%", b"_", b"%a", rb"\%", b"___", b"", b"a_c%", None)
    rows = itertools.product((*VALUES, b"a%c", b"%"), patterns)
    assert_agrees(warehouse, "x LIKE y", "x BYTES, y BYTES", rows)
    assert_agrees(warehouse, "x LIKE y", "x BYTES, y BYTES", [(b"a", b"a\\")])
