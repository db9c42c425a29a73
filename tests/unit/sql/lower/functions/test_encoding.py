from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees, assert_engine

VALUES = [(v,) for v in (b"", b"a", b"ab", b"abc", b"\xff\x00\xfe", None)]


@pytest.mark.parametrize("function", ("TO_HEX", "TO_BASE64", "SAFE_CONVERT_BYTES_TO_STRING"))
def test_bytes_to_text(warehouse: Warehouse, function: str) -> None:
    assert_agrees(warehouse, f"{function}(x)", "x BYTES", VALUES)


def test_each_bad_byte_becomes_a_replacement_character(warehouse: Warehouse) -> None:
    values = (b"a\xffb\xe2\x82c\xf0\x9f", b"\xf0\xac\x80", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80")
    assert_agrees(warehouse, "SAFE_CONVERT_BYTES_TO_STRING(x)", "x BYTES", [(v,) for v in values])


@pytest.mark.parametrize("text", ("", "ab", "abc", "0g", "é0", "FFaa", None))
def test_from_hex(warehouse: Warehouse, text: str | None) -> None:
    assert_agrees(warehouse, "FROM_HEX(x)", "x STRING", [(text,)])


@pytest.mark.parametrize(
    "text",
    ("", "YQ==", "YQ", "Y Q==", "YQ=", "!", "-_==", "YQ==YQ==", "YR==", "=", "A", "\nYQ\t==\r", "é", None),
)
def test_from_base64(warehouse: Warehouse, text: str | None) -> None:
    assert_agrees(warehouse, "FROM_BASE64(x)", "x STRING", [(text,)])


def test_base32(warehouse: Warehouse) -> None:
    assert_engine(warehouse, "TO_BASE32(b'abcde\\xff')", "MFRGGZDF74======")
    assert_engine(warehouse, "FROM_BASE32('MFRGGZDF74======')", b"abcde\xff")
    assert_engine(warehouse, "SAFE.FROM_BASE32('1')", None)
    with pytest.raises(BigQueryError, match="Failed to decode invalid base32 string"):
        warehouse.run("SELECT FROM_BASE32('!')")


@pytest.mark.parametrize(
    "form", ("base2", "BASE8", "base16", "hex", "base64", "base64m", "ascii", "utf-8", "x")
)
def test_cast_to_text_with_format(warehouse: Warehouse, form: str) -> None:
    rows = [(b"",), (b"abc" * 30,), (b"\xff",), (None,)]
    for row in rows:
        assert_agrees(warehouse, f"CAST(x AS STRING FORMAT '{form}')", "x BYTES", [row])


@pytest.mark.parametrize(
    ("text", "form"),
    (
        ("0110000", "base2"), ("012", "base2"), ("30261143", "base8"), ("400", "base8"), ("277777", "base8"),
        ("9", "base8"), ("FF", "base16"), ("YW\nJj", "base64m"), ("é", "ascii"), ("é", "utf8"), ("é", "nope"),
    ),
)  # fmt: skip
def test_cast_to_bytes_with_format(warehouse: Warehouse, text: str, form: str) -> None:
    assert_agrees(warehouse, f"CAST(x AS BYTES FORMAT '{form}')", "x STRING", [(text,)])
