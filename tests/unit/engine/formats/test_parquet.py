from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqsim.engine.formats.parquet import ParquetFile
from bqsim.engine.formats.parsed import ArrowOptions, Parsed, together
from bqsim.errors import BigQueryError
from bqsim.types import INT64, STRING, Field, Mode, TypeKind, field_of
from bqsim.types.api_schema import fields_to_api

pytestmark = pytest.mark.fidelity("load:PARQUET", "exact")


def file(**columns: Any) -> ParquetFile:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return opened(sink.getvalue())


def opened(data: bytes, **options: Any) -> ParquetFile:
    return ParquetFile(io.BytesIO(data), ArrowOptions(**options))


def detect(found: ParquetFile, *, infer_lists: bool) -> tuple[Field, ...]:
    return found.detect(infer_lists=infer_lists)


def read_parquet(found: ParquetFile, fields: tuple[Field, ...]) -> Parsed:
    return together(fields, list(found.batches(fields)))


def shape(fields: tuple[Field, ...]) -> list[Any]:
    return [(f.name, f.kind.value, f.mode.value, shape(f.fields)) for f in fields]


@pytest.mark.parametrize(
    ("array", "kind", "values"),
    [
        (pa.array([1, None], pa.int32()), "INT64", [1, None]),
        (pa.array([1.5], pa.float32()), "FLOAT64", [1.5]),
        (pa.array([True]), "BOOL", [True]),
        (pa.array(["a"], pa.large_string()), "STRING", ["a"]),
        (pa.array(["a", "a"]).dictionary_encode(), "STRING", ["a", "a"]),
        (pa.array([b"a"]), "BYTES", [b"a"]),
        (pa.array([date(2026, 1, 2)]), "DATE", [date(2026, 1, 2)]),
        (pa.array([time(1, 2, 3)]), "TIME", [time(1, 2, 3)]),
        (pa.array([datetime(2026, 1, 2, 3)], pa.timestamp("ms")), "DATETIME", [datetime(2026, 1, 2, 3)]),
        (
            pa.array([datetime(2026, 1, 2, 3, tzinfo=UTC)], pa.timestamp("us", "UTC")),
            "TIMESTAMP",
            [datetime(2026, 1, 2, 3, tzinfo=UTC)],
        ),
        (pa.array([Decimal("1.23")], pa.decimal128(10, 2)), "NUMERIC", [Decimal("1.23")]),
        (pa.array([Decimal("1.23")], pa.decimal128(38, 20)), "BIGNUMERIC", [Decimal("1.23")]),
    ],
)
def test_types(array: pa.Array, kind: str, values: list[Any]) -> None:
    table = file(v=array)
    fields = detect(table, infer_lists=True)
    assert [f.kind.value for f in fields] == [kind]
    assert read_parquet(table, fields).rows.column(0).to_pylist() == values


def test_nanoseconds_are_cut() -> None:
    table = file(v=pa.array([1_999], pa.timestamp("ns", "UTC")))
    stamp = read_parquet(table, detect(table, infer_lists=True)).rows.column(0)
    assert stamp.cast(pa.int64()).to_pylist() == [1]


def test_lists_with_inference() -> None:
    table = file(v=pa.array([[1, 2], None, []]))
    fields = detect(table, infer_lists=True)
    assert shape(fields) == [("v", "INT64", "REPEATED", [])]
    assert read_parquet(table, fields).rows.column(0).to_pylist() == [[1, 2], [], []]


def test_lists_without_inference_are_records() -> None:
    table = file(v=pa.array([[1, 2], None, [3]]))
    fields = detect(table, infer_lists=False)
    assert shape(fields) == [
        ("v", "STRUCT", "NULLABLE", [("list", "STRUCT", "REPEATED", [("element", "INT64", "NULLABLE", [])])])
    ]
    values = read_parquet(table, fields).rows.column(0).to_pylist()
    assert values == [{"_1": [{"_1": 1}, {"_1": 2}]}, None, {"_1": [{"_1": 3}]}]


