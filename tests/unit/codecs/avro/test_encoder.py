from __future__ import annotations

import datetime as dt
import io
import json
import math
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pytest
from google.cloud.bigquery_storage_v1 import types as storage
from google.cloud.bigquery_storage_v1.reader import _AvroStreamParser
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.codecs import wasm
from bqsim.codecs.avro import RowEncoder, avro_schema, encoder
from bqsim.types import Field, Mode, Type, TypeKind, field_of
from bqsim.types.arrow import arrow_type, empty_table, table_of
from bqsim.types.text import interval_text
from bqsim.types.values import array_of_values, table_from_rows
from tests.unit.types.strategies import SCALARS, types

K = TypeKind
Row = Sequence[Any]


def _decoded(fields: Sequence[Field], table: pa.Table) -> list[list[Any]]:
    """The rows as fastavro reads them, each from its own bytes."""
    data, ends = RowEncoder(fields).encode(table)
    assert ends.dtype == np.int64
    assert len(ends) == table.num_rows
    assert (ends[-1] if len(ends) else 0) == len(data)
    schema = fastavro.parse_schema(json.loads(avro_schema(fields)))
    rows = []
    starts = [0, *ends.tolist()]
    for start, end in pairwise(starts):
        stream = io.BytesIO(data[start:end])
        row: Any = fastavro.schemaless_reader(stream, schema)
        rows.append(list(row.values()))
        assert stream.read() == b""
    return rows


def _civil(value: dt.datetime) -> str:
    text = value.strftime("%Y").zfill(4) + value.strftime("-%m-%dT%H:%M:%S")
    return text + (f".{value.microsecond:06}".rstrip("0") if value.microsecond else "")


def _interval(value: pa.MonthDayNano) -> Any:
    return interval_text(pa.array([value], pa.month_day_nano_interval()))[0].as_py()


_READ: dict[TypeKind, Callable[[Any], Any]] = {
    K.DATETIME: _civil,
    K.INTERVAL: _interval,
    K.FLOAT64: lambda v: struct.pack("<d", v),
}


def _expected(value: Any, field: Field) -> Any:
    """What a reader must see of a canonical value."""
    if field.mode is Mode.REPEATED:
        item = replace(field, mode=Mode.REQUIRED)
        return [_expected(v, item) for v in value or []]
    if value is None:
        return None
    if field.kind is K.STRUCT:
        return {f.name: _expected(v, f) for f, v in zip(field.fields, value, strict=True)}
    if field.kind is K.RANGE:
        bound = Field("", field.range_element or K.DATE)
        return {side: _expected(v, bound) for side, v in value.items()}
    return _READ.get(field.kind, lambda v: v)(value)


def _comparable(value: Any) -> Any:
    """Floats by their bits, so that NaN equals itself."""
    if isinstance(value, list):
        return [_comparable(v) for v in value]
    if isinstance(value, dict):
        return {k: _comparable(v) for k, v in value.items()}
    return struct.pack("<d", value) if isinstance(value, float) else value


def _check(fields: Sequence[Field], rows: Sequence[Row], table: pa.Table | None = None) -> None:
    table = table_from_rows(fields, rows) if table is None else table
    expected = [[_expected(v, f) for v, f in zip(row, fields, strict=True)] for row in rows]
    assert _comparable(_decoded(fields, table)) == expected


_UTC = dt.UTC
_EXTREMES: dict[TypeKind, list[Any]] = {
    K.INT64: [
        0,
        -1,
        1,
        63,
        64,
        -64,
        -65,
        2**55 - 1,
        2**55,
        -(2**55),
        -(2**55) - 1,
        2**62,
        2**63 - 1,
        -(2**63),
    ],
    K.FLOAT64: [0.0, -0.0, 1.5, math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308],
    K.BOOL: [True, False],
    K.STRING: ["", "a", "é\0\n", "x" * 15, "x" * 16, "x" * 17, "x" * 63, "ü" * 64, "y" * 97, "z" * 70_000],
    K.BYTES: [b"", b"\0\xff", bytes(range(256))],
    K.DATE: [dt.date.min, dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date.max],
    K.TIME: [dt.time.min, dt.time(12, 34, 56, 789), dt.time.max],
    K.TIMESTAMP: [
        dt.datetime.min.replace(tzinfo=_UTC),
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999, _UTC),
        dt.datetime.max.replace(tzinfo=_UTC),
    ],
    K.DATETIME: [
        dt.datetime.min,
        dt.datetime(1600, 2, 29, 1, 2, 3, 4),
        dt.datetime(1900, 3, 1),
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999),
        dt.datetime(1970, 1, 1),
        dt.datetime(2000, 2, 29, 10, 20, 30, 120000),
        dt.datetime(2023, 12, 31, 0, 0, 0, 500000),
        dt.datetime(2024, 2, 29, 23, 59, 59, 10),
        dt.datetime.max,
    ],
    K.NUMERIC: [
        Decimal(0),
        Decimal("-0.000000001"),
        Decimal("99999999999999999999999999999.999999999"),
        Decimal("-99999999999999999999999999999.999999999"),
    ],
    K.BIGNUMERIC: [
        Decimal(0),
        Decimal("1e-38"),
        Decimal("578960446186580977117854925043439539266.34992332820282019728792003956564819967"),
        Decimal("-578960446186580977117854925043439539266.34992332820282019728792003956564819968"),
    ],
    K.INTERVAL: [pa.MonthDayNano([14, -3, 3_723_000_001_000]), pa.MonthDayNano([-120_000, 3_660_000, -1000])],
    K.JSON: ['{"a":[1,null]}', '"x"'],
    K.GEOGRAPHY: ["POINT(1 2)"],
}


