"""What requests of BigQueryRead ask for, and what is wrong with them: nothing here knows of rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bqsim.storage.errors import invalid_argument
from bqsim.storage.v1 import read_pb2, stream_pb2
from bqsim.types import Field

if TYPE_CHECKING:
    from .chunks import Format

# How long a session lives (page "Use the Storage Read API").
SESSION_LIFE_US = 6 * 3600 * 1_000_000
# Sessions that are remembered at most; the oldest are forgotten.
MAX_SESSIONS = 100_000

Options = stream_pb2.ReadSession.TableReadOptions


def check_data_format(asked: stream_pb2.ReadSession) -> None:
    """INVALID_ARGUMENT for a session without one."""
    if asked.data_format not in (stream_pb2.ARROW, stream_pb2.AVRO):
        raise invalid_argument("read_session.data_format must be specified: AVRO or ARROW")


def check_compression(options: Options) -> None:
    """INVALID_ARGUMENT for a codec that is none, or two of them."""
    if options.response_compression_codec not in Options.ResponseCompressionCodec.values():
        raise invalid_argument(f"Invalid response_compression_codec: {options.response_compression_codec}")
    if options.response_compression_codec and options.arrow_serialization_options.buffer_compression:
        raise invalid_argument(
            "response_compression_codec and arrow_serialization_options.buffer_compression"
            " must not be set together"
        )


def check_fraction(request: read_pb2.SplitReadStreamRequest) -> None:
    """INVALID_ARGUMENT for a stream that is to be split at one of its ends, or elsewhere."""
    if not 0.0 < request.fraction < 1.0:
        raise invalid_argument(f"fraction must be in the range (0.0, 1.0): {request.fraction}")


def check_offset(request: read_pb2.ReadRowsRequest) -> None:
    """INVALID_ARGUMENT for one below 0."""
    if request.offset < 0:
        raise invalid_argument(f"offset must be non-negative: {request.offset}")


def is_compressed(options: Options) -> bool:
    """Whether rows are wanted in LZ4."""
    return bool(options.response_compression_codec == Options.RESPONSE_COMPRESSION_CODEC_LZ4)


def snapshot_us(asked: stream_pb2.ReadSession) -> int | None:
    """The time whose rows are wanted, microseconds since the epoch; None for now."""
    modifiers = asked.table_modifiers
    if not modifiers.HasField("snapshot_time"):
        return None
    time = modifiers.snapshot_time
    return int(time.seconds) * 1_000_000 + int(time.nanos) // 1000


def format_of(asked: stream_pb2.ReadSession, fields: Sequence[Field]) -> Format:
    """How the rows of a session are written."""
    if asked.data_format == stream_pb2.ARROW:
        from .arrow_format import ArrowFormat, codec_of

        return ArrowFormat(fields, codec_of(asked.read_options.arrow_serialization_options))
    from .avro_format import AvroFormat

    return AvroFormat(fields)


def with_options(format_: Format, request: read_pb2.ReadRowsRequest) -> Format:
    """The session's format, or with the options of a request that has some."""
    if not request.HasField("arrow_serialization_options"):
        return format_
    from .arrow_format import ArrowFormat, codec_of

    if not isinstance(format_, ArrowFormat):
        return format_
    return ArrowFormat(format_.fields, codec_of(request.arrow_serialization_options))


def as_utc(time_us: int) -> str:
    """A time in words of failures, to the second."""
    return dt.datetime.fromtimestamp(time_us // 1_000_000, dt.UTC).isoformat()
