from __future__ import annotations

import pytest

from bqsim.engine.kernels.net import (
    ip_net_mask,
    ip_to_string,
    ip_trunc,
    ipv4_from_int64,
    ipv4_to_int64,
    parse_ip,
)
from bqsim.errors import BigQueryError


def test_addresses_read_back() -> None:
    for text in ("1.2.3.4", "::1", "fe80::1:2"):
        address = parse_ip(text)
        assert address is not None
        assert ip_to_string(address) == text
    assert parse_ip("01.2.3.4") is None
    assert parse_ip("1.2.3.4\0") is None


def test_masks() -> None:
    assert ip_net_mask(4, 20) == b"\xff\xff\xf0\x00"
    assert ip_trunc(b"\xaa\xbb\xcc\xdd", 11) == b"\xaa\xa0\x00\x00"
    with pytest.raises(BigQueryError, match="got 33"):
        ip_net_mask(4, 33)


def test_numbers() -> None:
    assert ipv4_from_int64(-1) == b"\xff\xff\xff\xff"
    assert ipv4_to_int64(b"\x00\x00\x01\x00") == 256
