"""Quantified LIKE over lists, arrays and subqueries."""

from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees

TEXTS = [(t,) for t in ("abc", "bc", "xx", "a%", "", None)]
FORMS = (
    "{} ANY ('a%', 'b_')", "{} ALL ('a%', '%c')", "{} SOME ('a%', NULL)", "{} ALL ('x%', NULL)",
    "{} ANY (x, 'b')", "{} ANY UNNEST(['a%', 'b_'])", "{} ALL UNNEST(['a%', NULL])",
    "{} ANY UNNEST(CAST([] AS ARRAY<STRING>))", "{} ALL UNNEST(CAST(NULL AS ARRAY<STRING>))",
    "{} ANY (SELECT 'a%' UNION ALL SELECT NULL)", "{} ALL (SELECT x)",
    "{} ALL (SELECT 'a' FROM UNNEST([1]) WHERE FALSE)", r"{} ANY ('a\\%', 'a')",
)  # fmt: skip


@pytest.mark.parametrize("negated", ["LIKE", "NOT LIKE"])
@pytest.mark.parametrize("form", FORMS)
def test_texts(warehouse: Warehouse, form: str, negated: str) -> None:
    assert_agrees(warehouse, form.format(f"x {negated}"), "x STRING", TEXTS)


@pytest.mark.parametrize("form", ["LIKE ANY (b'a%', x)", "NOT LIKE ALL UNNEST([b'_b%', b'\\xff'])"])
def test_bytes(warehouse: Warehouse, form: str) -> None:
    assert_agrees(warehouse, f"x {form}", "x BYTES", [(b,) for b in (b"abc", b"\xff", b"", None)])


def test_a_subquery_on_both_sides(warehouse: Warehouse) -> None:
    assert_agrees(warehouse, "(SELECT x) LIKE ANY (SELECT 'a%')", "x STRING", TEXTS)
