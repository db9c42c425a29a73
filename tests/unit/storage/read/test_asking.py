"""What requests of BigQueryRead ask for."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from bqsim.errors import StorageFailure
from bqsim.storage.read import asking
from bqsim.storage.read.arrow_format import ArrowFormat
from bqsim.storage.read.avro_format import AvroFormat
from bqsim.storage.v1 import formats_pb2, read_pb2, stream_pb2
from bqsim.types import Field, TypeKind

FIELDS = (Field("n", TypeKind.INT64),)
BUFFERS = formats_pb2.ArrowSerializationOptions.LZ4_FRAME
LZ4 = asking.Options.RESPONSE_COMPRESSION_CODEC_LZ4


def session(data_format: Any = stream_pb2.ARROW) -> stream_pb2.ReadSession:
    return stream_pb2.ReadSession(data_format=data_format)


def test_sessions_have_a_format() -> None:
    asking.check_data_format(session())
    with pytest.raises(StorageFailure, match="data_format must be specified"):
        asking.check_data_format(session(0))


def test_compression_is_asked_for_once() -> None:
    options = asking.Options(response_compression_codec=LZ4)
    asking.check_compression(options)
    assert asking.is_compressed(options)
    assert not asking.is_compressed(asking.Options())
    options.arrow_serialization_options.buffer_compression = BUFFERS
    with pytest.raises(StorageFailure, match="must not be set together"):
        asking.check_compression(options)
    unknown: Any = 9
    with pytest.raises(StorageFailure, match="Invalid response_compression_codec: 9"):
        asking.check_compression(asking.Options(response_compression_codec=unknown))


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan")])
def test_streams_are_split_between_their_ends(fraction: float) -> None:
    asking.check_fraction(read_pb2.SplitReadStreamRequest(fraction=0.5))
    with pytest.raises(StorageFailure, match="fraction must be in the range"):
        asking.check_fraction(read_pb2.SplitReadStreamRequest(fraction=fraction))


def test_offsets_are_not_negative() -> None:
    asking.check_offset(read_pb2.ReadRowsRequest(offset=0))
    with pytest.raises(StorageFailure, match="offset must be non-negative: -1"):
        asking.check_offset(read_pb2.ReadRowsRequest(offset=-1))


def test_snapshots_are_microseconds() -> None:
    asked = session()
    assert asking.snapshot_us(asked) is None
    asked.table_modifiers.snapshot_time.FromMicroseconds(1_700_000_000_000_123)
    assert asking.snapshot_us(asked) == 1_700_000_000_000_123
    assert asking.as_utc(1_700_000_000_000_123) == "2023-11-14T22:13:20+00:00"


def test_formats_and_options_of_a_request() -> None:
    arrow = asking.format_of(session(), FIELDS)
    avro = asking.format_of(session(stream_pb2.AVRO), FIELDS)
    assert isinstance(arrow, ArrowFormat)
    assert isinstance(avro, AvroFormat)
    request = read_pb2.ReadRowsRequest()
    assert asking.with_options(arrow, request) is arrow
    request.arrow_serialization_options.buffer_compression = BUFFERS
    assert asking.with_options(avro, request) is avro
    changed = asking.with_options(arrow, request)
    assert isinstance(changed, ArrowFormat)
    assert changed.key != arrow.key


def test_nothing_heavy_is_loaded_to_ask() -> None:
    heavy = "{'duckdb', 'pyarrow', 'numpy'}"
    code = f"import sys, bqsim.storage.read.asking; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
