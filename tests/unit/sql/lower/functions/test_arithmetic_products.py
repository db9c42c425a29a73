"""Products of NUMERIC columns: rounded after each multiplication, exact whatever the digits."""

from __future__ import annotations

import contextlib
import functools
import re
from decimal import ROUND_HALF_UP, Context, Decimal

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("sql:functions on numbers", "exact")

_EXACT = Context(prec=120)
# Few and many digits, the ends of the engine's narrow decimals, negative and absent values.
VALUES = [
    "0", "1", "-1", "0.5", "-2.25", "19.99", "0.001", "-0.0001", "0.00001", "0.000000001", "-0.000000005",
    "12345.678", "-999999.99", "1000000", "99999999.999", "100000000", "12345678901.1234",
    "9999999999999.9999", "-10000000000000", "123456789.123456789", None,
]  # fmt: skip
SHAPES = [
    "a * b",
    "a * (1 - b)",
    "(a + b) * (a - b)",
    "a * (b + 0.5) * c",
    "a * (1 - b) * (1 + c)",
    "(a * b) * (c * b)",
    "a * a * a",
    "a * 0.25 * b * (c - 2)",
    "a * b * c * a * b",
    "a * 0.123456789 * b",
    "a * 3 * b",
    "-(a * b) * c",
    "a * b + b * c * 1.5",
]


def _times(x: Decimal, y: Decimal) -> Decimal:
    product = _EXACT.multiply(x, y)
    return product.quantize(Decimal("1e-9"), ROUND_HALF_UP, _EXACT)


class _Value:
    """A number whose products are rounded as NUMERIC's are; Python computes the shapes with it."""

    def __init__(self, value: Decimal | str | float) -> None:
        self.value = Decimal(str(value))
        if abs(self.value) >= 10**28:
            raise OverflowError

    def __mul__(self, other: _Value) -> _Value:
        return _Value(_times(self.value, other.value))

    def __add__(self, other: _Value) -> _Value:
        return _Value(_EXACT.add(self.value, other.value))

    def __sub__(self, other: _Value) -> _Value:
        return _Value(_EXACT.subtract(self.value, other.value))

    def __neg__(self) -> _Value:
        return _Value(self.value.copy_negate())


def _expected(shape: str, row: tuple[str | None, ...]) -> Decimal | None:
    names = dict(zip("abc", row, strict=True))
    if any(value is None and name in shape for name, value in names.items()):
        return None
    code = re.sub(r"\d+(?:\.\d+)?", lambda m: f"V('{m[0]}')", shape)
    given = {name: _Value(value) for name, value in names.items() if value is not None}
    found: _Value = eval(code, {"V": _Value, **given})
    return found.value


def _literals(shape: str) -> str:
    return re.sub(r"\d+\.\d+", lambda m: f"NUMERIC '{m[0]}'", shape)


@pytest.fixture(scope="module")
def rows() -> list[tuple[str | None, ...]]:
    count = len(VALUES)
    return [
        (VALUES[i], VALUES[(i * 5 + j * 3) % count], VALUES[(i * 7 + j) % count])
        for i in range(count)
        for j in range(12)
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_products_are_rounded_one_by_one(
    shape: str, warehouse: Warehouse, rows: list[tuple[str | None, ...]]
) -> None:
    fitting = []
    for row in rows:
        with contextlib.suppress(OverflowError):
            fitting.append((row, _expected(shape, row)))
    listed = ", ".join(
        "(" + ", ".join("NULL" if v is None else f"NUMERIC '{v}'" for v in row) + f", {i})"
        for i, (row, _) in enumerate(fitting)
    )
    warehouse.run("CREATE TABLE products (a NUMERIC, b NUMERIC, c NUMERIC, i INT64)")
    warehouse.run(f"INSERT INTO products VALUES {listed}")
    found = warehouse.rows(f"SELECT {_literals(shape)} FROM products ORDER BY i")
    assert [v for (v,) in found] == [value for _, value in fitting]
    total = functools.reduce(_EXACT.add, [v for _, v in fitting if v is not None])
    assert warehouse.rows(f"SELECT SUM({_literals(shape)}) FROM products") == [[total]]


@pytest.mark.parametrize(
    ("values", "shape", "message"),
    [
        (("1e20", "1e15", "1"), "a * b * c", "numeric overflow: 100000000000000000000 * 1000000000000000"),
        (
            ("99999999", "99999999", "1e20"),
            "a * b * c",
            "numeric overflow: 9999999800000001 * 100000000000000000000",
        ),
    ],
)
def test_a_product_that_is_too_large_fails(
    warehouse: Warehouse, values: tuple[str, ...], shape: str, message: str
) -> None:
    columns = ", ".join(f"NUMERIC '{v}' AS {n}" for n, v in zip("abc", values, strict=True))
    warehouse.run(f"CREATE TABLE large AS SELECT {columns}")
    assert warehouse.error(f"SELECT {shape} FROM large") == message
