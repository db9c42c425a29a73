from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.sql.lower.literals import bignumeric_hex, literal_sql
from bqsim.sql.lower.registry import Unsupported
from bqsim.types import (
    BIGNUMERIC,
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    INTERVAL,
    JSON,
    NUMERIC,
    STRING,
    TIME,
    TIMESTAMP,
    Type,
    array_of,
    field_of,
    range_of,
    struct_of,
)
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("sql:values of all types", "exact")

UTC = dt.UTC
PAIR = struct_of(("a", INT64), ("a", STRING))


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (INT64, -9223372036854775808),
        (INT64, 9223372036854775807),
        (FLOAT64, 5e-324),
        (FLOAT64, 0.1),
        (FLOAT64, -math.inf),
        (NUMERIC, Decimal("-99999999999999999999999999999.999999999")),
        (BIGNUMERIC, Decimal("-1.5")),
        (
            BIGNUMERIC,
            Decimal("578960446186580977117854925043439539266.34992332820282019728792003956564819967"),
        ),
        (BOOL, False),
        (STRING, "it's \\ a\0 “test”\n"),
        (BYTES, b"\x00\xff'"),
        (DATE, dt.date(1, 1, 1)),
        (TIME, dt.time(23, 59, 59, 999999)),
        (DATETIME, dt.datetime(9999, 12, 31, 23, 59, 59, 999999)),
        (TIMESTAMP, dt.datetime(2020, 2, 29, 1, 2, 3, tzinfo=UTC)),
        (INTERVAL, pa.MonthDayNano([-14, 3, 1500000])),
        (JSON, '{"a":"it\'s"}'),
        (array_of(INT64), []),
        (array_of(PAIR), [[1, "x"], [None, None]]),
        (PAIR, [None, "x"]),
        (range_of(DATE), {"start": None, "end": dt.date(2020, 1, 1)}),
        (array_of(STRING), None),
    ],
)
def test_literals_come_back_as_they_were(warehouse: Warehouse, type_: Type, value: Any) -> None:
    table = warehouse.session.query(f"SELECT {literal_sql(type_, value)}", [field_of("x", type_)])
    found = table.column(0)[0].as_py()
    if type_.kind == "STRUCT":
        found = list(found.values())
    if type_ == array_of(PAIR):
        found = [list(f.values()) for f in found]
    if type_.is_array:
        found, value = found or [], value or []
    assert found == value


def test_nan_is_written(warehouse: Warehouse) -> None:
    table = warehouse.session.query(f"SELECT {literal_sql(FLOAT64, math.nan)}", [field_of("x", FLOAT64)])
    assert math.isnan(table.column(0)[0].as_py())


def test_nanoseconds_are_not_cut_off() -> None:
    with pytest.raises(Unsupported, match="nanoseconds"):
        literal_sql(INTERVAL, pa.MonthDayNano([0, 0, 1]))


@settings(deadline=None)
@given(
    st.decimals(places=38, min_value=-(10**38), max_value=10**38),
    st.decimals(places=38, min_value=-5, max_value=5),
)
def test_bignumeric_form_keeps_the_order(a: Decimal, b: Decimal) -> None:
    assert (bignumeric_hex(a) < bignumeric_hex(b)) == (a < b)
