from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bqsim.storage.read.arrow_format import (
    MAX_MESSAGE_BYTES,
    MESSAGE_BYTES,
    ArrowFormat,
    declared,
    service_schema,
)
from bqsim.storage.v1 import read_pb2
from bqsim.types import Field, Mode, TypeKind

from .conftest import Reader

K = TypeKind
EVERY = """
SELECT 1 AS i, 1.5 AS f, NUMERIC '-1.000000001' AS n, BIGNUMERIC '1e-38' AS b, TRUE AS t, 'tëxt' AS s,
  b'\\x00\\xff' AS y, DATE '0001-01-01' AS d, TIME '23:59:59.999999' AS m,
  DATETIME '9999-12-31T23:59:59.999999' AS dt, TIMESTAMP '1969-12-31 23:59:59.999999Z' AS ts,
  INTERVAL '1-2 3 4:5:6.789' YEAR TO SECOND AS v, JSON '{"a": [1, null]}' AS j,
  RANGE(DATE '2024-01-01', NULL) AS r, [1, 2] AS a, STRUCT(1 AS x, [STRUCT('z' AS z)] AS y) AS st
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, [], NULL
"""


def extension(field: pa.Field) -> dict[bytes, bytes]:
    return dict(field.metadata or {})


@pytest.mark.parametrize(
    ("field", "type_"),
    [
        (Field("x", K.INT64), pa.int64()),
        (Field("x", K.FLOAT64), pa.float64()),
        (Field("x", K.NUMERIC), pa.decimal128(38, 9)),
        (Field("x", K.NUMERIC, precision=10, scale=2), pa.decimal128(10, 2)),
        (Field("x", K.NUMERIC, precision=5), pa.decimal128(5, 0)),
        (Field("x", K.BIGNUMERIC), pa.decimal256(76, 38)),
        (Field("x", K.BIGNUMERIC, precision=40, scale=4), pa.decimal256(40, 4)),
        (Field("x", K.BOOL), pa.bool_()),
        (Field("x", K.STRING, max_length=3), pa.string()),
        (Field("x", K.BYTES), pa.binary()),
        (Field("x", K.DATE), pa.date32()),
        (Field("x", K.TIME), pa.time64("us")),
        (Field("x", K.DATETIME), pa.timestamp("us")),
        (Field("x", K.TIMESTAMP), pa.timestamp("us", "UTC")),
        (Field("x", K.INTERVAL), pa.month_day_nano_interval()),
        (Field("x", K.JSON), pa.string()),
        (Field("x", K.GEOGRAPHY), pa.string()),
        (
            Field("x", K.RANGE, range_element=K.DATE),
            pa.struct([("start", pa.date32()), ("end", pa.date32())]),
        ),
        (Field("x", K.INT64, Mode.REPEATED), pa.list_(pa.field("item", pa.int64()))),
        (Field("x", K.STRUCT, fields=(Field("Y", K.BOOL),)), pa.struct([pa.field("Y", pa.bool_())])),
    ],
)
def test_types(field: Field, type_: pa.DataType) -> None:
    schema = service_schema([field])
    assert schema.field("x").type == type_
    assert schema.field("x").nullable is (field.mode is Mode.NULLABLE)


def test_metadata() -> None:
    nested = (Field("dt", K.DATETIME), Field("js", K.JSON, Mode.REPEATED))
    schema = service_schema(
        [
            Field("dt", K.DATETIME),
            Field("ts", K.TIMESTAMP),
            Field("js", K.JSON, Mode.REQUIRED),
            Field("geo", K.GEOGRAPHY),
            Field("st", K.STRUCT, fields=nested),
        ]
    )
    name = b"ARROW:extension:name"
    assert extension(schema.field("dt")) == {name: b"google:sqlType:datetime"}
    assert extension(schema.field("ts")) == {}
    assert extension(schema.field("js")) == {name: b"google:sqlType:json"}
    assert not schema.field("js").nullable
    geography = extension(schema.field("geo"))
    assert geography == {
        name: b"google:sqlType:geography",
        b"ARROW:extension:metadata": b'{"encoding": "WKT"}',
    }
    inner = schema.field("st").type
    assert extension(inner.field("dt")) == {name: b"google:sqlType:datetime"}
    assert extension(inner.field("js")) == {name: b"google:sqlType:json"}


@pytest.mark.parametrize("codec", [0, 1, 2])
@pytest.mark.parametrize("stored", [True, False])
def test_every_type_is_read_as_it_was_written(reader: Reader, stored: bool, codec: int) -> None:
    reader.warehouse.run(f"CREATE TABLE d.t AS {EVERY}")
    wanted = reader.warehouse.run("SELECT * FROM d.t ORDER BY i DESC").rows
    path = "t" if stored else reader.result("SELECT * FROM d.t")
    session = reader.session(path, arrow_serialization_options={"buffer_compression": codec})
    rows = reader.arrow(session, session.streams[0].name)
    assert rows.column_names == [
        "i",
        "f",
        "n",
        "b",
        "t",
        "s",
        "y",
        "d",
        "m",
        "dt",
        "ts",
        "v",
        "j",
        "r",
        "a",
        "st",
    ]
    for name, column in zip(rows.column_names[:-1], wanted.columns, strict=False):
        assert rows.column(name).to_pylist() == column.to_pylist()
    assert rows.column("st").to_pylist() == [{"x": 1, "y": [{"z": "z"}]}, None]


