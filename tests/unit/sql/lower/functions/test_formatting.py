from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees, literal, route_reason

pytestmark = pytest.mark.fidelity("sql:FORMAT", "exact")

INTEGERS = (
    "%d", "%i", "%5d|", "%-5d|", "%05d", "%+d", "% d", "%'d", "%.3d", "%10.4d", "%-10.4d|", "%.0d", "%x",
    "%X", "%o", "%#x", "%#o", "%#X", "%08x", "%'x", "%'o", "%'010d", "% 05d", "%+05d", "%-05d|",
)  # fmt: skip
FLOATS = (
    "%f", "%.2f", "%.0f", "%e", "%E", "%g", "%G", "%10.3f", "%-10.2f|", "%+f", "% f", "%'f", "%'.1f",
    "%010.2f", "%F", "%.10g", "%.0g", "%#g", "%#.3g", "%#.0f", "%.20e", "%'g",
)  # fmt: skip


@pytest.mark.parametrize("spec", INTEGERS)
def test_integers(warehouse: Warehouse, spec: str) -> None:
    rows = [(n,) for n in (0, 5, -5, 42, 255, -255, 1234567, 2**63 - 1, None)]
    assert_agrees(warehouse, f"FORMAT({literal(spec)}, x)", "x INT64", rows)


@pytest.mark.parametrize("spec", FLOATS)
def test_floats(warehouse: Warehouse, spec: str) -> None:
    values = (0.0, -0.0, 1.0, 1.5, 2.5, -1.555, 12345.678, 1234567.891, 1e10, 1e-10, 0.00012, 1e22, 99999.95,
              float("inf"), float("-inf"), float("nan"), None)  # fmt: skip
    assert_agrees(warehouse, f"FORMAT({literal(spec)}, x)", "x FLOAT64", [(v,) for v in values])


@pytest.mark.parametrize("spec", FLOATS)
def test_numerics(warehouse: Warehouse, spec: str) -> None:
    values = (
        "0",
        "1",
        "1.5",
        "2.5",
        "-1.555",
        "12345.678",
        "1234567.89",
        "100000000",
        "0.0001",
        "0.00001",
        "99950",
    )
    assert_agrees(
        warehouse, f"FORMAT({literal(spec)}, x)", "x NUMERIC", [(Decimal(v),) for v in values] + [(None,)]
    )


@pytest.mark.parametrize(
    "spec", ("%s", "%5s|", "%-5s|", "%.2s", "%5.1s|", "%05s", "%t", "%T", "%10t|", "%-12T|", "%.2T")
)
def test_texts(warehouse: Warehouse, spec: str) -> None:
    values = (
        "",
        "abc",
        "éa",
        "it's",
        'say "x"',
        "both ' and \"",
        "back\\slash",
        "a\n\r\t\x01\x7f\u200b\x85",
        None,
    )
    assert_agrees(warehouse, f"FORMAT({literal(spec)}, x)", "x STRING", [(v,) for v in values])


@pytest.mark.parametrize("spec", ("%t", "%T"))
@pytest.mark.parametrize(
    ("kind", "values"),
    (
        ("INT64", (1, -5, None)),
        ("FLOAT64", (1.0, 0.1, -0.0, 1e300, 1e15, float("nan"), float("-inf"), None)),
        ("NUMERIC", (Decimal("1.50"), Decimal("-2"), None)),
        ("BOOL", (True, False, None)),
        ("BYTES", (b"", b"a", b"\xff\"\n'\\", b"'", b'"', None)),
        ("ARRAY<INT64>", ([1, 2], [])),
        ("ARRAY<STRING>", (["a", 'b"'], [])),
        ("ARRAY<FLOAT64>", ([1.0, 2.5],)),
    ),
)
def test_values(warehouse: Warehouse, spec: str, kind: str, values: tuple[Any, ...]) -> None:
    assert_agrees(warehouse, f"FORMAT('{spec}', x)", f"x {kind}", [(v,) for v in values])


@pytest.mark.parametrize("spec", ("%t", "%T"))
@pytest.mark.parametrize(
    "value",
    (
        "DATE '2020-01-02'",
        "TIME '03:04:05.1'",
        "DATETIME '2020-01-02 03:04:05.1'",
        "TIMESTAMP '2020-01-02 03:04:05.123456'",
        "INTERVAL '1-2 3 4:5:6' YEAR TO SECOND",
        """JSON '{"b":1,"a":[1,"x\\\\"y"]}'""",
        "STRUCT(1, 'a', CAST(NULL AS STRING))",
        "STRUCT(1 AS x)",
        "[STRUCT(1, [2]), NULL]",
        "STRUCT([DATE '2020-01-01'])",
        "CAST(NULL AS ARRAY<INT64>)",
        "CAST(NULL AS STRUCT<a INT64>)",
    ),
)
def test_values_of_other_types(warehouse: Warehouse, spec: str, value: str) -> None:
    assert_agrees(warehouse, f"FORMAT('{spec}', IF(y, {value}, NULL))", "y BOOL", [(True,), (False,)])


def test_parts_are_joined_and_null_spoils_the_rest(warehouse: Warehouse) -> None:
    columns = "x STRING, n INT64"
    rows = [("a", 1), (None, 1), ("a", None)]
    assert_agrees(warehouse, "FORMAT('100%% %s: %d, %t', x, n, x)", columns, rows)
    assert_agrees(warehouse, "FORMAT('%t and %t', x, n)", columns, rows)
    assert_agrees(warehouse, "FORMAT('plain')", columns, rows)
    assert_agrees(warehouse, "FORMAT('%p', PARSE_JSON('[1, null]'))", columns, rows)


@pytest.mark.parametrize(
    "expression", ("FORMAT('%*d', 5, 1)", "FORMAT(IF(RAND() < 2, '%d', ''), 1)", "FORMAT('%P', JSON '[1]')")
)
def test_what_the_engine_leaves_to_the_reference(warehouse: Warehouse, expression: str) -> None:
    assert "FORMAT" in route_reason(warehouse, expression)


@pytest.mark.parametrize("text", ["%f", "%.3f", "%10.2f|", "%e", "%g", "%t", "%T", "%.40f"])
def test_bignumeric(warehouse: Warehouse, text: str) -> None:
    rows = [(v,) for v in ("2.5", "-12345678901234567890123456789012345678.5", "0", "1e-38", None)]
    assert_agrees(warehouse, f"FORMAT('{text}', CAST(x AS BIGNUMERIC))", "x STRING", rows)
