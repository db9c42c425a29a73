"""What record batch messages claim to hold."""

from __future__ import annotations

import struct

import pyarrow as pa
import pytest

from bqsim.storage.errors import StorageFailure
from bqsim.storage.write.arrow_messages import MAX_BATCH_BYTES, check_record_batch


def compressed(array: pa.Array) -> bytes:
    batch = pa.RecordBatch.from_arrays([array], names=["x"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
    reader.read_next_message()
    return bytes(reader.read_next_message().serialize())


def test_plain_buffers() -> None:
    batch = pa.RecordBatch.from_pydict({"x": list(range(100))})
    assert check_record_batch(batch.serialize().to_pybytes()) >= 8 * 800


def test_compressed_buffers_count_decompressed() -> None:
    array = pa.array([0] * 100_000)
    message = compressed(array)
    assert len(message) < 10_000
    assert check_record_batch(message) >= 8 * 800_000


def test_claims_beyond_the_limit() -> None:
    message = compressed(pa.array([0] * 100_000))
    claim = struct.pack("<q", 800_000)
    assert message.count(claim) == 1
    huge = message.replace(claim, struct.pack("<q", MAX_BATCH_BYTES + 1))
    with pytest.raises(StorageFailure, match="holds more than 536870912 bytes"):
        check_record_batch(huge)
    with pytest.raises(StorageFailure, match="is not a record batch message"):
        check_record_batch(message.replace(claim, struct.pack("<q", -2)))


@pytest.mark.parametrize("data", [b"", b"\0" * 8, b"\xff" * 64, b"\x10\0\0\0" + b"\0" * 16])
def test_no_messages(data: bytes) -> None:
    with pytest.raises(StorageFailure, match="is not a record batch message"):
        check_record_batch(data)
