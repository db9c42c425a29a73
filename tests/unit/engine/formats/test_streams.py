from __future__ import annotations

import codecs
import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.engine.formats.streams import blocks, lines_end, pieces, plain, seekable, utf8, within_space
from bqsim.errors import BigQueryError


def test_gzip_is_recognised_by_its_bytes() -> None:
    assert plain(io.BytesIO(gzip.compress(b"abc") + gzip.compress(b"def"))).read() == b"abcdef"
    assert plain(io.BytesIO(b"abc")).read() == b"abc"
    assert plain(io.BytesIO(b"")).read() == b""
    assert seekable(io.BytesIO(gzip.compress(b"abc"))).read() == b"abc"


def test_broken_gzip_is_the_users_error() -> None:
    with pytest.raises(BigQueryError, match="Failed to decompress"):
        plain(io.BytesIO(gzip.compress(b"abc" * 100)[:-12])).read()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "iso-8859-1", "utf-16-be", "utf-16-le", "utf-32-be", "utf-32-le"]
)
@pytest.mark.parametrize("packed", [False, True])
def test_encodings_become_utf_8_without_a_mark(encoding: str, packed: bool) -> None:
    text = "é" * 700_000
    data = (text if encoding == "iso-8859-1" else "\ufeff" + text).encode(encoding)
    stream = io.BytesIO(gzip.compress(data) if packed else data)
    for _ in range(2):
        assert utf8(stream, encoding).read() == text.encode()


def test_an_unknown_encoding() -> None:
    with pytest.raises(BigQueryError, match="Unsupported encoding: x"):
        utf8(io.BytesIO(b"a"), "x").read()


def test_what_is_not_of_the_encoding_is_replaced() -> None:
    assert utf8(io.BytesIO(b"a\x00b"), "utf-16-le").read() == "a\ufffd".encode()
    assert utf8(io.BytesIO(codecs.BOM_UTF8 + b"\xff"), "utf-8").read() == b"\xff"


@given(st.lists(st.binary(max_size=5).map(lambda b: b.replace(b"\r", b"")), max_size=8), st.integers(1, 9))
def test_blocks_and_pieces_end_with_lines(lines: list[bytes], size: int) -> None:
    data = b"\n".join(lines)
    for found in (list(blocks(io.BytesIO(data), size, lines_end)), list(pieces(data, size, lines_end))):
        assert b"".join(block for _, block in found) == data
        assert all(block.endswith(b"\n") for _, block in found[:-1])
        assert [at for at, _ in found] == [sum(len(b) for _, b in found[:i]) for i in range(len(found))]
    assert list(blocks(io.BytesIO(data), size, lines_end, alone=True)) == list(
        blocks(io.BytesIO(data), size, lines_end)
    )


@given(st.text("a \n\t\r\v\f", max_size=9), st.integers(0, 80))
def test_what_is_within_white_space(text: str, spaces: int) -> None:
    data = text.encode() + b" " * spaces
    start, stop = within_space(data)
    assert data[start:stop] == data.strip()
    assert (start == len(data)) == (not data.strip())
