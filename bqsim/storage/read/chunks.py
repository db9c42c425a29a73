"""Sending a stream: its rows are read and encoded in chunks, the next ones while the current is sent.

A chunk is read by a worker of the engine pool in a session of its own, so that a reader that stops taking
messages holds none: only the chunk that it is sent and those read ahead wait in memory.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from bqsim.engine.pool import CancelToken
from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError
from bqsim.storage.errors import StorageFailure, from_bigquery

from .cache import Chunk, ChunkCache
from .messages import NOT_COMPRESSED, rows_message
from .rows import Reading
from .sources import FAILED

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.engine.pool import EnginePool
    from bqsim.engine.protocol import Session
    from bqsim.storage.v1.stream_pb2 import ReadSession

    from .streams import Range

T = TypeVar("T")

# How rows are to be cut into messages.
Cut = Callable[[int], Sequence[int]]

# What a chunk takes in its source, about; and its rows at most: a row group of the engine.
CHUNK_BYTES = 16 << 20
CHUNK_ROWS = 122_880
# The divisors of 60 blocks, a row group: chunks that are parts of row groups are read fastest.
_CHUNK_BLOCKS = (60, 30, 20, 15, 12, 10, 6, 5, 4, 3, 2, 1)
# How many chunks each reader reads ahead while there are up to so many readers, none with more: this bounds
# the memory that they take together.
AHEAD = ((4, 2), (16, 1))
# A message may not be larger (page "Quotas and limits").
MAX_ROW_BYTES = 128 * 1000 * 1000
# Chunks whose rows are counted by one query.
COUNTED_CHUNKS = 64
_POLL_S = 0.1


class Format(Protocol):
    """An encoding of rows. ``schema_field`` is a ReadRowsResponse with the schema alone."""

    @property
    def rows_tag(self) -> bytes: ...

    @property
    def key(self) -> Hashable: ...

    @property
    def schema_field(self) -> bytes: ...

    def describe(self, session: ReadSession) -> None: ...

    def payloads(self, rows: pa.Table) -> Iterator[tuple[Any, int]]: ...


def chunk_blocks(block_rows: int, row_bytes: float) -> int:
    """How many blocks make a chunk."""
    block_bytes = max(1.0, block_rows * row_bytes)
    fitting = min(CHUNK_BYTES / block_bytes, CHUNK_ROWS / block_rows)
    return next((n for n in _CHUNK_BLOCKS if n <= fitting), 1)


@dataclass(slots=True)
class Counts:
    """How many rows the chunks of a session have, as far as known, by their blocks. Thread-safe."""

    known: dict[Range, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamReader:
    """Reads streams of one session. ``compressed`` asks for LZ4 over the rows of each message; ``key`` tells
    the session's messages from those of others."""

    pool: EnginePool
    cache: ChunkCache
    reading: Reading
    format: Format
    chunk_blocks: int
    counts: Counts
    compressed: bool
    key: Hashable

    def messages(
        self, stream: Range, offset: int, cancelled: Callable[[], bool], cut: Cut | None = None
    ) -> Iterator[tuple[bytes, int]]:
        """ReadRowsResponse messages with their rows, from row ``offset`` of a stream on.

        ``cut`` gives the rows of each message that is to carry so many rows, or fewer, which are the last.
        """
        coming: deque[tuple[Range, _Work[Chunk]]] = deque()
        with _readers.entered():
            try:
                yield from self._messages(stream, offset, cancelled, coming, cut)
            finally:
                for _, work in coming:
                    work.cancel()

    def _messages(
        self,
        stream: Range,
        offset: int,
        cancelled: Callable[[], bool],
        coming: deque[tuple[Range, _Work[Chunk]]],
        cut: Cut | None,
    ) -> Iterator[tuple[bytes, int]]:
        chunks = self._chunks(stream)
        index, skipped = self._seek(chunks, offset, cancelled)
        rest = iter(chunks[index:])

        def start(wanted: int) -> None:
            more = itertools.islice(rest, max(wanted - len(coming), 0))
            coming.extend((chunk, self._start(stream, chunk)) for chunk in more)

        coming += [(first, self._start(stream, first, skipped)) for first in itertools.islice(rest, 1)]
        start(_readers.ahead())
        prefix = self.format.schema_field
        while coming:
            found = coming[0][1].finished(cancelled)
            chunk, _ = coming.popleft()
            row, skipped = skipped, 0
            if row:
                found = _without_messages(found, row)
            start(_readers.ahead())
            messages: Iterable[tuple[bytes, int]] = zip(found.messages, found.row_counts, strict=True)
            if cut is not None:
                messages = self._cut(stream, chunk, row, messages, cut, cancelled)
            for message, rows in messages:
                if cancelled():
                    raise _cancelled()
                yield prefix + message if prefix else message, rows
                prefix = b""
            start(1)

    def _cut(
        self,
        stream: Range,
        chunk: Range,
        row: int,
        messages: Iterable[tuple[bytes, int]],
        cut: Cut,
        cancelled: Callable[[], bool],
    ) -> Iterator[tuple[bytes, int]]:
        """Messages of a chunk from its ``row`` on, cut; what is cut is encoded anew."""
        for message, rows in messages:
            parts = cut(rows)
            if tuple(parts) == (rows,):
                yield message, rows
            else:
                at = row
                for part in parts:
                    work = _Work.on(self.pool, partial(self._part, stream, chunk, at, part))
                    yield from work.finished(cancelled)
                    at += part
            row += rows

    def _part(
        self, stream: Range, chunk: Range, row: int, count: int, session: Session
    ) -> list[tuple[bytes, int]]:
        """Messages of ``count`` rows of a chunk."""
        rows = self.reading.rows(session, *self.reading.blocks.span(*chunk))
        return list(self._encoded(stream, chunk, rows.slice(row, count), row, rows.num_rows))

    # Where to begin

    def _chunks(self, stream: Range) -> list[Range]:
        """The chunks of a stream, on one grid for all streams."""
        low, high = stream
        size = self.chunk_blocks
        starts = range(low - low % size, high, size)
        return [(max(at, low), min(at + size, high)) for at in starts]

    def _seek(self, chunks: list[Range], offset: int, cancelled: Callable[[], bool]) -> tuple[int, int]:
        """The chunk that holds row ``offset``, and how many rows of it come before."""
        left = offset
        for index in range(len(chunks)):
            if not left:
                return index, 0
            rows = self._count(chunks, index, cancelled)
            if left < rows:
                return index, left
            left -= rows
        if left:
            raise StorageFailure("FAILED_PRECONDITION", f"offset {offset} has not been allocated yet")
        return len(chunks), 0

    def _count(self, chunks: list[Range], index: int, cancelled: Callable[[], bool]) -> int:
        chunk = chunks[index]
        if self.reading.counted:
            return self.reading.blocks.live(*chunk)
        known = self.counts.known
        if chunk not in known:
            together = chunks[index : index + COUNTED_CHUNKS]
            work = _Work.on(self.pool, lambda session: self._counted(session, together))
            known.update(work.finished(cancelled))
        return known[chunk]

    def _counted(self, session: Session, chunks: list[Range]) -> dict[Range, int]:
        blocks = self.reading.blocks
        start, end = blocks.span(chunks[0][0], chunks[-1][1])
        size = self.chunk_blocks * blocks.size
        found = self.reading.counts(session, start, end, size)
        return {chunk: found.get(chunk[0] // self.chunk_blocks, 0) for chunk in chunks}

    # Chunks

    def _start(self, stream: Range, chunk: Range, skipped: int = 0) -> _Work[Chunk]:
        """The chunk from the cache, or on its way."""
        found = self.cache.get(self.key, (stream, chunk))
        if found is not None and (not skipped or _is_border(found, skipped)):
            return _Work(found)
        return _Work.on(self.pool, lambda session: self._read(session, stream, chunk, skipped))

    def _read(self, session: Session, stream: Range, chunk: Range, skipped: int) -> Chunk:
        rows = self.reading.rows(session, *self.reading.blocks.span(*chunk))
        total = rows.num_rows
        if skipped:
            rows = rows.slice(skipped)
        messages, row_counts = [], []
        for message, count in self._encoded(stream, chunk, rows, skipped, total):
            messages.append(message)
            row_counts.append(count)
        if skipped:
            # What is left of the chunk, marked as coming after the rows before it.
            return Chunk((b"", *messages), (skipped, *row_counts))
        found = Chunk(tuple(messages), tuple(row_counts))
        if not self.reading.counted:
            self.counts.known[chunk] = found.rows
        self.cache.put(self.key, (stream, chunk), found)
        return found

    def _encoded(
        self, stream: Range, chunk: Range, rows: pa.Table, done: int, total: int
    ) -> Iterator[tuple[bytes, int]]:
        """Messages of rows that come behind ``done`` of the ``total`` rows of a chunk."""
        before, after = _progress(stream, chunk)
        share = (after - before) / max(total, 1)
        for payload, count in self.format.payloads(rows):
            ends = done + count
            yield self._message(payload, count, (before + share * done, before + share * ends)), count
            done = ends

    def _message(self, payload: Any, count: int, progress: tuple[float, float]) -> bytes:
        size = memoryview(payload).nbytes
        if size > MAX_ROW_BYTES:
            text = f"{FAILED}a row exceeds the maximum size of {MAX_ROW_BYTES} bytes"
            raise StorageFailure("RESOURCE_EXHAUSTED", text)
        if not self.compressed:
            return rows_message(self.format.rows_tag, payload, count, progress)
        import pyarrow as pa

        packed = pa.compress(payload, codec="lz4_raw")
        if packed.size < size:
            return rows_message(self.format.rows_tag, packed, count, progress, size)
        return rows_message(self.format.rows_tag, payload, count, progress, NOT_COMPRESSED)


class _Work(Generic[T]):
    """A value that a worker of the engine pool makes, or that is there already."""

    __slots__ = ("_future", "_token", "_value")

    def __init__(self, value: T | None = None) -> None:
        self._value = value
        self._token = CancelToken()
        self._future: Future[T] | None = None

    @classmethod
    def on(cls, pool: EnginePool, work: Callable[[Session], T]) -> _Work[T]:
        started = cls()
        started._future = pool.submit(work, started._token)
        return started

    def cancel(self) -> None:
        self._token.cancel()

    def finished(self, cancelled: Callable[[], bool]) -> T:
        """Wait for the value. Stops the work and raises CANCELLED when the call is cancelled."""
        if self._future is None:
            assert self._value is not None
            return self._value
        while True:
            try:
                return self._future.result(_POLL_S)
            except TimeoutError:
                if cancelled():
                    self.cancel()
                    raise _cancelled() from None
            except Interrupted:
                raise (_cancelled() if cancelled() else shutting_down()) from None
            except BigQueryError as error:
                raise from_bigquery(error, f"{FAILED}Query error: ") from None


class _Readers:
    """How many streams are being read, and how many chunks each of them may read ahead."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    @contextmanager
    def entered(self) -> Iterator[None]:
        with self._lock:
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1

    def ahead(self) -> int:
        return next((chunks for readers, chunks in AHEAD if self._count <= readers), 0)


_readers = _Readers()


def _progress(stream: Range, chunk: Range) -> tuple[float, float]:
    low, high = stream
    return (chunk[0] - low) / (high - low), (chunk[1] - low) / (high - low)


def _is_border(chunk: Chunk, row: int) -> bool:
    """Whether a message of the chunk begins at this row of it."""
    for count in chunk.row_counts:
        if row <= 0:
            break
        row -= count
    return row == 0


def _without_messages(chunk: Chunk, rows: int) -> Chunk:
    """The chunk without its first messages, which hold this many rows."""
    first = 0
    while rows > 0:
        rows -= chunk.row_counts[first]
        first += 1
    return Chunk(chunk.messages[first:], chunk.row_counts[first:])


def shutting_down() -> StorageFailure:
    """What work ends with that the engine pool stopped for its own end."""
    return StorageFailure("UNAVAILABLE", "The server is shutting down")


def _cancelled() -> StorageFailure:
    return StorageFailure("CANCELLED", "The call was cancelled")
