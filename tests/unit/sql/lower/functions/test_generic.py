from __future__ import annotations

import re

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees, assert_engine


@pytest.mark.parametrize(
    "expression", ["n", "[n]", "STRUCT(n AS a, 'x')", "DATE '2020-01-01'", "n + 0.5", "JSON '1'", "NULL"]
)
def test_typeof(warehouse: Warehouse, expression: str) -> None:
    assert_agrees(warehouse, f"TYPEOF({expression})", "n INT64", [(1,), (None,)])


def test_the_caller(warehouse: Warehouse) -> None:
    assert_engine(warehouse, "SESSION_USER()", "user@example.com")


def test_uuids_differ(warehouse: Warehouse) -> None:
    found = [row[0] for row in warehouse.rows("SELECT GENERATE_UUID() FROM UNNEST([1, 2]) x")]
    assert len(set(found)) == 2
    assert all(re.fullmatch(r"[0-9a-f-]{13}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", u) for u in found)


@pytest.mark.parametrize(
    ("kind", "width", "origin"),
    [
        ("DATE", "INTERVAL 3 DAY", None), ("DATE", "INTERVAL 1 MONTH", "2019-12-15"),
        ("DATE", "INTERVAL 5 MONTH", "2000-01-31"), ("DATE", "INTERVAL 0 DAY", None),
        ("DATE", "INTERVAL -1 DAY", None), ("DATE", "INTERVAL 1 HOUR", None),
        ("DATETIME", "INTERVAL 90 MINUTE", None), ("DATETIME", "INTERVAL 5 MONTH", "2000-01-31 02:00:00"),
        ("DATETIME", "INTERVAL '1 1' DAY TO HOUR", None), ("TIMESTAMP", "INTERVAL 1 DAY",
        "2021-01-01 05:00:00"),
        ("TIMESTAMP", "INTERVAL 1 MONTH", None), ("TIMESTAMP", "INTERVAL 0 HOUR", None),
    ],
)  # fmt: skip
def test_buckets(warehouse: Warehouse, kind: str, width: str, origin: str | None) -> None:
    begin = f", {kind} '{origin}'" if origin else ""
    day = [("2020-02-29",), ("1949-01-10",), ("2000-01-31",), ("2020-03-30",), (None,)]
    assert_agrees(warehouse, f"{kind}_BUCKET({kind}(x), {width}{begin})", "x STRING", day)
    if not begin:
        assert_agrees(warehouse, f"{kind}_BUCKET({kind}(x), INTERVAL 7 DAY)", "x STRING", [("0001-01-01",)])
