"""Rows over several PENDING streams of the Storage Write API, committed together at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from bqclient.errors import CommitError, TransportError
from bqclient.runtime import Deadline
from bqclient.services.job_errors import Again
from bqclient.storage_api.commits import DONE
from bqclient.storage_api.writer import Sent, StreamWriter

from .checking import Pieces
from .gathering import Gathered
from .report import RefusedRow
from .ways import Outcome, Target

# Pieces of one stream without a result: they are kept, so that refused rows can be shown.
_AHEAD = 8
# Rows of Arrow data that are one piece.
_PIECE_ROWS = 20_000


class _Queue:
    """Pieces for several writers in turn."""

    def __init__(self, rows: Gathered) -> None:
        self._pieces: AsyncIterator[tuple[int, Any]] = _cut(rows)
        self._lock = asyncio.Lock()

    async def next(self) -> tuple[int, Any] | None:
        async with self._lock:
            return await anext(self._pieces, None)


async def _cut(rows: Gathered) -> AsyncIterator[tuple[int, Any]]:
    async for first, piece in rows.pieces():
        if isinstance(piece, list) or piece.num_rows <= _PIECE_ROWS:
            yield first, piece
            continue
        for start in range(0, piece.num_rows, _PIECE_ROWS):
            yield first + start, piece.slice(start, _PIECE_ROWS)


async def storage(to: Target, rows: Gathered, writers: int) -> Outcome:
    """Write rows through up to that many streams. They become visible all at once, each once, or not at all.

    Rows that do not fit are left out, also those that only the service finds to be wrong.
    """
    queue, out = _Queue(rows), Outcome()
    service = to.client.storage_write
    defaults = True if any(f.default for f in to.schema) else None
    made = [
        service.writer(to.table, type="PENDING", skip_refused=True, defaults=defaults, channel=number)
        for number in range(writers)
    ]
    tasks = [asyncio.ensure_future(_Work(to, writer, out).run(queue)) for writer in made]
    try:
        used = await asyncio.gather(*tasks)
    except BaseException:
        # Nothing was committed, so nothing was written.
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    out.streams = [writer.stream.name for writer, some in zip(made, used, strict=True) if some]
    if out.streams:
        await _commit(to, out.streams)
    out.refused.sort(key=lambda refused: refused.index)
    return out


async def _commit(to: Target, streams: Sequence[str]) -> None:
    """Commit streams. Where it is not known whether they were, they are committed again: that all of them
    are is what was wanted."""
    core, unsure = to.client.core, False
    again = Again(core, "BatchCommitWriteStreams", Deadline.after(core.runtime, to.timeout))
    while True:
        try:
            await to.client.storage_write.commit(to.table, streams, timeout=to.timeout)
            return
        except CommitError as refused:
            if unsure and refused.kind == DONE and set(refused.streams) == set(streams):
                return
            raise
        except TransportError as error:
            if not (error.ambiguous and await again.after(error, "commit")):
                raise
            unsure = True


class _Work:
    """One stream's share."""

    def __init__(self, to: Target, writer: StreamWriter, out: Outcome) -> None:
        self._writer, self._out = writer, out
        self._pieces = Pieces(to.schema)
        self._waiting: list[tuple[Any, Sequence[int], Sent]] = []

    async def run(self, queue: _Queue) -> bool:
        """Whether the stream was used."""
        found = await queue.next()
        if found is None:
            return False
        async with self._writer as writer:
            while found is not None:
                first, piece = found
                for batch, indices in self._pieces.batches(piece, first):
                    self._waiting.append((batch, indices, await writer.send(batch)))
                await self._settle(_AHEAD)
                found = await queue.next()
            await self._settle(0)
        self._out.refused.extend(self._pieces.refused)
        return True

    async def _settle(self, count: int) -> None:
        while len(self._waiting) > count:
            batch, indices, sent = self._waiting.pop(0)
            result = await sent
            self._out.written += result.rows
            for place, message in result.refused:
                row = batch.slice(place, 1).to_pylist()[0]
                self._out.refused.append(RefusedRow(indices[place], row, message))
