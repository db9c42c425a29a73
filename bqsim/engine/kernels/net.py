"""NET functions on IP addresses and host names."""

from __future__ import annotations

import socket

from bqsim.errors import invalid_query

from . import net_hosts
from .rows import row_kernel

_VERSIONS = {4: 32, 16: 128}


def parse_ip(text: str) -> bytes | None:
    """An IPv4 or IPv6 address in the usual text forms; None for anything else."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, text)
        except (OSError, ValueError):
            continue
    return None


def ip_from_string(text: str) -> bytes:
    address = parse_ip(text)
    if address is None:
        raise invalid_query(f"NET.IP_FROM_STRING() encountered an unparseable IP-address: {text}")
    return address


def ip_to_string(address: bytes) -> str:
    if len(address) not in _VERSIONS:
        raise invalid_query(
            "NET.IP_TO_STRING() encountered an invalid IP address. "
            f"Expected 4 (for IPv4) or 16 (for IPv6) bytes but got {len(address)}"
        )
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def ip_net_mask(size: int, prefix: int) -> bytes:
    if size not in _VERSIONS:
        raise invalid_query(
            "The first argument of NET.IP_NET_MASK() must be either 4 (for IPv4) or 16 (for IPv6); "
            f"got {size}"
        )
    bits = size * 8
    if not 0 <= prefix <= bits:
        raise invalid_query(
            "The second argument of NET.IP_NET_MASK() must be between 0 and the first argument * 8; "
            f"got {prefix}"
        )
    return ((1 << bits) - (1 << (bits - prefix))).to_bytes(size, "big")


def ip_trunc(address: bytes, prefix: int) -> bytes:
    size = len(address)
    if size not in _VERSIONS:
        raise invalid_query(
            f"The first argument of NET.IP_TRUNC() must have length 4 (for IPv4) or 16 (for IPv6); got {size}"
        )
    if not 0 <= prefix <= size * 8:
        raise invalid_query(
            "The second argument of NET.IP_TRUNC() must be between 0 and 8 * LENGTH(first argument); "
            f"got {prefix}"
        )
    mask = int.from_bytes(ip_net_mask(size, prefix), "big")
    return (int.from_bytes(address, "big") & mask).to_bytes(size, "big")


def ipv4_from_int64(number: int) -> bytes:
    if not -0x80000000 <= number <= 0xFFFFFFFF:
        raise invalid_query(
            "NET.IPV4_FROM_INT64() encountered an invalid integer IP. "
            f"Expected range: [-0x80000000, 0xFFFFFFFF]; got {number}"
        )
    return (number & 0xFFFFFFFF).to_bytes(4, "big")


def ipv4_to_int64(address: bytes) -> int:
    if len(address) != 4:
        raise invalid_query(
            f"NET.IPV4_TO_INT64() encountered a non-IPv4 address. Expected 4 bytes but got {len(address)}"
        )
    return int.from_bytes(address, "big")


KERNELS = (
    row_kernel("bq_ip_from_string", ("VARCHAR",), "BLOB", ip_from_string),
    row_kernel("bq_safe_ip_from_string", ("VARCHAR",), "BLOB", parse_ip, nullable=True),
    row_kernel("bq_ip_to_string", ("BLOB",), "VARCHAR", ip_to_string),
    row_kernel("bq_ip_net_mask", ("BIGINT", "BIGINT"), "BLOB", ip_net_mask),
    row_kernel("bq_ip_trunc", ("BLOB", "BIGINT"), "BLOB", ip_trunc),
    row_kernel("bq_ipv4_from_int64", ("BIGINT",), "BLOB", ipv4_from_int64),
    row_kernel("bq_ipv4_to_int64", ("BLOB",), "BIGINT", ipv4_to_int64),
    *net_hosts.KERNELS,
)
