"""How much may wait for the consumer of a read."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from .read_stream import StreamRows

# What a stream's first message is taken for, until one has come.
FIRST_GUESS_BYTES = 1 << 20


@dataclass(slots=True, eq=False)
class Lane:
    """One stream in the order of the table: what was read of it, and what of that waits.

    ``read`` counts the rows that were read; ``last`` are some of the last of them.
    """

    number: int
    name: str
    read: int = 0
    last: StreamRows | None = None
    finished: bool = False
    progress: float = 0.0
    throttle_percent: int = 0
    waiting: deque[StreamRows] = field(default_factory=deque)
    guess: int = FIRST_GUESS_BYTES


class Window:
    """Rows between the streams that bring them and the consumer who takes them.

    A stream reads its next message only when there is room for one as large as its last. In order, the rows
    of a lane are given out when all lanes before it are done; the lane whose turn it is always has room for
    one message, so that a full window does not stop it.
    """

    def __init__(self, lanes: list[Lane], limit: int, *, ordered: bool) -> None:
        self._lanes, self.limit, self._ordered = lanes, limit, ordered
        self.used = self.reserved = 0
        self.peak = 0
        self._head = 0
        self._coming: deque[Lane] = deque()
        self._freed, self._filled = asyncio.Event(), asyncio.Event()
        self._failure: BaseException | None = None

    # Streams

    async def reserve(self, lane: Lane) -> int:
        """Wait for room for a lane's next message; how much was set aside."""
        while not self._has_room(lane):
            self._freed.clear()
            await self._freed.wait()
        self.reserved += lane.guess
        return lane.guess

    def _has_room(self, lane: Lane) -> bool:
        taken = self.used + self.reserved
        if not taken or taken + lane.guess <= self.limit:
            return True
        return self._ordered and lane.number == self._head and not lane.waiting

    def release(self, reserved: int) -> None:
        """Give back what was set aside."""
        self.reserved -= reserved
        self._freed.set()

    def put(self, lane: Lane, rows: StreamRows) -> None:
        """Rows for the consumer."""
        lane.waiting.append(rows)
        lane.read = rows.end
        lane.last = rows
        lane.guess = rows.nbytes
        self._coming.append(lane)
        self.used += rows.nbytes
        self.peak = max(self.peak, self.used)
        self._filled.set()

    def finish(self, lane: Lane) -> None:
        """A lane has no more rows."""
        lane.finished = True
        self._filled.set()

    def fail(self, failure: BaseException) -> None:
        """No more rows come."""
        self._failure = self._failure or failure
        self._filled.set()

    # The consumer

    async def take(self) -> tuple[Lane, StreamRows] | None:
        """The next rows; ``None`` at the end. Raises what a stream failed with."""
        while True:
            if self._failure is not None:
                raise self._failure
            lane = self._next()
            if lane is not None:
                rows = lane.waiting.popleft()
                self.used -= rows.nbytes
                self._freed.set()
                return lane, rows
            if all(lane.finished for lane in self._lanes[self._head :]):
                return None
            self._filled.clear()
            await self._filled.wait()

    def _next(self) -> Lane | None:
        if not self._ordered:
            return self._coming.popleft() if self._coming else None
        while self._head < len(self._lanes):
            lane = self._lanes[self._head]
            if lane.waiting:
                return lane
            if not lane.finished:
                return None
            self._head += 1
            self._freed.set()
        return None
