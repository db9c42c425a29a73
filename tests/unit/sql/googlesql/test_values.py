from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.errors import BigQueryError
from bqsim.sql.googlesql.types import type_to_proto
from bqsim.sql.googlesql.values import decode, encode, enum_name, literal_value, value_to_proto
from bqsim.types import (
    BIGNUMERIC,
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT64,
    GEOGRAPHY,
    INT64,
    INTERVAL,
    JSON,
    NUMERIC,
    STRING,
    TIME,
    TIMESTAMP,
    Type,
    array_of,
    range_of,
    struct_of,
)

from .catalogs import context
from .conftest import World

UTC = dt.UTC
MICROS = st.integers(-(10**6) * 86400 * 10**4, 10**6 * 86400 * 10**4)
VALUES: list[tuple[Type, st.SearchStrategy[Any]]] = [
    (INT64, st.integers(-(2**63), 2**63 - 1)),
    (BOOL, st.booleans()),
    (STRING, st.text()),
    (BYTES, st.binary()),
    (NUMERIC, st.integers(-(10**38) + 1, 10**38 - 1).map(lambda n: Decimal(n).scaleb(-9))),
    (BIGNUMERIC, st.integers(-(2**255), 2**255 - 1).map(lambda n: Decimal(n).scaleb(-38))),
    (DATE, st.dates()),
    (TIME, st.times()),
    (DATETIME, st.datetimes()),
    (TIMESTAMP, st.datetimes(timezones=st.just(UTC))),
    (
        INTERVAL,
        st.tuples(st.integers(-120000, 120000), st.integers(-3660000, 3660000), MICROS).map(
            lambda v: pa.MonthDayNano([v[0], v[1], v[2] * 1000])
        ),
    ),
]


@pytest.mark.parametrize(("type_", "values"), VALUES, ids=[str(t) for t, _ in VALUES])
def test_scalars_round_trip(type_: Type, values: st.SearchStrategy[Any]) -> None:
    @given(values)
    def check(value: Any) -> None:
        assert decode(value_to_proto(value, type_), type_) == value

    check()


@pytest.mark.parametrize("value", [0.0, -0.0, math.inf, -math.inf, 5e-324, 1.7976931348623157e308])
def test_floats_keep_their_sign(value: float) -> None:
    found = decode(encode(value, FLOAT64), FLOAT64)
    assert found == value
    assert math.copysign(1, found) == math.copysign(1, value)
    assert math.isnan(decode(encode(math.nan, FLOAT64), FLOAT64))


def test_nested_values_and_nulls() -> None:
    type_ = struct_of(("a", array_of(INT64)), ("a", range_of(DATE)), ("", STRING))
    value = [[1, None], {"start": dt.date(2020, 1, 1), "end": None}, None]
    proto = encode(value, type_)
    assert decode(proto, type_) == value
    assert decode(encode(None, type_), type_) is None


def test_a_struct_may_come_as_a_dictionary() -> None:
    type_ = struct_of(("x", INT64), ("y", STRING))
    assert decode(encode({"_1": 1, "_2": "a"}, type_), type_) == [1, "a"]


@pytest.mark.parametrize(
    ("scaled", "size"), [(2**255 - 1, 32), (-(2**255), 32), (127, 1), (-128, 1), (128, 2), (-129, 2)]
)
def test_decimals_have_the_shortest_form(scaled: int, size: int) -> None:
    assert len(encode(Decimal(f"{scaled}e-38"), BIGNUMERIC).bignumeric_value) == size


def test_geography_has_no_value_there() -> None:
    with pytest.raises(BigQueryError, match="not supported"):
        encode("POINT(1 2)", GEOGRAPHY)


@pytest.mark.parametrize(
    ("sql", "type_", "value"),
    [
        ("NUMERIC '-1.000000001'", NUMERIC, Decimal("-1.000000001")),
        ("BIGNUMERIC '1e-38'", BIGNUMERIC, Decimal("1e-38")),
        ("TIME '01:02:03.000004'", TIME, dt.time(1, 2, 3, 4)),
        ("DATETIME '0001-01-01 00:00:00'", DATETIME, dt.datetime(1, 1, 1)),
        (
            "TIMESTAMP '1969-12-31 23:59:59.999999+00'",
            TIMESTAMP,
            dt.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
        ),
        ("DATE '9999-12-31'", DATE, dt.date(9999, 12, 31)),
        ('JSON \'{"b": 1, "a": null}\'', JSON, '{"a":null,"b":1}'),
        ("b'\\x00\\xff'", BYTES, b"\x00\xff"),
    ],
)
def test_literals_of_googlesql(world: World, sql: str, type_: Type, value: Any) -> None:
    statement = world.googlesql.analyze(f"SELECT {sql}", context()).statement
    literal = statement.query.resolved_project_scan_node.expr_list[0].expr.resolved_literal_node
    assert literal_value(literal.value) == value
    assert type_to_proto(type_) == literal.value.type


def test_an_enum_literal_is_its_name(world: World) -> None:
    statement = world.googlesql.analyze("SELECT DATE_TRUNC(DATE '2020-01-01', ISOWEEK)", context()).statement
    call = statement.query.resolved_project_scan_node.expr_list[0].expr
    call = call.resolved_function_call_base_node.resolved_function_call_node
    part = call.parent.argument_list[1].resolved_literal_node.value
    assert literal_value(part) == "ISOWEEK"
    assert enum_name(part.type, part.value.enum_value) == "ISOWEEK"
