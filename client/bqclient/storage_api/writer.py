"""A writer: one stream, rows in, results out, as much on its way as there is room for."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Self

from bqclient import errors as e
from bqclient.models.references import TableReference
from bqclient.models.schema import Schema

from .append_items import AppendResult, Destination
from .append_stream import AppendStream
from .batches import Source, pieces_of, size_of
from .payloads import TARGET_BYTES, Missing
from .schema_changes import SchemaComparison, compare_schemas
from .write_streams import DEFAULT, WriteStream, check_type

if TYPE_CHECKING:
    from .write import StorageWrite

# Seconds for an append with all its sendings.
TIMEOUT_S = 600.0


class Sent:
    """Rows that were taken to be appended: ``await`` it for the result. A result that nobody asks for is
    asked for by the writer's ``flush`` and ``close``."""

    def __init__(self, futures: list[asyncio.Future[AppendResult]]) -> None:
        self._futures = futures
        self.seen = False
        # Rows that were left out before sending.
        self.refused: list[tuple[int, str]] = []

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return all(f.done() for f in self._futures)

    @property
    def failed(self) -> bool:
        """Whether a part of it has failed."""
        return any(f.done() and (f.cancelled() or f.exception() is not None) for f in self._futures)

    async def result(self) -> AppendResult:
        """The result. Raises the first error; its ``details`` tell how many rows were stored all the same."""
        try:
            found = await asyncio.gather(*self._futures, return_exceptions=True)
        finally:
            self.seen = True
        errors = [f for f in found if isinstance(f, BaseException)]
        results = [f for f in found if isinstance(f, AppendResult)]
        if errors:
            stored = sum(r.rows for r in results)
            if isinstance(errors[0], e.BigQueryError) and stored:
                errors[0].details = (*errors[0].details, {"storedRows": stored})
            raise errors[0]
        return AppendResult(
            results[0].offset if results else None,
            sum(r.rows for r in results),
            len(results),
            any(r.maybe_repeated for r in results),
            tuple(sorted([*self.refused, *(pair for r in results for pair in r.refused)])),
        )

    def __await__(self) -> Generator[Any, None, AppendResult]:
        return self.result().__await__()