def test_required_and_parameterised_columns(reader: Reader) -> None:
    reader.warehouse.run(
        """CREATE TABLE d.t (i INT64 NOT NULL, n NUMERIC(10, 2), b BIGNUMERIC(5), l ARRAY<NUMERIC(6, 3)>,
        st STRUCT<n NUMERIC(4, 1), m NUMERIC>)"""
    )
    reader.warehouse.run(
        """INSERT INTO d.t VALUES (1, 12345678.91, 99999, [1.125, NUMERIC '-2'], (1.5, 0.000000001)),
        (2, NULL, NULL, [], NULL), (3, -0.01, -7, [0], (NULL, 4))"""
    )
    session = reader.session("t")
    rows = reader.arrow(session, session.streams[0].name)
    assert not rows.schema.field("i").nullable
    assert rows.schema.field("n").type == pa.decimal128(10, 2)
    assert rows.column("n").to_pylist() == [Decimal("12345678.91"), None, Decimal("-0.01")]
    assert rows.column("b").to_pylist() == [Decimal(99999), None, Decimal(-7)]
    assert rows.column("l").to_pylist() == [[Decimal("1.125"), Decimal("-2.000")], [], [Decimal("0.000")]]
    assert rows.column("st").to_pylist() == [
        {"n": Decimal("1.5"), "m": Decimal("0.000000001")},
        None,
        {"n": None, "m": Decimal(4)},
    ]


def test_rescaling_of_slices() -> None:
    field = Field("x", K.STRUCT, Mode.REPEATED, (Field("n", K.NUMERIC, precision=5, scale=2),))
    inner = pa.struct([pa.field("_1", pa.decimal128(38, 9))])
    values = [[{"_1": Decimal("1.25")}], None, [], [None, {"_1": None}], [{"_1": Decimal("-3")}]]
    column = pa.array(values, pa.list_(pa.field("item", inner)))
    for start in range(5):
        rows = declared(pa.table({"c1": column}).slice(start), [field])
        rows.validate(full=True)
        assert rows.column(0).to_pylist() == values[start:]


def test_messages_are_cut_by_their_size() -> None:
    fields = [Field("s", K.BYTES)]
    rows = pa.table({"c1": pa.array([b"x" * 100] * 50_000, pa.binary())})
    parts = list(ArrowFormat(fields).payloads(rows))
    assert sum(count for _, count in parts) == 50_000
    assert all(0.7 * MESSAGE_BYTES < part.size < 1.3 * MESSAGE_BYTES for part, _ in parts)


def test_uneven_rows_are_cut_again() -> None:
    sizes = np.ones(10_000, int)
    sizes[7000:7100] = 200_000
    rows = pa.table({"c1": pa.array([b"x" * n for n in sizes], pa.binary())})
    for codec in (None, "lz4"):
        parts = list(ArrowFormat([Field("s", K.BYTES)], codec).payloads(rows))
        assert sum(count for _, count in parts) == 10_000
        assert all(part.size <= MAX_MESSAGE_BYTES for part, _ in parts)


def test_rows_in_many_batches() -> None:
    rows = pa.concat_tables([pa.table({"c1": pa.array([i, i + 1])}) for i in range(0, 2000, 2)])
    fmt = ArrowFormat([Field("x", K.INT64)])
    parts = list(fmt.payloads(rows))
    assert len(parts) == 1
    schema = pa.ipc.read_schema(pa.py_buffer(fmt.schema))
    assert pa.ipc.read_record_batch(parts[0][0], schema).column(0).to_pylist() == list(range(2000))
    assert list(fmt.payloads(rows.slice(0, 0))) == []


# Compression


@pytest.mark.parametrize("codec", [1, 2])
def test_compressed_buffers_are_smaller(reader: Reader, codec: int) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT 7 AS x FROM UNNEST(GENERATE_ARRAY(1, 20000))")
    options: dict[str, Any] = {"arrow_serialization_options": {"buffer_compression": codec}}
    plain, small = reader.session("t"), reader.session("t", **options)
    sizes = [sum(m.ByteSize() for m in reader.messages(s.streams[0].name)) for s in (plain, small)]
    assert sizes[1] * 4 < sizes[0]
    assert reader.all(small) == [7] * 20_000
    request = read_pb2.ReadRowsRequest(read_stream=plain.streams[0].name)
    request.arrow_serialization_options.CopyFrom(small.read_options.arrow_serialization_options)
    asked = reader.service.read_rows(request, lambda: False)
    assert sum(read_pb2.ReadRowsResponse.FromString(m).ByteSize() for m in asked) == sizes[1]


def test_responses_compressed_as_a_whole(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 20000)) AS x")
    session = reader.session("t", response_compression_codec=2)
    messages = reader.messages(session.streams[0].name)
    assert all(len(m.arrow_record_batch.serialized_record_batch) < m.uncompressed_byte_size for m in messages)
    assert reader.all(session) == list(range(1, 20_001))
    plain = reader.messages(reader.session("t").streams[0].name)
    unpacked = [
        pa.decompress(
            m.arrow_record_batch.serialized_record_batch, m.uncompressed_byte_size, "lz4_raw", asbytes=True
        )
        for m in messages
    ]
    assert unpacked == [m.arrow_record_batch.serialized_record_batch for m in plain]


def test_what_does_not_shrink_is_sent_as_it_is(reader: Reader) -> None:
    noise = np.random.default_rng(1).bytes(50_000)
    rows = pa.table({"c1": pa.array([noise], pa.binary())})
    reader.keep([Field("y", K.BYTES)], rows, "noise")
    for form in ("ARROW", "AVRO"):
        path = "projects/p/datasets/_hidden/tables/noise"
        messages = reader.messages(reader.session(path, form, response_compression_codec=2).streams[0].name)
        assert [m.uncompressed_byte_size for m in messages] == [-1]
