from __future__ import annotations

import gzip

import pytest

from bqsim.engine.formats.parsed import unpacked
from bqsim.errors import BigQueryError


def test_gzip_is_recognised_by_its_bytes() -> None:
    assert unpacked(gzip.compress(b"abc")) == b"abc"
    assert unpacked(b"abc") == b"abc"
    assert unpacked(b"") == b""


def test_broken_gzip_is_the_users_error() -> None:
    with pytest.raises(BigQueryError, match="Failed to decompress"):
        unpacked(gzip.compress(b"abc" * 100)[:-12])