class StreamWriter:
    """Appends to one stream; made by :meth:`StorageWrite.writer`.

    Each append has its offset, so that it is stored once however often the connection breaks; on a default
    stream it is stored at least once. Use it as ``async with``: at the end everything is waited for, and a
    stream that the writer made is finalized (and a BUFFERED one flushed).
    """

    def __init__(
        self,
        service: StorageWrite,
        table: TableReference | None,
        *,
        type: str = "COMMITTED",
        stream: WriteStream | str | None = None,
        offset: int = 0,
        defaults: Any = None,
        skip_refused: bool = False,
        format: str = "auto",
        timeout: float | None = TIMEOUT_S,
        max_requests: int = 100,
        max_bytes: int = 100_000_000,
        request_bytes: int = TARGET_BYTES,
        channel: int = 0,
        appends: AppendStream | None = None,
    ) -> None:
        if format not in ("auto", "arrow", "proto"):
            raise e.UsageError(f"{format!r} is no form of rows: auto, arrow, proto.")
        self._service, self._table = service, table
        self._type = check_type(type, default=True)
        self._given = stream
        self._offset, self._skip = offset, skip_refused
        self._missing = Missing.of(defaults)
        self._timeout = timeout
        self._shared = appends is not None
        self._appends = appends or AppendStream(
            service.core, channel=channel, max_requests=max_requests, max_bytes=max_bytes
        )
        self._source = Source(self._known_schema, target=request_bytes, keep=skip_refused, format=format)
        self._to: Destination | None = None
        self._stream: WriteStream | None = None
        self._schema: Schema | None = None
        self._open: set[Sent] = set()
        self._end = offset
        self._lock = asyncio.Lock()
        self.change: SchemaComparison | None = None
        self.finalized_rows: int | None = None

    @property
    def stream(self) -> WriteStream:
        """The stream. Raises UsageError before the writer was opened."""
        if self._stream is None:
            raise e.UsageError("The writer is not open: use it as 'async with'.")
        return self._stream

    @property
    def appends(self) -> AppendStream:
        """The connection."""
        return self._appends

    def _known_schema(self) -> Schema:
        if self._schema is None:
            raise e.UsageError("The service has told no schema of the table.")
        return self._schema

    async def open(self) -> Self:
        """Make the stream, or ask for the one that was given."""
        if self._stream is not None:
            return self
        service = self._service
        if isinstance(self._given, WriteStream) and self._given.schema is not None:
            self._stream = self._given
        elif self._given is not None:
            self._stream = await service.get_stream(str(self._given))
        elif self._type == DEFAULT:
            self._stream = await service.default_stream(self._required_table())
        else:
            self._stream = await service.create_stream(self._required_table(), self._type)
        self._schema = self._stream.schema
        self._to = Destination(
            self._stream.name,
            self._stream.offsets,
            self._offset,
            self._offset,
            self._missing,
            self._skip,
            self._changed,
        )
        return self

    def _required_table(self) -> TableReference:
        if self._table is None:
            raise e.UsageError("A writer needs a table or a stream.")
        return self._table

    def _changed(self, schema: Schema) -> None:
        """The service tells a new schema: rows that come from now on are made by it."""
        if self._schema is not None:
            self.change = compare_schemas(self._schema, schema)
        self._schema = schema

    async def send(self, data: Any, *, offset: int | None = None) -> Sent:
        """Take rows to be appended; waits while there is no room for them.

        ``offset``: where the first row is to go, which otherwise follows the last one. Rows may be Arrow data
        of any form, dictionaries (also from async iterators), or :class:`~.proto_rows.ProtoRows`. They go in
        as many requests as their size needs; one that is refused does not undo those before it. Raises
        UsageError and LimitError for rows that cannot be sent.
        """
        await self.open()
        assert self._to is not None
        if offset is not None and not self._to.offsets:
            raise e.UsageError("Appends to a default stream have no offset.")
        deadline = self._service.deadline(self._timeout)
        futures: list[asyncio.Future[AppendResult]] = []
        sent = Sent(futures)
        group = object()
        # Rows of two calls do not mix.
        async with self._lock:
            first = 0
            async for piece in pieces_of(data):
                if self._source.unknown(piece):
                    await self._refresh()
                for payload in self._source.payloads(piece, first):
                    if not futures:
                        self._open.add(sent)
                    deadline = self._service.deadline(self._timeout)
                    item = await self._appends.put(self._to, payload, deadline, offset=offset, group=group)
                    item.future.add_done_callback(self._done)
                    futures.append(item.future)
                    if offset is not None:
                        offset += payload.rows
                    await asyncio.sleep(0)
                    if sent.failed:
                        break
                if sent.failed:
                    break
                first += size_of(piece)
            sent.refused, self._source.refused = self._source.refused, []
        self._open = {s for s in self._open if not (s.done and (s.seen or not s.failed))}
        return sent

    def _done(self, future: asyncio.Future[AppendResult]) -> None:
        # The error is told by whoever asks for the result, at last by flush.
        if future.cancelled() or future.exception() is not None:
            return
        result = future.result()
        if result.offset is not None:
            self._end = max(self._end, result.offset + result.rows)

    async def append(self, data: Any, *, offset: int | None = None) -> AppendResult:
        """Append rows and wait until they are stored. Raises what the service says of them."""
        return await (await self.send(data, offset=offset))

    async def _refresh(self) -> None:
        """Ask whether the table has columns that rows have."""
        fresh = await self._service.get_stream(self.stream.name)
        if fresh.schema is not None:
            self._changed(fresh.schema)

    @property
    def end(self) -> int:
        """The offset after the last row known to be stored."""
        return self._end

    async def wait(self) -> None:
        """Wait until everything sent has its result. Raises the first error that nobody has seen."""
        failure: BaseException | None = None
        for sent in list(self._open):
            seen = sent.seen
            try:
                await sent.result()
            except e.BigQueryError as error:
                failure = failure or (None if seen else error)
        self._open.clear()
        if failure is not None:
            raise failure

    async def flush(self) -> int:
        """Wait for everything sent, and make the rows of a BUFFERED stream visible; the next offset."""
        await self.wait()
        if self._stream is not None and self._stream.type == "BUFFERED" and self._end:
            await self._service.flush(self._stream, self._end - 1)
        return self._end

    async def finalize(self) -> int:
        """Wait for everything sent, end the connection, and close the stream to appends; its rows."""
        await self.flush()
        await self._disconnect()
        self.finalized_rows = await self._service.finalize(self.stream)
        return self.finalized_rows

    async def close(self) -> None:
        """Wait for everything sent, and end the connection. The stream stays open to other writers."""
        try:
            await self.flush()
        finally:
            await self._disconnect()

    async def abort(self) -> None:
        """End the connection at once; appends that have no result fail."""
        if not self._shared:
            await self._appends.abort()
        for sent in self._open:
            await asyncio.gather(*sent._futures, return_exceptions=True)
        self._open.clear()

    async def _disconnect(self) -> None:
        if not self._shared:
            await self._appends.close()

    def __repr__(self) -> str:
        named = self._stream.name if self._stream is not None else f"{self._table}, not open"
        return f"StreamWriter({named}, {self._type}, next offset {self._end})"

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, kind: type[BaseException] | None, *failure: object) -> None:
        if kind is not None:
            await self.abort()
        elif self._given is None and self._stream is not None and self._stream.offsets:
            try:
                await self.finalize()
            except BaseException:
                await self.abort()
                raise
        else:
            await self.close()
