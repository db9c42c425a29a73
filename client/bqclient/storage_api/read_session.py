"""Read sessions: what is asked for, and what the service answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bqclient.errors import LimitError, UsageError
from bqclient.models.references import TableReference

if TYPE_CHECKING:
    import pyarrow as pa

    from bqclient.runtime import Deadline

    from .read import StorageRead
    from .read_stream import StreamReader

FORMATS = ("ARROW", "AVRO")
MAX_STREAMS = 1000
MAX_RESTRICTION_BYTES = 1 << 20
# Compressions by name: of the buffers of Arrow, or of the rows of each message.
BUFFER_CODECS: Mapping[str, str] = {"lz4_frame": "LZ4_FRAME", "zstd": "ZSTD"}
RESPONSE_CODECS: Mapping[str, str] = {"lz4": "RESPONSE_COMPRESSION_CODEC_LZ4"}


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What a session reads of its table, and how it is sent."""

    table: TableReference
    selected_fields: tuple[str, ...] = ()
    row_restriction: str | None = field(default=None, repr=False)
    max_streams: int = 0
    preferred_min_streams: int = 0
    snapshot_time: datetime | None = None
    sample_percentage: float | None = None
    compression: str | None = None
    format: str = "ARROW"
    trace_id: str = ""

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UsageError(f"format must be one of {', '.join(FORMATS)}, not {self.format!r}.")
        if self.compression not in (None, *BUFFER_CODECS, *RESPONSE_CODECS):
            known = ", ".join((*BUFFER_CODECS, *RESPONSE_CODECS))
            raise UsageError(f"compression must be one of {known}, not {self.compression!r}.")
        if self.compression in BUFFER_CODECS and self.format != "ARROW":
            raise UsageError(f"compression {self.compression!r} is one of Arrow's buffers.")
        if not 0 <= self.max_streams <= MAX_STREAMS:
            raise UsageError(f"max_streams must be 0 to {MAX_STREAMS}, not {self.max_streams}.")
        if self.max_streams and self.preferred_min_streams > self.max_streams:
            raise UsageError("preferred_min_streams must not be above max_streams.")
        if self.sample_percentage is not None and not 0 < self.sample_percentage <= 100:
            raise UsageError(
                f"sample_percentage must be above 0 and up to 100, not {self.sample_percentage}."
            )
        if self.snapshot_time is not None and self.snapshot_time.tzinfo is None:
            raise UsageError("snapshot_time needs a time zone.")
        size = len((self.row_restriction or "").encode())
        if size > MAX_RESTRICTION_BYTES:
            raise LimitError(
                f"row_restriction has {size} bytes; {MAX_RESTRICTION_BYTES} are allowed.",
                limit=MAX_RESTRICTION_BYTES,
                found=size,
            )

    def but(self, **changes: Any) -> SessionOptions:
        """A copy with other options."""
        return replace(self, **changes)

    def request(self, project: str) -> Any:
        """The CreateReadSessionRequest."""
        from bqclient.wire import formats_pb2, read_pb2, stream_pb2

        options = stream_pb2.ReadSession.TableReadOptions(selected_fields=self.selected_fields)
        if self.row_restriction:
            options.row_restriction = self.row_restriction
        if self.sample_percentage is not None:
            options.sample_percentage = self.sample_percentage
        compression = self.compression or ""
        if compression in BUFFER_CODECS:
            codec = formats_pb2.ArrowSerializationOptions.CompressionCodec
            options.arrow_serialization_options.buffer_compression = codec.Value(BUFFER_CODECS[compression])
        elif compression in RESPONSE_CODECS:
            response = stream_pb2.ReadSession.TableReadOptions.ResponseCompressionCodec
            options.response_compression_codec = response.Value(RESPONSE_CODECS[compression])
        session = stream_pb2.ReadSession(
            table=self.table.path,
            data_format=stream_pb2.DataFormat.Value(self.format),
            read_options=options,
            trace_id=self.trace_id,
        )
        if self.snapshot_time is not None:
            session.table_modifiers.snapshot_time.FromDatetime(self.snapshot_time.astimezone(UTC))
        return read_pb2.CreateReadSessionRequest(
            parent=f"projects/{project}",
            read_session=session,
            max_stream_count=self.max_streams,
            preferred_min_stream_count=self.preferred_min_streams,
        )


@dataclass(frozen=True, slots=True)
class ReadSession:
    """A snapshot of a table and the streams that it can be read as.

    The streams together have every row once. ``schema`` is the Arrow schema of the rows (those of AVRO are
    made into Arrow; ``avro_schema`` is what they are sent in). ``estimated_rows`` and ``estimated_bytes`` do
    not take ``row_restriction`` into account. ``asked_at`` and ``made_at`` are this machine's times just
    before and after the session was made. ``shown``: the schema to give rows in, of a session that this one
    replaces.
    """

    name: str
    options: SessionOptions
    streams: tuple[str, ...] = field(repr=False)
    schema: pa.Schema
    expire_time: datetime
    estimated_rows: int
    estimated_bytes: int
    asked_at: datetime
    made_at: datetime
    shown: pa.Schema | None = field(default=None, repr=False)
    avro_schema: str | None = field(default=None, repr=False)
    service: StorageRead = field(repr=False, compare=False, kw_only=True)

    @classmethod
    def of(
        cls,
        found: Any,
        options: SessionOptions,
        asked_at: datetime,
        made_at: datetime,
        service: StorageRead,
    ) -> ReadSession:
        """From the service's answer."""
        avro = None
        if options.format == "ARROW":
            import pyarrow as pa

            serialized = found.arrow_schema.serialized_schema
            # A session without rows may have no schema.
            schema = pa.ipc.read_schema(pa.py_buffer(serialized)) if serialized else pa.schema([])
        else:
            from .avro import schema_of_avro

            avro = found.avro_schema.schema
            schema = schema_of_avro(avro)
        return cls(
            name=found.name,
            options=options,
            streams=tuple(stream.name for stream in found.streams),
            schema=schema,
            expire_time=found.expire_time.ToDatetime(UTC),
            estimated_rows=found.estimated_row_count,
            estimated_bytes=found.estimated_total_bytes_scanned,
            asked_at=asked_at,
            made_at=made_at,
            avro_schema=avro,
            service=service,
        )

    @property
    def table(self) -> TableReference:
        """The table that is read."""
        return self.options.table

    def stream(self, number: int, offset: int = 0, *, deadline: Deadline | None = None) -> StreamReader:
        """The rows of a stream (by its number, from 0), from a row of it on."""
        return self.read_stream(self.streams[number], offset, deadline=deadline, channel=number)

    def read_stream(
        self, name: str, offset: int = 0, *, deadline: Deadline | None = None, channel: int = 0
    ) -> StreamReader:
        """The rows of a stream by name, as splits give them, from a row of it on."""
        from .read_stream import StreamReader

        return StreamReader(self, name, offset, deadline=deadline, channel=channel)

    async def split(self, stream: str, fraction: float, *, deadline: Deadline | None = None) -> Sequence[str]:
        """The names of two streams that have the rows of one, one after the other; empty where it cannot be.

        The first has about ``fraction`` of the rows. The stream itself can still be read.
        """
        return await self.service.split(stream, fraction, deadline=deadline)
