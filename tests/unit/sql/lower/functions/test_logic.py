from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("NULL AND FALSE", False),
        ("NULL AND TRUE", None),
        ("NULL OR TRUE", True),
        ("NOT CAST(NULL AS BOOL)", None),
        ("CAST(NULL AS BOOL) IS TRUE", False),
        ("CAST(NULL AS BOOL) IS NOT FALSE", True),
        ("IF(NULL, 1, 2)", 2),
        ("IFNULL(NULL, 3)", 3),
        ("COALESCE(NULL, NULL, 4)", 4),
        ("NULLIF(1, 1)", None),
        ("NULLIF(1, NULL)", 1),
        ("CASE WHEN FALSE THEN 1 END", None),
        ("CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' ELSE 'c' END", "b"),
        ("CASE NULL WHEN NULL THEN 'a' ELSE 'c' END", "c"),
        ("IF(TRUE, 1, ERROR('not taken'))", 1),
        ("COALESCE(x + 1, DIV(1, x) + DIV(1, x))", 1),
        ("CASE WHEN x = 0 THEN 0 ELSE DIV(1, x) END", 0),
    ],
)
def test_values(value: Callable[..., Any], expression: str, expected: object) -> None:
    assert value(f"{expression} FROM UNNEST([0]) x") == expected


def test_error_fails_with_its_text(warehouse: Warehouse) -> None:
    assert warehouse.error("SELECT ERROR(CONCAT('it', '''s'''))").startswith("its")
