"""Whole tables through several streams at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqclient.errors import UsageError
from bqclient.models.references import TableReference

from .batches import pieces_of, size_of
from .commits import CommitResult
from .write_streams import WriteStream, check_type
from .writer import Sent, StreamWriter

if TYPE_CHECKING:
    from .write import StorageWrite

# Appends of one stream without a result, besides the room for requests and bytes.
_AHEAD = 64
# What one stream takes of Arrow data at a time, so that others have something, too.
_PIECE_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What was written. ``commit``: of PENDING streams. ``maybe_repeated`` as that of an append."""

    rows: int
    requests: int
    streams: tuple[WriteStream, ...]
    commit: CommitResult | None = None
    maybe_repeated: bool = False
    refused: tuple[tuple[int, str], ...] = ()


class _Pieces:
    """The pieces of data, for several writers in turn, with the index of the first row of each."""

    def __init__(self, data: Any) -> None:
        self._pieces: AsyncIterator[Any] = _sliced(pieces_of(data))
        self._lock = asyncio.Lock()
        self._first = 0
        self._over = False

    async def next(self) -> tuple[int, Any] | None:
        async with self._lock:
            if self._over:
                return None
            async for piece in self._pieces:
                first = self._first
                self._first += size_of(piece)
                return first, piece
            self._over = True
            return None


async def _sliced(pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for piece in pieces:
        size = getattr(piece, "nbytes", 0)
        if size <= _PIECE_BYTES:
            yield piece
            continue
        step = max(1, piece.num_rows * _PIECE_BYTES // size)
        for start in range(0, piece.num_rows, step):
            yield piece.slice(start, step)


async def write_table(
    service: StorageWrite,
    table: TableReference,
    data: Any,
    type_: str,
    concurrency: int,
    options: Mapping[str, Any],
) -> WriteResult:
    """Write data through several streams, and commit them where they are PENDING."""
    kind = check_type(type_, default=True)
    if concurrency < 1:
        raise UsageError(f"concurrency must be at least 1, not {concurrency}.")
    pieces = _Pieces(data)
    writers = [
        StreamWriter(service, table, type=kind, **{"channel": number, **options})
        for number in range(concurrency)
    ]
    parts = await _together([_work(writer, pieces) for writer in writers], writers)
    # A stream that had nothing to do was not made.
    streams = tuple(writer.stream for writer, part in zip(writers, parts, strict=True) if part.requests)
    done = None
    if kind == "PENDING" and streams:
        done = await service.commit(table, streams)
    return WriteResult(
        sum(part.rows for part in parts),
        sum(part.requests for part in parts),
        streams,
        done,
        any(part.maybe_repeated for part in parts),
        tuple(sorted(pair for part in parts for pair in part.refused)),
    )


async def _together(works: list[Any], writers: list[StreamWriter]) -> list[WriteResult]:
    """All works; when one fails the others are stopped."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(writer.abort() for writer in writers), return_exceptions=True)
        raise


async def _work(writer: StreamWriter, pieces: _Pieces) -> WriteResult:
    """Send pieces until there are no more; keeps few results at a time."""
    rows = requests = 0
    repeated = False
    refused: list[tuple[int, str]] = []
    waiting: list[tuple[int, Sent]] = []

    async def settle(count: int) -> None:
        nonlocal rows, requests, repeated
        while len(waiting) > count:
            first, sent = waiting.pop(0)
            result = await sent
            rows += result.rows
            requests += result.requests
            repeated = repeated or result.maybe_repeated
            refused.extend((first + index, message) for index, message in result.refused)

    found = await pieces.next()
    if found is None:
        return WriteResult(0, 0, ())
    async with writer:
        while found is not None:
            first, piece = found
            waiting.append((first, await writer.send(piece)))
            await settle(_AHEAD)
            found = await pieces.next()
        await settle(0)
    return WriteResult(rows, requests, (writer.stream,), None, repeated, tuple(refused))
