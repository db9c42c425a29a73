"""The canonical form of each type."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bqsim.types import (
    BIGNUMERIC,
    BOOL,
    DATE,
    GEOGRAPHY,
    INT64,
    INTERVAL,
    JSON,
    NUMERIC,
    STRING,
    TIME,
    TIMESTAMP,
    Type,
    TypeKind,
    array_of,
    field_of,
    range_of,
    struct_of,
)
from bqsim.types.arrow import (
    arrow_schema,
    arrow_type,
    empty_table,
    map_array,
    null_table,
    validity_bitmap,
)


@pytest.mark.parametrize(
    ("type_", "arrow"),
    [
        (INT64, pa.int64()),
        (NUMERIC, pa.decimal128(38, 9)),
        (BIGNUMERIC, pa.decimal256(76, 38)),
        (BOOL, pa.bool_()),
        (JSON, pa.string()),
        (GEOGRAPHY, pa.string()),
        (TIME, pa.time64("us")),
        (TIMESTAMP, pa.timestamp("us", "UTC")),
        (INTERVAL, pa.month_day_nano_interval()),
        (range_of(DATE), pa.struct([("start", pa.date32()), ("end", pa.date32())])),
        (
            array_of(struct_of(("a", INT64), ("a", STRING))),
            pa.list_(pa.struct([("_1", pa.int64()), ("_2", pa.string())])),
        ),
    ],
)
def test_types(type_: Type, arrow: pa.DataType) -> None:
    assert arrow_type(type_) == arrow


def test_every_scalar_kind_has_a_form() -> None:
    for kind in set(TypeKind) - {TypeKind.ARRAY, TypeKind.STRUCT, TypeKind.RANGE}:
        assert arrow_type(Type(kind)) is not None


def test_tables_of_a_schema() -> None:
    fields = [field_of("x", INT64), field_of("x", array_of(STRING))]
    assert empty_table(fields).schema == arrow_schema(fields) and empty_table(fields).num_rows == 0
    nulls = null_table(fields, 2)
    assert nulls.schema.names == ["c1", "c2"] and nulls.to_pylist() == [{"c1": None, "c2": None}] * 2


def test_leaves_are_mapped_inside_nested_slices() -> None:
    type_ = array_of(struct_of(("a", INT64), ("b", array_of(INT64))))
    values = [
        [{"_1": 1, "_2": [2, None]}],
        None,
        [],
        [None, {"_1": None, "_2": None}],
        [{"_1": 5, "_2": [6]}],
    ]
    array = pa.array(values, arrow_type(type_))
    text = map_array(array.slice(1, 4), type_, lambda leaf, _: leaf.cast(pa.string()))
    text.validate(full=True)
    assert text.to_pylist() == [
        None,
        [],
        [None, {"_1": None, "_2": None}],
        [{"_1": "5", "_2": ["6"]}],
    ]


@pytest.mark.parametrize("offset", [0, 1, 7, 9])
def test_the_validity_of_a_slice_starts_at_its_first_value(offset: int) -> None:
    array = pa.array([i if i % 3 else None for i in range(20)], pa.int64()).slice(offset)
    copy = pa.Array.from_buffers(
        pa.int64(), len(array), [validity_bitmap(array), pa.py_buffer(array.fill_null(0).to_numpy())]
    )
    assert copy.to_pylist() == array.to_pylist()
    assert validity_bitmap(pa.array([1, 2])) is None
