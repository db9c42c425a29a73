from __future__ import annotations

import json

import pyarrow as pa

from bqsim.storage.read.arrow_format import MAX_MESSAGE_BYTES, MESSAGE_BYTES
from bqsim.storage.read.avro_format import AvroFormat
from bqsim.types import Field, TypeKind

from .conftest import Reader


def test_rows_are_those_of_arrow(reader: Reader) -> None:
    reader.warehouse.run(
        """CREATE TABLE d.t AS
        SELECT x, CAST(x AS STRING) AS s, IF(MOD(x, 3) = 0, NULL, x / 2) AS f,
        [x, -x] AS l, STRUCT(x AS a, DATE '2024-01-01' AS d) AS st
        FROM UNNEST(GENERATE_ARRAY(1, 30000)) AS x"""
    )
    arrow, avro = reader.session("t", streams=2), reader.session("t", "AVRO", streams=2)
    assert len(avro.streams) == 2
    rows = [row for s in avro.streams for row in reader.avro(avro, s.name)]
    assert rows == [row for s in arrow.streams for row in reader.arrow(arrow, s.name).to_pylist()]
    assert [f["name"] for f in json.loads(avro.avro_schema.schema)["fields"]] == ["x", "s", "f", "l", "st"]
    first = reader.messages(avro.streams[0].name)
    assert first[0].avro_schema.schema == avro.avro_schema.schema
    assert not any(m.HasField("avro_schema") for m in first[1:])


def test_responses_compressed_as_a_whole(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT 'again' AS s FROM UNNEST(GENERATE_ARRAY(1, 20000))")
    plain, packed = reader.session("t", "AVRO"), reader.session("t", "AVRO", response_compression_codec=2)
    wanted = [m.avro_rows.serialized_binary_rows for m in reader.messages(plain.streams[0].name)]
    found = [
        pa.decompress(m.avro_rows.serialized_binary_rows, m.uncompressed_byte_size, "lz4_raw", asbytes=True)
        for m in reader.messages(packed.streams[0].name)
        if m.uncompressed_byte_size > len(m.avro_rows.serialized_binary_rows)
    ]
    assert found == wanted


def test_messages_are_cut_at_rows() -> None:
    fmt = AvroFormat([Field("s", TypeKind.BYTES)])
    sizes = [10] * 1000 + [900_000] * 6 + [3_000_000] * 2 + [5_000_000] + [10] * 1000
    rows = pa.table({"c1": pa.array([b"x" * n for n in sizes], pa.binary())})
    parts = [(memoryview(part).nbytes, count) for part, count in fmt.payloads(rows)]
    assert sum(count for _, count in parts) == len(sizes)
    assert all(size <= MAX_MESSAGE_BYTES or count == 1 for size, count in parts)
    small = pa.table({"c1": pa.array([b"x" * 100] * 50_000, pa.binary())})
    even = [memoryview(part).nbytes for part, _ in fmt.payloads(small)]
    assert len(even) > 3
    assert all(0.6 * MESSAGE_BYTES < size < 1.4 * MESSAGE_BYTES for size in even)
    assert list(fmt.payloads(rows.slice(0, 0))) == []
