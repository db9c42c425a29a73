"""Writes over the Storage Write API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqclient.errors import UsageError
from bqclient.models.references import TableReference
from bqclient.runtime import Deadline
from bqclient.transport.rpc import WRITE
from bqclient.wire import stream_pb2, write_pb2

from .append_items import AppendResult
from .append_stream import AppendStream
from .commits import CommitResult, commit
from .payloads import Missing
from .table_writes import WriteResult, write_table
from .write_streams import DEFAULT, WriteStream, check_type, default_name
from .writer import TIMEOUT_S, StreamWriter

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient, Core

__all__ = [
    "AppendResult",
    "CommitResult",
    "StorageWrite",
    "StreamWriter",
    "WriteResult",
    "WriteStream",
]


@dataclass(frozen=True, slots=True)
class _Key:
    """Appends that one writer of a default stream takes."""

    table: TableReference
    defaults: Any
    skip_refused: bool
    format: str


class StorageWrite:
    """Streams of rows into tables."""

    def __init__(self, client: BigQueryClient) -> None:
        self._client = client
        self._writers: dict[_Key, StreamWriter] = {}
        self._connections: dict[tuple[str, str], AppendStream] = {}
        self._lock = asyncio.Lock()
        client.core.on_close(self.close)

    @property
    def core(self) -> Core:
        """What services share."""
        return self._client.core

    def deadline(self, seconds: float | None) -> Deadline:
        """A deadline that many seconds from now; ``None`` is never."""
        return Deadline.after(self.core.runtime, seconds)

    def table(self, table: TableReference | str) -> TableReference:
        """The table of that name."""
        config = self._client.config
        return TableReference.of(table, config.project, config.default_dataset)

    # Streams

    async def create_stream(
        self, table: TableReference | str, type: str = "COMMITTED", *, timeout: float | None = None
    ) -> WriteStream:
        """A new stream of a table: COMMITTED, PENDING or BUFFERED."""
        wanted = stream_pb2.WriteStream(type=check_type(type))
        path = self.table(table).path
        answer = await self.core.rpc.unary(
            WRITE,
            "CreateWriteStream",
            write_pb2.CreateWriteStreamRequest(parent=path, write_stream=wanted),
            stream_pb2.WriteStream,
            {"parent": path},
            deadline=self._control(timeout),
        )
        return WriteStream.from_api(answer)

    async def get_stream(
        self, stream: WriteStream | str, *, full: bool = True, timeout: float | None = None
    ) -> WriteStream:
        """A stream as it is now; ``full``: with the table's schema."""
        view = stream_pb2.FULL if full else stream_pb2.BASIC
        answer = await self.core.rpc.unary(
            WRITE,
            "GetWriteStream",
            write_pb2.GetWriteStreamRequest(name=str(stream), view=view),
            stream_pb2.WriteStream,
            {"name": str(stream)},
            deadline=self._control(timeout),
        )
        return WriteStream.from_api(answer)

    async def default_stream(
        self, table: TableReference | str, *, timeout: float | None = None
    ) -> WriteStream:
        """A table's default stream: rows are visible at once, and stored at least once."""
        return await self.get_stream(default_name(self.table(table)), timeout=timeout)

    async def flush(self, stream: WriteStream | str, offset: int, *, timeout: float | None = None) -> int:
        """Make the rows of a BUFFERED stream visible, up to and with that offset; the last visible one."""
        request = write_pb2.FlushRowsRequest(write_stream=str(stream))
        request.offset.value = offset
        answer = await self.core.rpc.unary(
            WRITE,
            "FlushRows",
            request,
            write_pb2.FlushRowsResponse,
            {"write_stream": str(stream)},
            deadline=self._control(timeout),
        )
        return int(answer.offset)

    async def finalize(self, stream: WriteStream | str, *, timeout: float | None = None) -> int:
        """Close a stream to appends; the number of its rows."""
        answer = await self.core.rpc.unary(
            WRITE,
            "FinalizeWriteStream",
            write_pb2.FinalizeWriteStreamRequest(name=str(stream)),
            write_pb2.FinalizeWriteStreamResponse,
            {"name": str(stream)},
            deadline=self._control(timeout),
        )
        return int(answer.row_count)

    async def commit(
        self,
        table: TableReference | str,
        streams: Iterable[WriteStream | str],
        *,
        timeout: float | None = TIMEOUT_S,
    ) -> CommitResult:
        """Make the rows of finalized PENDING streams of a table visible, all at once.

        Streams that fail for a passing reason are sent again; those that an earlier sending committed, whose
        answer was lost, count as done. Raises CommitError naming streams that cannot be committed.
        """
        names = [str(stream) for stream in streams]
        return await commit(self.core, self.table(table), names, self.deadline(timeout))

    def _control(self, timeout: float | None) -> Deadline | None:
        return None if timeout is None else self.deadline(timeout)

    # Rows

    def writer(
        self,
        table: TableReference | str | None = None,
        *,
        type: str = "COMMITTED",
        stream: WriteStream | str | None = None,
        **options: Any,
    ) -> StreamWriter:
        """A writer to a new stream of ``table`` of that type (DEFAULT: its default stream), or to ``stream``
        from ``offset`` on. See :class:`StreamWriter`; ``options``:

        ``defaults``: ``True`` when missing values are the defaults of their columns, or names of columns;
        ``skip_refused``: store the other rows of a request of which some are refused; ``format``: auto,
        arrow or proto; ``timeout`` of each append (seconds, all its sendings included); ``max_requests`` and
        ``max_bytes`` on their way at a time; ``request_bytes`` that requests are cut to; ``channel``: the
        number of the connection.
        """
        if (table is None) == (stream is None):
            raise UsageError("A writer needs a table or a stream, one of them.")
        ref = None if table is None else self.table(table)
        return StreamWriter(self, ref, type=type, stream=stream, **options)

    async def append(
        self,
        table: TableReference | str,
        data: Any,
        *,
        exactly_once: bool = False,
        defaults: Any = None,
        skip_refused: bool = False,
        format: str = "auto",
        timeout: float | None = TIMEOUT_S,
    ) -> AppendResult:
        """Append rows to a table and wait until they are stored.

        They go to its default stream, over a connection that all calls share: at least once. When an answer
        was lost rows may be there twice; ``maybe_repeated`` tells. ``exactly_once`` takes a COMMITTED stream
        of their own instead. Rows with ``_CHANGE_TYPE`` (UPSERT, DELETE) are changes by primary key, which
        need no ``exactly_once``: doing them twice does no more.
        """
        with self._told("AppendRows"):
            if exactly_once:
                options = {"defaults": defaults, "skip_refused": skip_refused, "format": format}
                async with self.writer(table, timeout=timeout, **options) as own:
                    return await own.append(data)
            key = _Key(self.table(table), _hashable(defaults), skip_refused, format)
            writer = await self._default_writer(key, defaults, timeout)
            return await writer.append(data)

    async def write_table(
        self,
        table: TableReference | str,
        data: Any,
        *,
        type: str = "PENDING",
        concurrency: int = 1,
        **options: Any,
    ) -> WriteResult:
        """Write all of ``data`` to a table through ``concurrency`` streams of a type.

        PENDING: the rows become visible all at once at the end, or not at all. COMMITTED: as they come, each
        once. BUFFERED: once everything is sent. DEFAULT: as they come, at least once. With several streams
        the order of rows is not kept. ``options`` are those of :meth:`writer`.
        """
        with self._told("AppendRows"):
            return await write_table(self, self.table(table), data, type, concurrency, options)

    async def _default_writer(self, key: _Key, defaults: Any, timeout: float | None) -> StreamWriter:
        found = self._writers.get(key)
        if found is not None:
            return found
        async with self._lock:
            found = self._writers.get(key)
            if found is not None:
                return found
            stream = await self.default_stream(key.table)
            where = (stream.location, key.format)
            appends = self._connections.get(where)
            if appends is None:
                appends = self._connections[where] = AppendStream(self.core)
            made = StreamWriter(
                self,
                key.table,
                type=DEFAULT,
                stream=stream,
                defaults=defaults,
                skip_refused=key.skip_refused,
                format=key.format,
                timeout=timeout,
                appends=appends,
            )
            self._writers[key] = await made.open()
            return made

    def _told(self, operation: str) -> Any:
        from contextlib import nullcontext

        told = self.core.observability
        return nullcontext() if told is None else told.call(operation, self._client.project, None)

    async def close(self) -> None:
        """Wait for appends that are on their way, and end the shared connections."""
        connections, self._connections = list(self._connections.values()), {}
        self._writers.clear()
        await asyncio.gather(*(connection.close() for connection in connections))


def _hashable(defaults: Any) -> Any:
    if defaults is None or isinstance(defaults, bool):
        return defaults
    missing = Missing.of(defaults)
    return tuple(sorted(missing.columns.items()))
