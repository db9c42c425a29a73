from __future__ import annotations

import pytest

from bqsim.engine.kernels.byte_formats import bytes_to_text, text_to_bytes
from bqsim.errors import BigQueryError


@pytest.mark.parametrize("form", ("base2", "base8", "BASE16", "hex", "base32", "base64", "base64m"))
def test_forms_read_back(form: str) -> None:
    for value in (b"", b"abc", b"\x00\x01\x02", b"\xff" * 90):
        assert text_to_bytes(bytes_to_text(value, form), form) == value


def test_base8_has_eight_digits_for_three_bytes() -> None:
    assert bytes_to_text(b"abc", "base8") == "30261143"
    assert bytes_to_text(b"\xff", "base8") == "377"
    assert text_to_bytes("400", "base8") == b"\x00"


def test_mime_lines_have_76_characters() -> None:
    assert [len(line) for line in bytes_to_text(b"x" * 100, "base64m").split("\n")] == [76, 60]


@pytest.mark.parametrize(
    ("text", "form", "message"),
    (
        ("012", "base2", "Failed to decode invalid base2 string due to character '2' at offset 2"),
        ("9", "base8", "Failed to decode invalid base8 string"),
        ("é", "ascii", "Failed to decode invalid ASCII string"),
        ("a", "other", "Invalid format 'other'"),
    ),
)
def test_refusals(text: str, form: str, message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        text_to_bytes(text, form)
    assert caught.value.message == message


def test_bad_utf8_is_refused() -> None:
    with pytest.raises(BigQueryError, match="A string is not valid UTF-8"):
        bytes_to_text(b"\xe2(", "utf-8")
