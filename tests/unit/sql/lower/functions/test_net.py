from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees

ADDRESSES = ("1.2.3.4", "::1", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8", "fe80::", None)
BAD = ("1.2.3", "01.2.3.4", " 1.2.3.4", "1::2::3", "fe80::1%eth0", "::1/64", "")


def test_ip_from_string(warehouse: Warehouse) -> None:
    assert_agrees(warehouse, "NET.IP_FROM_STRING(x)", "x STRING", [(a,) for a in ADDRESSES])
    assert_agrees(warehouse, "NET.SAFE_IP_FROM_STRING(x)", "x STRING", [(a,) for a in ADDRESSES + BAD])
    for bad in BAD:
        assert_agrees(warehouse, "NET.IP_FROM_STRING(x)", "x STRING", [(bad,)])


def test_ip_to_string(warehouse: Warehouse) -> None:
    values = (
        b"\x01\x02\x03\x04", bytes(16), bytes(15) + b"\x01", bytes(10) + b"\xff\xff\x01\x02\x03\x04",
        bytes(12) + b"\x01\x02\x03\x04", b"0123456789abcdef", None,
    )  # fmt: skip
    assert_agrees(warehouse, "NET.IP_TO_STRING(x)", "x BYTES", [(v,) for v in values])
    assert_agrees(warehouse, "NET.IP_TO_STRING(x)", "x BYTES", [(b"abc",)])


@pytest.mark.parametrize("row", ((4, 0), (4, 20), (4, 32), (16, 1), (16, 128), (4, 33), (4, -1), (5, 1)))
def test_ip_net_mask(warehouse: Warehouse, row: tuple[int, int]) -> None:
    assert_agrees(warehouse, "NET.IP_NET_MASK(x, n)", "x INT64, n INT64", [row])


@pytest.mark.parametrize(
    "row", ((b"\xaa\xbb\xcc\xdd", 11), (b"0123456789abcdef", 80), (b"abcd", 33), (b"abc", 1), (None, 1))
)
def test_ip_trunc(warehouse: Warehouse, row: tuple[bytes | None, int]) -> None:
    assert_agrees(warehouse, "NET.IP_TRUNC(x, n)", "x BYTES, n INT64", [row])


@pytest.mark.parametrize("number", (0, -1, 2**32 - 1, -(2**31), 2**32, -(2**31) - 1, None))
def test_ipv4_numbers(warehouse: Warehouse, number: int | None) -> None:
    assert_agrees(warehouse, "NET.IPV4_FROM_INT64(n)", "n INT64", [(number,)])


def test_ipv4_to_int64(warehouse: Warehouse) -> None:
    assert_agrees(warehouse, "NET.IPV4_TO_INT64(x)", "x BYTES", [(b"\xff\x00\x01\x02",), (None,)])
    assert_agrees(warehouse, "NET.IPV4_TO_INT64(x)", "x BYTES", [(b"abc",)])