@pytest.mark.parametrize("kind", list(_EXTREMES))
@pytest.mark.parametrize("mode", [Mode.NULLABLE, Mode.REQUIRED])
def test_extremes(kind: TypeKind, mode: Mode) -> None:
    values = _EXTREMES[kind]
    _check([Field("x", kind, mode)], [[v] for v in values])


@pytest.mark.parametrize("kind", list(_EXTREMES))
def test_nulls(kind: TypeKind) -> None:
    values = _EXTREMES[kind]
    rows = [[None], *([v] for v in values), [None], [None], *([v] for v in values)]
    _check([Field("x", kind)], rows)
    _check([Field("x", kind)], [[None]] * 9)


@pytest.mark.parametrize("kind", list(_EXTREMES))
def test_repeated(kind: TypeKind) -> None:
    values = _EXTREMES[kind]
    _check([Field("x", kind, Mode.REPEATED)], [[values], [[]], [None], [values[:1]], [values * 40]])


@pytest.mark.parametrize("element", [K.DATE, K.DATETIME, K.TIMESTAMP])
def test_ranges(element: TypeKind) -> None:
    first, *_, last = _EXTREMES[element]
    values = [
        {"start": first, "end": last},
        {"start": None, "end": last},
        None,
        {"start": first, "end": None},
        {"start": None, "end": None},
    ]
    field = Field("r", K.RANGE, range_element=element)
    _check([field, replace(field, name="s")], [[v, v] for v in values])
    _check([replace(field, mode=Mode.REPEATED)], [[[v for v in values if v]], [[]]])


@pytest.mark.parametrize(
    ("kind", "precision", "scale", "texts"),
    [
        (K.NUMERIC, 5, 2, ["1.25", "-999.99", "0"]),
        (K.NUMERIC, 29, None, ["12345678901234567890123456789", "-1"]),
        (K.NUMERIC, 38, 9, ["-99999999999999999999999999999.999999999"]),
        (K.BIGNUMERIC, 76, 38, ["-99999999999999999999999999999999999999.5"]),
        (K.BIGNUMERIC, 40, 2, ["-99999999999999999999999999999999999999.25", "0.01"]),
        (K.BIGNUMERIC, 3, None, ["999"]),
    ],
)
def test_parameterised_decimals(kind: TypeKind, precision: int, scale: int | None, texts: list[str]) -> None:
    field = Field("n", kind, precision=precision, scale=scale)
    _check([field], [[Decimal(t)] for t in texts] + [[None]])
    _check([replace(field, mode=Mode.REPEATED)], [[[Decimal(t) for t in texts]], [[]]])


def test_bytes_of_a_row() -> None:
    fields = [
        Field("i", K.INT64),
        Field("n", K.NUMERIC),
        Field("d", K.DATETIME, Mode.REQUIRED),
        Field("tags", K.STRING, Mode.REPEATED),
        Field("none", K.STRING),
    ]
    row = [-2, Decimal("-0.000000002"), dt.datetime(2019, 11, 11, 11, 11, 11, 111110), ["a", "bc"], None]
    data, ends = RowEncoder(fields).encode(table_from_rows(fields, [row]))
    assert data == (
        b"\x02\x03\x02\x20" + b"\xff" * 15 + b"\xfe\x322019-11-11T11:11:11.11111\x04\x02a\x04bc\x00\x00"
    )
    assert ends.tolist() == [len(data)]


