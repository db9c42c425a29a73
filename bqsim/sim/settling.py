"""Waits until what was released has run: tasks of event loops, and work that holds the clock."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType

# A loop that others keep busy is looked at so often; one that does not tell what is ready, so often.
BUSY_ROUNDS = 200
BLIND_ROUNDS = 12


class Holds:
    """Counts the work that goes on; a context manager that any number of threads and tasks may be in."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition(threading.RLock())

    def __bool__(self) -> bool:
        return self._count > 0

    def __enter__(self) -> None:
        self.take()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()

    def take(self) -> None:
        with self._changed:
            self._count += 1

    def drop(self) -> None:
        with self._changed:
            self._count -= 1
            if not self._count:
                self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end of all work; False when that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._count, timeout_s)


def settle(loop: asyncio.AbstractEventLoop, timeout_s: float) -> bool:
    """Wait until nothing is ready to run on ``loop``; False when it does not answer in time.

    What its tasks wait for outside of the loop (files, sockets, threads) is not waited for. A closed loop is
    settled. Not for the loop of the calling thread.
    """
    look = _Look(loop)
    try:
        loop.call_soon_threadsafe(look)
    except RuntimeError:
        return True
    return look.quiet.wait(timeout_s)


class _Look:
    """Follows what is ready on a loop, round by round."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.quiet = threading.Event()
        self._loop = loop
        self._rounds = 0

    def __call__(self) -> None:
        self._rounds += 1
        # asyncio's own loops show their queue; it holds this call no more.
        ready = getattr(self._loop, "_ready", None)
        busy = self._rounds < BLIND_ROUNDS if ready is None else bool(ready) and self._rounds < BUSY_ROUNDS
        if busy:
            self._loop.call_soon(self)
        else:
            self.quiet.set()
