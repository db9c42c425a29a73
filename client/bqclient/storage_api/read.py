"""Reads over the Storage API: sessions, streams, whole tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bqclient.errors import UsageError
from bqclient.models.references import TableReference
from bqclient.transport.rpc import READ

from .read_all import ReadAll
from .read_session import ReadSession, SessionOptions
from .splitting import SPLIT_BYTES

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient
    from bqclient.runtime import Deadline

# Streams that are read at a time, and what may wait for the consumer, unless told otherwise.
STREAMS = 4
WINDOW_BYTES = 64 << 20


class StorageRead:
    """Reads over the Storage API."""

    def __init__(self, client: BigQueryClient) -> None:
        self.core = client.core

    def options(
        self,
        table: TableReference | str,
        *,
        selected_fields: Sequence[str] | None = None,
        row_restriction: str | None = None,
        max_streams: int = 0,
        preferred_min_streams: int = 0,
        snapshot_time: datetime | None = None,
        sample_percentage: float | None = None,
        compression: str | None = None,
        format: str = "ARROW",
        trace_id: str = "",
    ) -> SessionOptions:
        """The options of a session. Raises UsageError and LimitError for what no session can have."""
        config = self.core.config
        return SessionOptions(
            table=TableReference.of(table, config.project, config.default_dataset),
            selected_fields=tuple(selected_fields or ()),
            row_restriction=row_restriction,
            max_streams=max_streams,
            preferred_min_streams=preferred_min_streams,
            snapshot_time=snapshot_time,
            sample_percentage=sample_percentage,
            compression=compression,
            format=format,
            trace_id=trace_id,
        )

    async def create_session(
        self,
        table: TableReference | str,
        *,
        selected_fields: Sequence[str] | None = None,
        row_restriction: str | None = None,
        max_streams: int = 0,
        preferred_min_streams: int = 0,
        snapshot_time: datetime | None = None,
        sample_percentage: float | None = None,
        compression: str | None = None,
        format: str = "ARROW",
        trace_id: str = "",
        deadline: Deadline | None = None,
    ) -> ReadSession:
        """A session over a snapshot of a table: as it is now, or was at ``snapshot_time``.

        ``selected_fields``: columns, ``a.b`` for fields of a STRUCT; all unless given. ``row_restriction``: a
        condition on rows, as in WHERE. ``max_streams``: 0 leaves the number to the service, which may give
        fewer than wanted in any case. ``compression``: ``lz4_frame`` or ``zstd`` for the buffers of Arrow,
        ``lz4`` for the rows of each message.
        """
        options = self.options(
            table,
            selected_fields=selected_fields,
            row_restriction=row_restriction,
            max_streams=max_streams,
            preferred_min_streams=preferred_min_streams,
            snapshot_time=snapshot_time,
            sample_percentage=sample_percentage,
            compression=compression,
            format=format,
            trace_id=trace_id,
        )
        return await self.create(options, deadline=deadline)

    async def create(self, options: SessionOptions, *, deadline: Deadline | None = None) -> ReadSession:
        """A session of those options."""
        from bqclient.wire import stream_pb2

        asked_at = self.core.runtime.now()
        found = await self.core.rpc.unary(
            READ,
            "CreateReadSession",
            options.request(self.core.config.project),
            stream_pb2.ReadSession,
            {"read_session.table": options.table.path},
            deadline=deadline,
        )
        return ReadSession.of(found, options, asked_at, self.core.runtime.now(), self)

    async def split(
        self, stream: str, fraction: float, *, deadline: Deadline | None = None
    ) -> tuple[str, ...]:
        """The names of two streams that have the rows of one, one after the other; empty where it cannot be.

        The first has about ``fraction`` of the rows. The stream itself can still be read.
        """
        from bqclient.wire import read_pb2

        if not 0 < fraction < 1:
            raise UsageError(f"fraction must be above 0 and below 1, not {fraction!r}.")
        found = await self.core.rpc.unary(
            READ,
            "SplitReadStream",
            read_pb2.SplitReadStreamRequest(name=stream, fraction=fraction),
            read_pb2.SplitReadStreamResponse,
            {"name": stream},
            deadline=deadline,
        )
        if not found.primary_stream.name:
            return ()
        return (found.primary_stream.name, found.remainder_stream.name)

    def read_all(
        self,
        table: TableReference | str,
        *,
        selected_fields: Sequence[str] | None = None,
        row_restriction: str | None = None,
        snapshot_time: datetime | None = None,
        sample_percentage: float | None = None,
        compression: str | None = None,
        trace_id: str = "",
        ordered: bool = False,
        streams: int = STREAMS,
        window_bytes: int = WINDOW_BYTES,
        split_bytes: int = SPLIT_BYTES,
        timeout: float | None = None,
    ) -> ReadAll:
        """All rows of a table, read as ``streams`` streams at a time.

        Iterate over it for Arrow record batches, or ask for all of them by ``to_arrow``, ``to_pandas``,
        ``to_polars`` or ``rows``. ``ordered``: in the order of the streams, which is the same for each read
        of the same session; else as they come. What waits for the consumer takes ``window_bytes`` at most,
        beside a message for each stream on its way. ``timeout``: seconds for the whole read.
        """
        if streams < 1:
            raise UsageError(f"streams must be 1 or more, not {streams!r}.")
        if window_bytes < 1:
            raise UsageError(f"window_bytes must be 1 or more, not {window_bytes!r}.")
        options = self.options(
            table,
            selected_fields=selected_fields,
            row_restriction=row_restriction,
            max_streams=streams,
            snapshot_time=snapshot_time,
            sample_percentage=sample_percentage,
            compression=compression,
            trace_id=trace_id,
        )
        return ReadAll(
            self,
            options,
            ordered=ordered,
            streams=streams,
            window_bytes=window_bytes,
            split_bytes=split_bytes,
            timeout=timeout,
        )