_NESTED = [
    Field("b", K.BOOL),
    Field("i", K.INT64, Mode.REQUIRED),
    Field("s", K.STRING),
    Field("flags", K.BOOL, Mode.REPEATED),
    Field("when", K.RANGE, range_element=K.DATETIME),
    Field(
        "orders",
        K.STRUCT,
        Mode.REPEATED,
        (
            Field("id", K.INT64),
            Field("paid", K.BOOL),
            Field(
                "items",
                K.STRUCT,
                Mode.REPEATED,
                (Field("sku", K.STRING), Field("price", K.NUMERIC, Mode.REQUIRED)),
            ),
            Field("note", K.STRUCT, Mode.NULLABLE, (Field("text", K.STRING), Field("at", K.DATE))),
        ),
    ),
    Field(
        "dims", K.STRUCT, Mode.NULLABLE, (Field("w", K.FLOAT64), Field("ok", K.BOOL), Field("by", K.BYTES))
    ),
]


def _nested_row(i: int) -> list[Any]:
    items = [[f"sku{j}" if j % 3 else None, Decimal(i + j) / 4] for j in range(i % 4)]
    orders = [
        [
            None if (i + n) % 5 == 0 else i * n,
            [True, False, None][(i + n) % 3],
            items[: n + 1],
            None if n % 2 else ["note" * n, None if i % 2 else dt.date(2020, 1, 1 + i % 28)],
        ]
        for n in range(i % 5)
    ]
    return [
        [True, None, False, False, True][i % 5],
        i * 1000 - 7,
        None if i % 7 == 0 else "v" * (i % 20),
        [(i + n) % 3 == 0 for n in range(i % 11)],
        None if i % 4 == 0 else {"start": dt.datetime(2020, 1, 1, 0, 0, i % 60, i), "end": None},
        orders,
        None if i % 6 == 0 else [i / 8, None if i % 2 else i % 3 == 0, bytes([i % 256]) * (i % 30)],
    ]


_ROWS = [_nested_row(i) for i in range(300)]


def test_arrays_of_structs_of_arrays() -> None:
    _check(_NESTED, _ROWS)


@pytest.mark.parametrize("start", [0, 1, 7, 8, 9, 63, 64, 65, 299, 300])
@pytest.mark.parametrize("count", [0, 1, 8, 101])
def test_slices(start: int, count: int) -> None:
    table = table_from_rows(_NESTED, _ROWS)
    _check(_NESTED, _ROWS[start : start + count], table.slice(start, count))


def test_slices_of_slices_and_columns_in_chunks_of_their_own() -> None:
    table = table_from_rows(_NESTED, _ROWS).slice(3).slice(10, 250)
    pieces = [table.slice(at, size) for at, size in [(0, 1), (1, 0), (1, 100), (101, 13), (114, 136)]]
    _check(_NESTED, _ROWS[13:263], pa.concat_tables(pieces))
    uneven = [
        pa.chunked_array([c.combine_chunks().slice(0, n), c.combine_chunks().slice(n)])
        for n, c in enumerate(table.columns)
    ]
    _check(_NESTED, _ROWS[13:263], table_of(uneven))


def test_many_small_chunks() -> None:
    table = table_from_rows(_NESTED, _ROWS)
    _check(_NESTED, _ROWS, pa.concat_tables([table.slice(i, 1) for i in range(300)]))


def test_more_than_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_from_rows(_NESTED, _ROWS)
    whole = RowEncoder(_NESTED).encode(table)
    monkeypatch.setattr(encoder, "BATCH_BYTES", 2000)
    calls: list[int] = []
    records = encoder._records

    def counted(nodes: Any, columns: Any, rows: int) -> tuple[bytes, Any]:
        calls.append(rows)
        return records(nodes, columns, rows)

    monkeypatch.setattr(encoder, "_records", counted)
    data, ends = RowEncoder(_NESTED).encode(table)
    assert len(calls) > 10
    assert sum(calls) == len(_ROWS)
    assert data == whole[0]
    assert ends.tolist() == whole[1].tolist()
    parts = list(RowEncoder(_NESTED).batches(table))
    assert len(parts) > 10
    assert b"".join(part for part, _ in parts) == data
    assert all(int(local[-1]) == len(part) for part, local in parts)


def test_rows_beyond_the_memory_are_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = [Field("s", K.STRING)]
    rows: list[Row] = [["x" * 100_000], *([["y"]] * 50), *([["z" * 100_000]] * 3), [None]]
    monkeypatch.setattr(wasm, "MAX_BYTES", 300_000)
    _check(fields, rows)
    with pytest.raises(MemoryError):
        RowEncoder(fields).encode(table_from_rows(fields, [["x" * 300_000]]))


def test_no_rows() -> None:
    for table in (empty_table(_NESTED), table_from_rows(_NESTED, _ROWS).slice(5, 0)):
        data, ends = RowEncoder(_NESTED).encode(table)
        assert data == b""
        assert ends.dtype == np.int64
        assert not len(ends)


