from __future__ import annotations

import pyarrow as pa
import pytest

from bqsim.engine.kernels.bytes import (
    code_points_to_bytes,
    from_base32,
    from_base64,
    from_hex,
    like,
    lpad,
    rpad,
    safe_to_string,
    split,
    to_base32,
    translate,
)
from bqsim.errors import BigQueryError


def test_padding() -> None:
    assert lpad(b"abc", 8, b"de") == b"dededabc"
    assert rpad(b"abc", 2, b"x") == b"ab"
    with pytest.raises(BigQueryError, match="cannot be empty"):
        rpad(b"abc", 5, b"")


def test_split_without_delimiter_gives_single_bytes() -> None:
    assert split(b"ab", b"") == [b"a", b"b"]
    assert split(b"", b",") == [b""]


def test_translate_drops_bytes_without_a_target() -> None:
    assert translate(b"abcab", b"ab", b"x") == b"xcx"
    with pytest.raises(BigQueryError, match="Duplicate byte 0x61 in TRANSLATE source bytes"):
        translate(b"", b"aa", b"x")


def test_text_forms_read_back() -> None:
    for value in (b"", b"a", b"ab", b"abc", b"abcd", b"\xff" * 7):
        assert from_base32(to_base32(value)) == value
        assert from_hex(value.hex()) == value


@pytest.mark.parametrize("text", ("YQ=", "!", "-_==", "YQ==YQ==", "A", "YQ===", "é"))
def test_from_base64_refuses(text: str) -> None:
    with pytest.raises(BigQueryError, match="Failed to decode invalid base64 string"):
        from_base64(text)


def test_from_base64_forgives_spaces_and_missing_padding() -> None:
    assert from_base64(" Y\tQ=\n=") == b"a"
    assert from_base64("YQ") == b"a"


def test_bad_bytes_become_replacement_characters() -> None:
    assert safe_to_string(b"a\xe2\x82b") == "a\ufffd\ufffdb"


@pytest.mark.parametrize(
    ("value", "pattern", "matches"),
    (
        (b"a%c", rb"a\%c", True),
        (b"abc", rb"a\%c", False),
        (b"a\nc", b"a_c", True),
        (b"", b"%", True),
        (b"a", b"", False),
    ),
)
def test_like(value: bytes, pattern: bytes, matches: bool) -> None:
    assert like(value, pattern) is matches


def test_like_refuses_a_backslash_at_the_end() -> None:
    with pytest.raises(BigQueryError, match="LIKE pattern ends with a backslash"):
        like(b"a", b"a\\")


def test_code_points_to_bytes() -> None:
    def converted(rows: list[list[int | None] | None]) -> list[bytes | None]:
        found: list[bytes | None] = code_points_to_bytes(pa.array(rows, pa.list_(pa.int64()))).to_pylist()
        return found

    assert converted([[0, 255], None, [], [1, None], [256, None]]) == [b"\x00\xff", None, b"", None, None]
    assert converted([]) == []
    with pytest.raises(BigQueryError, match="Invalid ASCII value 256"):
        converted([[1], [2, 256]])
