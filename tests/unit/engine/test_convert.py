"""Values survive the way into the engine and back, and BIGNUMERIC sorts there as numbers do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.engine.convert import blob_to_decimal256, decimal256_to_blob, engine_type, from_engine, to_engine
from bqsim.engine.duckdb import DuckDBSession
from bqsim.errors import BigQueryError
from bqsim.types import (
    BIGNUMERIC,
    INT64,
    NUMERIC,
    TIMESTAMP,
    Type,
    array_of,
    field_of,
    range_of,
    struct_of,
)
from bqsim.types.arrow import arrow_schema
from bqsim.types.values import array_of_values, python_values, table_from_rows
from tests.unit.types.strategies import SCALARS, columns


def test_engine_types() -> None:
    assert engine_type(array_of(struct_of(("a", BIGNUMERIC), ("", range_of(TIMESTAMP))))) == (
        'STRUCT(_1 BLOB, _2 STRUCT("start" TIMESTAMP, "end" TIMESTAMP))[]'
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(column=columns())
def test_values_pass_through_the_engine(session: DuckDBSession, column: tuple[Type, list[Any]]) -> None:
    type_, values = column
    fields = [field_of("x", type_)]
    table = pa.Table.from_arrays([array_of_values(type_, values)], names=["c1"])
    session.register("values_in", table, fields)
    back = session.query(f"SELECT c1::{engine_type(type_)} FROM values_in", fields)
    session.unregister("values_in")
    assert back.schema == arrow_schema(fields)
    back.validate(full=True)
    sent, received = python_values(table.column(0), type_), python_values(back.column(0), type_)
    assert list(map(repr, received)) == list(map(repr, sent))


@given(st.lists(st.none() | SCALARS[BIGNUMERIC], max_size=8), st.integers(0, 3))
def test_bignumeric_keys_keep_order_and_value(values: list[Decimal | None], start: int) -> None:
    array = array_of_values(BIGNUMERIC, values).slice(start)
    keys = decimal256_to_blob(array)
    assert blob_to_decimal256(keys).equals(array)
    present = [(k, v) for k, v in zip(keys.to_pylist(), array.to_pylist(), strict=True) if v is not None]
    assert [v for _, v in sorted(present, key=lambda kv: kv[0])] == sorted(v for _, v in present)


def test_smaller_engine_types_become_the_canonical_ones(session: DuckDBSession) -> None:
    fields = [
        field_of("a", INT64),
        field_of("b", NUMERIC),
        field_of("c", array_of(INT64)),
        field_of("d", INT64),
    ]
    rows = session.query("SELECT 1::TINYINT, 1.5, [2::HUGEINT], NULL", fields)
    assert [c.to_pylist() for c in rows.columns] == [[1], [Decimal("1.500000000")], [[2]], [None]]
    assert rows.schema == arrow_schema(fields)


def test_a_sum_beyond_int64_is_an_overflow(session: DuckDBSession) -> None:
    with pytest.raises(BigQueryError, match="int64 overflow"):
        session.query("SELECT 9223372036854775808::HUGEINT", [field_of("a", INT64)])


def test_columns_without_engine_form_are_not_copied() -> None:
    fields = [field_of("a", INT64)]
    table = table_from_rows(fields, [[1], [2]])
    assert to_engine(table, fields).column(0).chunk(0).buffers()[1].address == (
        table.column(0).chunk(0).buffers()[1].address
    )
    assert from_engine(table, fields).column(0).chunk(0).buffers()[1].address == (
        table.column(0).chunk(0).buffers()[1].address
    )
