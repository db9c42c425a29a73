"""Frames of a stream that wait: behind a stall, or for their turn in a drip."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace

from . import frames as f

# A drip goes in so many pieces a second, if those have a byte at least.
PIECES_PER_S = 10


class Held:
    """A queue of one stream's frames; ``work`` sends them."""

    def __init__(self, work: Callable[[Held], Awaitable[None]]) -> None:
        self._work = work
        self._frames: deque[f.Frame] = deque()
        self._came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, done: Callable[[], None]) -> None:
        """Begin; ``done`` is called when frames need not be held any more."""

        async def run() -> None:
            await self._work(self)
            done()

        self._task = asyncio.create_task(run())

    def put(self, frame: f.Frame) -> None:
        self._frames.append(frame)
        self._came.set()

    def taken(self) -> Iterator[f.Frame]:
        """The frames that wait."""
        while self._frames:
            yield self._frames.popleft()

    async def coming(self) -> AsyncIterator[f.Frame]:
        """All frames of the stream, as they come, to its last."""
        while True:
            await self._came.wait()
            self._came.clear()
            for frame in self.taken():
                yield frame
                if frame.ends_stream:
                    return

    def cancel(self) -> list[f.Frame]:
        """Stop; the frames that have not gone."""
        if self._task is not None:
            self._task.cancel()
        return list(self.taken())


def pieces(frame: f.Frame, bytes_per_s: float) -> Iterator[tuple[f.Frame, float]]:
    """A DATA frame in pieces, each with the seconds that it takes at a rate."""
    size = max(1, round(bytes_per_s / PIECES_PER_S))
    data = frame.data
    for start in range(0, len(data), size) or (0,):
        part = data[start : start + size]
        last = start + len(part) >= len(data)
        flags = frame.flags & f.END_STREAM if last else 0
        yield replace(frame, flags=flags, payload=part), len(part) / bytes_per_s
