"""Streams of jobs become one: merged by time a chunk of each at a time, and cut into chunks of one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from bqsim.sim.slots.jobs import CHUNK, Jobs


def merged(streams: Sequence[Iterable[Jobs]], *, together: int = 2 * CHUNK) -> Iterator[Jobs]:
    """All jobs of streams that ascend by time, ascending by time; of jobs at one moment, those of an earlier
    stream first. What comes does not depend on how the streams are cut. Of each stream one chunk is held, and
    about ``together`` jobs are put in order at once.
    """
    waiting = [_Waiting(iter(stream)) for stream in streams]
    while True:
        waiting = [one for one in waiting if one.ready()]
        if len(waiting) < 2:
            break
        # As far as the chunk that ends first, or part of it where many streams have jobs until then; that
        # stream may go on at the same moment.
        reached = [one.reach(together // len(waiting)) for one in waiting]
        until = min(reached)
        limit = reached.index(until)
        taken = [one.take_until(until, "right" if at <= limit else "left") for at, one in enumerate(waiting)]
        found = Jobs.concatenated([some for some in taken if some is not None])
        yield found.take(np.argsort(found.at_ms, kind="stable"))
    for one in waiting:
        yield from one.rest()


class _Waiting:
    """A stream, and what is left of the chunk at its front."""

    __slots__ = ("_chunk", "_from", "_stream")

    def __init__(self, stream: Iterator[Jobs]) -> None:
        self._stream = stream
        self._chunk: Jobs | None = None
        self._from = 0

    def ready(self) -> bool:
        """Whether there is a job left; it is in the chunk now."""
        while self._chunk is None or self._from == len(self._chunk):
            self._chunk = next(self._stream, None)
            self._from = 0
            if self._chunk is None:
                return False
        return True

    def reach(self, count: int) -> float:
        """The moment of the last of the next ``count`` jobs (of one at least) in the chunk."""
        assert self._chunk is not None
        return float(self._chunk.at_ms[min(self._from + max(count, 1), len(self._chunk)) - 1])

    def take_until(self, at_ms: float, side: str) -> Jobs | None:
        """The jobs of the chunk before a moment, with those at it for the side ``right``."""
        assert self._chunk is not None
        end = int(np.searchsorted(self._chunk.at_ms, at_ms, side))  # type: ignore[call-overload]
        if end == self._from:
            return None
        some = self._chunk.take(slice(self._from, end))
        self._from = end
        return some

    def rest(self) -> Iterator[Jobs]:
        while self.ready():
            assert self._chunk is not None
            yield self._chunk.take(slice(self._from, None)) if self._from else self._chunk
            self._from = len(self._chunk)


def cut(stream: Iterable[Jobs], size: int = CHUNK) -> Iterator[Jobs]:
    """The same jobs in chunks of ``size``; the last one is shorter."""
    waiting: list[Jobs] = []
    count = 0
    for some in stream:
        waiting.append(some)
        count += len(some)
        if count < size:
            continue
        together = waiting[0] if len(waiting) == 1 else Jobs.concatenated(waiting)
        whole = count - count % size
        for start in range(0, whole, size):
            yield together.take(slice(start, start + size))
        waiting = [together.take(slice(whole, None))] if count > whole else []
        count -= whole
    if count:
        yield Jobs.concatenated(waiting)


def before(stream: Iterable[Jobs], until_ms: float) -> Iterator[Jobs]:
    """The jobs of an ascending stream before a moment; what comes after is not asked for."""
    for some in stream:
        end = int(np.searchsorted(some.at_ms, until_ms))
        if end == len(some):
            yield some
            continue
        if end:
            yield some.take(slice(0, end))
        return
