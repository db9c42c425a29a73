from __future__ import annotations

import itertools

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees

INTS = (0, 1, -1, 5, -8, 255, 2**63 - 1, -(2**63) + 1, None)
BYTES = (b"\x01\xff", b"\x00\x00", b"\xf0\x0f", None)


@pytest.mark.parametrize("operator", ("&", "|", "^"))
def test_of_two_integers_or_bytes(warehouse: Warehouse, operator: str) -> None:
    assert_agrees(warehouse, f"x {operator} y", "x INT64, y INT64", itertools.product(INTS, INTS))
    assert_agrees(warehouse, f"x {operator} y", "x BYTES, y BYTES", itertools.product(BYTES, BYTES))
    assert_agrees(warehouse, f"x {operator} y", "x BYTES, y BYTES", [(b"a", b"ab"), (b"", b"")])


@pytest.mark.parametrize("operator", ("<<", ">>"))
def test_shifts_lose_bits_without_a_sign(warehouse: Warehouse, operator: str) -> None:
    offsets = (0, 1, 7, 8, 15, 31, 63, 64, 1000, None)
    assert_agrees(warehouse, f"x {operator} n", "x INT64, n INT64", itertools.product(INTS, offsets))
    assert_agrees(warehouse, f"x {operator} n", "x BYTES, n INT64", itertools.product(BYTES, offsets))
    assert_agrees(warehouse, f"x {operator} n", "x INT64, n INT64", [(1, -1), (None, -1)])
    assert_agrees(warehouse, f"x {operator} n", "x BYTES, n INT64", [(b"a", -1)])


def test_literal_offsets_out_of_range(warehouse: Warehouse) -> None:
    for expression in ("3 << -1", "3 >> -1", "3 << 64", "GREATEST(1, 3 << -1)"):
        assert_agrees(warehouse, expression, "x INT64", [(1,)])


def test_complement(warehouse: Warehouse) -> None:
    assert_agrees(warehouse, "~x", "x INT64", [(i,) for i in INTS])
    assert_agrees(warehouse, "~x", "x BYTES", [(b,) for b in BYTES])


@pytest.mark.parametrize("call", ["BIT_AND", "BIT_OR", "BIT_XOR"])
@pytest.mark.parametrize("items", [r"b'\x0f\xff', b'\x3c\x01', NULL", r"b'\x0f\xff', b'\x3c'", "b''"])
@pytest.mark.parametrize("more", ["", ", mode => 'PAD'", ", mode => 'STRICT'"])
def test_aggregates_of_bytes(warehouse: Warehouse, call: str, items: str, more: str) -> None:
    query = f"(SELECT {call}(b{more}) FROM UNNEST([{items}]) AS b)"
    assert_agrees(warehouse, query, "x INT64", [(1,)])
