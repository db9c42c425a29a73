"""Following a journal live, from a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from .events import Event


def _none() -> None:
    return None


class Follower:
    """Iterates over events as they happen; ends when closed.

    It holds up to ``limit`` events that were not taken yet; beyond that the oldest are lost, and counted
    in ``lost``: a slow reader never holds up a call.
    """

    def __init__(self, limit: int) -> None:
        self.lost = 0
        self.ended: Callable[[], None] = _none
        self._waiting: deque[Event] = deque(maxlen=limit)
        self._closed = False
        self._changed = threading.Condition()

    def put(self, event: Event) -> None:
        with self._changed:
            if len(self._waiting) == self._waiting.maxlen:
                self.lost += 1
            self._waiting.append(event)
            self._changed.notify()

    def take(self) -> list[Event]:
        """What came since the last time; does not wait."""
        with self._changed:
            taken = list(self._waiting)
            self._waiting.clear()
            return taken

    def __iter__(self) -> Follower:
        return self

    def __next__(self) -> Event:
        with self._changed:
            while not self._waiting:
                if self._closed:
                    raise StopIteration
                self._changed.wait()
            return self._waiting.popleft()

    def close(self) -> None:
        """No more events; those that came before are still given."""
        self.ended()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
