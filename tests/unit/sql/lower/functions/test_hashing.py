from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees

pytestmark = pytest.mark.fidelity("sql:hash functions", "exact")

FUNCTIONS = ("MD5", "SHA1", "SHA256", "SHA512", "FARM_FINGERPRINT")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_hashes_of_text_are_of_its_utf8(warehouse: Warehouse, function: str) -> None:
    assert_agrees(warehouse, f"{function}(x)", "x STRING", [("",), ("a",), ("é" * 20,), (None,)])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_hashes_of_bytes_of_every_length_class(warehouse: Warehouse, function: str) -> None:
    sizes = (*range(70), 100, 127, 128, 129, 255, 256, 1000)
    values = [(bytes((i * 7 + size) % 256 for i in range(size)),) for size in sizes]
    assert_agrees(warehouse, f"{function}(x)", "x BYTES", [*values, (None,)])