def test_a_null_array_over_items_is_empty() -> None:
    items = pa.array(["a", "b", "c"], pa.string())
    mask = pa.array([False, True, False])
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), items, mask=mask)
    field = Field("x", K.STRING, Mode.REPEATED)
    _check([field], [[["a"]], [None], [["c"]]], table_of([lists]))


def test_values_under_null_are_not_seen() -> None:
    numbers = pa.Array.from_buffers(
        pa.int64(), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(np.array([1, 2, 3], np.int64))]
    )
    pairs = pa.StructArray.from_arrays([numbers], ["_1"], mask=pa.array([True, False, False]))
    field = Field("s", K.STRUCT, Mode.NULLABLE, (Field("a", K.INT64),))
    _check([Field("n", K.INT64), field], [[1, None], [None, [None]], [3, [3]]], table_of([numbers, pairs]))


def test_an_empty_struct() -> None:
    field = Field("s", K.STRUCT)
    rows = pa.array([{}, None, {}], arrow_type(field.type))
    _check([field], [[[]], [None], [[]]], table_of([rows]))


def test_text_is_exact_where_vectors_end() -> None:
    fields = [Field("s", K.STRING), Field("t", K.BYTES, Mode.REQUIRED)]
    _check(fields, [["s" * n, b"t" * (200 - n)] for n in range(200)])


def test_threads_share_an_encoder() -> None:
    shared = RowEncoder(_NESTED)
    table = table_from_rows(_NESTED, _ROWS)
    expected = [shared.encode(table.slice(i, 100))[0] for i in range(20)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda i: shared.encode(table.slice(i % 20, 100))[0], range(200)))
    assert found == expected * 10


def test_googles_reader_takes_the_rows() -> None:
    data, _ = RowEncoder(_NESTED).encode(table_from_rows(_NESTED, _ROWS))
    parser = _AvroStreamParser(storage.ReadSession(avro_schema={"schema": avro_schema(_NESTED)}))
    message = storage.ReadRowsResponse(
        avro_rows={"serialized_binary_rows": data, "row_count": len(_ROWS)}, row_count=len(_ROWS)
    )
    rows = [list(row.values()) for row in parser.to_rows(message)]
    assert _comparable(rows) == [
        [_expected(v, f) for v, f in zip(row, _NESTED, strict=True)] for row in _ROWS
    ]


def _values(field: Field) -> st.SearchStrategy[Any]:
    """Values that a table can hold: no NULL in arrays."""
    if field.mode is Mode.REPEATED:
        return st.none() | st.lists(_values(replace(field, mode=Mode.REQUIRED)), max_size=3)
    if field.kind is K.STRUCT:
        own: st.SearchStrategy[Any] = st.tuples(*map(_values, field.fields)).map(list)
    elif field.kind is K.RANGE:
        bound = _values(Field("", field.range_element or K.DATE))
        own = st.tuples(bound, bound).map(lambda pair: {"start": pair[0], "end": pair[1]})
    else:
        own = SCALARS[field.value_type]
    return own if field.mode is Mode.REQUIRED else st.none() | own


def _modes(field: Field) -> st.SearchStrategy[Field]:
    """The field with some of its parts REQUIRED."""
    nested = st.tuples(*map(_modes, field.fields))
    mode = (
        st.just(field.mode) if field.mode is Mode.REPEATED else st.sampled_from([field.mode, Mode.REQUIRED])
    )
    return st.builds(lambda m, fs: replace(field, mode=m, fields=fs), mode, nested)


@st.composite
def _tables(draw: st.DrawFn) -> tuple[list[Field], list[list[Any]]]:
    columns: list[Type] = draw(st.lists(types(), min_size=1, max_size=3))
    fields = [draw(_modes(field_of(f"c{i}", t))) for i, t in enumerate(columns)]
    row = st.tuples(*map(_values, fields)).map(list)
    return fields, draw(st.lists(row, max_size=12))


@settings(deadline=None, max_examples=300)
@given(_tables(), st.integers(0, 12), st.integers(0, 12))
def test_round_trip(table: tuple[list[Field], list[list[Any]]], start: int, cut: int) -> None:
    fields, rows = table
    whole = table_from_rows(fields, rows)
    _check(fields, rows, whole)
    _check(fields, rows[start:], whole.slice(start))
    _check(
        fields,
        rows[start:],
        pa.concat_tables([whole.slice(start).slice(0, cut), whole.slice(start).slice(cut)]),
    )


def test_columns_have_the_canonical_types() -> None:
    assert arrow_type(_NESTED[0].type) == array_of_values(_NESTED[0].type, [True]).type
