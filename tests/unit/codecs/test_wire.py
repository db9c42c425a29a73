from __future__ import annotations

import pytest

from bqsim.codecs import wire


def test_fields_are_read_as_written() -> None:
    data = wire.number(1, 300) + wire.block(112, b"abc") + wire.number(2, 2**64 - 1) + b"\x1d\x01\x02\x03\x04"
    assert list(wire.fields(data)) == [(1, 300), (112, b"abc"), (2, 2**64 - 1), (3, b"\x01\x02\x03\x04")]
    assert wire.varint(300) == b"\xac\x02"


@pytest.mark.parametrize("data", [b"\x08", b"\x08\x80", b"\x0a\x05abc", b"\x00\x01", b"\x0b", b"\xff" * 11])
def test_what_is_not_a_message(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"a (field|number)"):
        list(wire.fields(data))