def test_structs() -> None:
    table = file(v=pa.array([{"a": 1, "b": [{"c": "x"}]}, None]))
    fields = detect(table, infer_lists=True)
    assert fields_to_api(fields)[0]["fields"][1] == {
        "name": "b",
        "type": "RECORD",
        "mode": "REPEATED",
        "fields": [{"name": "c", "type": "STRING", "mode": "NULLABLE"}],
    }
    assert read_parquet(table, fields).rows.column(0).to_pylist() == [{"_1": 1, "_2": [{"_1": "x"}]}, None]


def test_columns_match_by_name_and_missing_ones_are_null() -> None:
    table = file(B=pa.array(["x"]), a=pa.array([1]))
    fields = (field_of("a", INT64), field_of("b", STRING), field_of("c", STRING))
    assert read_parquet(table, fields).rows.to_pylist() == [{"c1": 1, "c2": "x", "c3": None}]


def test_a_missing_required_column() -> None:
    with pytest.raises(BigQueryError, match="Required field z is missing"):
        read_parquet(file(a=pa.array([1])), (Field("z", TypeKind.INT64, Mode.REQUIRED),))


def test_a_column_of_another_type() -> None:
    with pytest.raises(BigQueryError) as caught:
        read_parquet(file(a=pa.array(["x"])), (field_of("a", INT64),))
    assert caught.value.message == (
        "Error while reading data, error message: Parquet column 'a' has type STRING which does not match "
        "the target type INT64."
    )


def test_compatible_types_are_converted() -> None:
    table = file(n=pa.array([5]), j=pa.array(['{"b":1,"a":2}']))
    fields = (Field("n", TypeKind.NUMERIC), Field("j", TypeKind.JSON))
    assert read_parquet(table, fields).rows.to_pylist() == [{"c1": Decimal(5), "c2": '{"a":2,"b":1}'}]


def test_not_a_parquet_file() -> None:
    with pytest.raises(BigQueryError, match="the file is invalid"):
        opened(b"hello")


def test_maps_are_records_of_entries() -> None:
    found = file(m=pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())))
    fields = detect(found, infer_lists=False)
    entry: list[Any] = [("key", "STRING", "REQUIRED", []), ("value", "INT64", "NULLABLE", [])]
    assert shape(fields) == [("m", "STRUCT", "NULLABLE", [("key_value", "STRUCT", "REPEATED", entry)])]
    values = read_parquet(found, fields).rows.column(0).to_pylist()
    assert values == [{"_1": [{"_1": "k", "_2": 1}]}, None, {"_1": []}]


def test_int96_is_a_timestamp() -> None:
    sink = io.BytesIO()
    stamps = pa.table({"t": pa.array([datetime(2026, 1, 2)], pa.timestamp("us"))})
    pq.write_table(stamps, sink, use_deprecated_int96_timestamps=True)
    found = opened(sink.getvalue())
    (field,) = detect(found, infer_lists=True)
    assert field.kind is TypeKind.TIMESTAMP
    assert read_parquet(found, (field,)).rows.column(0).to_pylist() == [datetime(2026, 1, 2, tzinfo=UTC)]


def test_nested_decimals_and_dictionaries() -> None:
    inner = pa.StructArray.from_arrays(
        [pa.array([Decimal("1.5")], pa.decimal128(5, 1)), pa.array(["x"]).dictionary_encode()], ["d", "s"]
    )
    sink = io.BytesIO()
    pq.write_table(pa.table({"r": inner}), sink)
    found = opened(sink.getvalue(), decimal_types=("STRING",))
    fields = detect(found, infer_lists=True)
    assert [f.kind for f in fields[0].fields] == [TypeKind.STRING, TypeKind.STRING]
    assert read_parquet(found, fields).rows.column(0).to_pylist() == [{"_1": "1.5", "_2": "x"}]


def test_large_row_groups_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from bqsim.engine.formats import parquet

    sink = io.BytesIO()
    pq.write_table(pa.table({"a": list(range(5000))}), sink, row_group_size=2000)
    monkeypatch.setattr(parquet, "_MOST", 10)
    monkeypatch.setattr(parquet, "_AT_ONCE", 4000)
    found = opened(sink.getvalue())
    parts = list(found.batches(detect(found, infer_lists=True)))
    assert len(parts) > 5
    assert [v for p in parts for v in p.rows.column(0).to_pylist()] == list(range(5000))
