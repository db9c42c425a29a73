from __future__ import annotations

import pytest

from bqsim.storage.read.messages import (
    ARROW_RECORD_BATCH,
    ARROW_SCHEMA,
    AVRO_ROWS,
    AVRO_SCHEMA,
    NOT_COMPRESSED,
    rows_message,
    schema_field,
    varint,
)
from bqsim.storage.v1 import read_pb2


@pytest.mark.parametrize("payload", [b"", b"x", b"y" * 127, b"z" * 128, b"w" * 70_000])
@pytest.mark.parametrize("rows", [0, 1, 300])
def test_arrow_messages(payload: bytes, rows: int) -> None:
    data = rows_message(ARROW_RECORD_BATCH, memoryview(payload), rows, (0.25, 0.5))
    message = read_pb2.ReadRowsResponse.FromString(data)
    assert message.arrow_record_batch.serialized_record_batch == payload
    assert message.arrow_record_batch.row_count == message.row_count == rows
    assert message.stats.progress.at_response_start == 0.25
    assert message.stats.progress.at_response_end == 0.5
    assert message.HasField("throttle_state")
    assert not message.HasField("uncompressed_byte_size")
    assert message.WhichOneof("schema") is None


@pytest.mark.parametrize("size", [NOT_COMPRESSED, 1, 1 << 40])
def test_avro_messages(size: int) -> None:
    message = read_pb2.ReadRowsResponse.FromString(rows_message(AVRO_ROWS, b"abc", 2, (0.0, 1.0), size))
    assert message.avro_rows.serialized_binary_rows == b"abc"
    assert message.avro_rows.row_count == message.row_count == 2
    assert message.uncompressed_byte_size == size


def test_a_schema_joins_the_message_after_it() -> None:
    rows = rows_message(ARROW_RECORD_BATCH, b"abc", 2, (0.0, 1.0))
    message = read_pb2.ReadRowsResponse.FromString(schema_field(ARROW_SCHEMA, b"s" * 200) + rows)
    assert message.arrow_schema.serialized_schema == b"s" * 200
    assert message.arrow_record_batch.serialized_record_batch == b"abc"
    avro = read_pb2.ReadRowsResponse.FromString(schema_field(AVRO_SCHEMA, b"{}"))
    assert avro.avro_schema.schema == "{}"


@pytest.mark.parametrize(("value", "encoded"), [(0, "00"), (127, "7f"), (128, "8001"), (-1, "ff" * 9 + "01")])
def test_varints(value: int, encoded: str) -> None:
    assert varint(value).hex() == encoded
