"""Record batches as messages: what is none is refused, and nothing crashes."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest

from bqsim.storage.errors import StorageFailure
from bqsim.storage.write.rows import arrow_reader
from bqsim.types import Field, Mode, TypeKind

from .writers import read_arrow, table

K = TypeKind
TARGET = table(
    Field("i", K.INT64),
    Field("s", K.STRING, max_length=100),
    Field("b", K.BOOL),
    Field("n", K.NUMERIC, precision=10, scale=2),
    Field("big", K.BIGNUMERIC),
    Field("d", K.DATE),
    Field("t", K.TIMESTAMP),
    Field("j", K.JSON),
    Field("l", K.STRING, Mode.REPEATED),
    Field("r", K.STRUCT, Mode.REPEATED, (Field("x", K.INT64), Field("y", K.INTERVAL, Mode.REPEATED))),
    Field("v", K.STRING),
)
SCHEMA = pa.schema(
    [
        ("i", pa.int64()),
        ("s", pa.string()),
        ("b", pa.bool_()),
        ("n", pa.decimal128(20, 2)),
        ("big", pa.decimal256(76, 38)),
        ("d", pa.date32()),
        ("t", pa.timestamp("us", "UTC")),
        ("j", pa.string()),
        ("l", pa.large_list(pa.large_string())),
        ("r", pa.list_(pa.struct([("x", pa.int64()), ("y", pa.list_(pa.month_day_nano_interval()))]))),
        ("v", pa.string_view()),
    ]
)


def batch(rows: int = 9) -> pa.RecordBatch:
    from decimal import Decimal

    values = [
        {
            "i": i,
            "s": f"text {i}" * (i % 3),
            "b": None if i == 1 else i % 2 == 0,
            "n": Decimal(i),
            "big": Decimal(i),
            "d": i * 1000,
            "t": i * 10**12,
            "j": '{"a": 1}',
            "l": ["a", "bc"][: i % 3],
            "r": [{"x": i, "y": [pa.MonthDayNano([1, 2, 3])]}, None][: i % 2],
            "v": "a text that is longer than a view holds" if i % 2 else "short",
        }
        for i in range(rows)
    ]
    return pa.RecordBatch.from_pylist(values, SCHEMA)


def serialized(compression: str | None) -> bytes:
    options = pa.ipc.IpcWriteOptions(compression=compression)
    return bytes(batch().serialize() if compression is None else _with(options))


def _with(options: pa.ipc.IpcWriteOptions) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA, options=options) as writer:
        writer.write_batch(batch())
    reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
    reader.read_next_message()
    return bytes(reader.read_next_message().serialize())


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_compressed(compression: str | None) -> None:
    reader = arrow_reader(TARGET, SCHEMA.serialize().to_pybytes())
    rows = reader.read(serialized(compression))
    assert rows.errors == ()
    assert rows.num_rows == 9
    assert rows.columns.column(0).to_pylist() == list(range(9))
    assert rows.columns.column(7).to_pylist() == ['{"a":1}'] * 9
    assert rows.missing["b"].tolist() == [i == 1 for i in range(9)]


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_mutated_batches(compression: str | None) -> None:
    reader = arrow_reader(TARGET, SCHEMA.serialize().to_pybytes())
    valid = serialized(compression)
    rng = random.Random(7)
    for _ in range(400):
        data = bytearray(valid)
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(len(data))
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        _try(reader, bytes(data))
    for size in range(0, len(valid), 7):
        _try(reader, valid[:size])


def test_mutated_schemas() -> None:
    valid = SCHEMA.serialize().to_pybytes()
    payload = serialized(None)
    rng = random.Random(8)
    for _ in range(500):
        data = bytearray(valid)
        data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            reader = arrow_reader(TARGET, bytes(data))
        except StorageFailure as failure:
            assert failure.status == "INVALID_ARGUMENT"
            continue
        _try(reader, payload)


def _try(reader: Any, data: bytes) -> None:
    try:
        rows = reader.read(data)
    except StorageFailure as failure:
        assert failure.status == "INVALID_ARGUMENT"
        return
    if not rows.errors:
        for column in rows.columns.columns:
            if column.type != pa.decimal256(76, 38):
                column.validate(full=True)


@pytest.mark.parametrize("data", [b"", b"schema", b"\xff" * 100])
def test_no_schema(data: bytes) -> None:
    with pytest.raises(StorageFailure) as caught:
        arrow_reader(TARGET, data)
    assert caught.value.message == "Failed to parse the Arrow schema: it is not a serialized schema"


def test_a_schema_is_no_batch() -> None:
    data = SCHEMA.serialize().to_pybytes()
    with pytest.raises(StorageFailure) as caught:
        arrow_reader(TARGET, data).read(data)
    assert caught.value.message == "Failed to parse the Arrow record batch: it is not a record batch message"


def test_a_batch_of_another_schema() -> None:
    other = pa.RecordBatch.from_pydict({"x": [1, 2]}).serialize().to_pybytes()
    with pytest.raises(StorageFailure) as caught:
        arrow_reader(TARGET, SCHEMA.serialize().to_pybytes()).read(other)
    assert caught.value.message == (
        "Failed to parse the Arrow record batch: it is not a serialized record batch of the writer schema"
    )


def test_texts_that_are_not_utf8() -> None:
    array = pa.array([b"a", b"\xff"]).view(pa.string())
    with pytest.raises(StorageFailure):
        read_arrow(table(Field("x", K.STRING)), pa.RecordBatch.from_arrays([array], names=["x"]))


def test_extra_fields() -> None:
    source = pa.RecordBatch.from_pydict({"Other": [1], "x": [{"y": 1, "Z": 2}], "w": [1]})
    target = table(Field("x", K.STRUCT, fields=(Field("y", K.INT64),)))
    with pytest.raises(StorageFailure) as caught:
        read_arrow(target, source)
    assert caught.value.code == "SCHEMA_MISMATCH_EXTRA_FIELDS"
    assert caught.value.entity == "projects/p/datasets/d/tables/t"
    assert caught.value.message == (
        "Input schema has more fields than BigQuery schema, extra fields: 'x.z,other,w'"
    )


def test_no_rows() -> None:
    empty = SCHEMA.empty_table().combine_chunks().to_batches()
    source = empty[0] if empty else pa.RecordBatch.from_pylist([], SCHEMA)
    rows = read_arrow(TARGET, source)
    assert (rows.num_rows, rows.errors, rows.missing) == (0, (), {})
    assert rows.columns.num_rows == 0


def test_a_writer_without_fields() -> None:
    with pytest.raises(StorageFailure, match="The arrow schema has no fields"):
        arrow_reader(TARGET, pa.schema([]).serialize().to_pybytes())
