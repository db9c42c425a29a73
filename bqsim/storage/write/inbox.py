"""The requests of one connection that wait to be handled, bounded in bytes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from bqsim.storage.errors import StorageFailure


class Inbox:
    """A queue between the thread that reads a connection and the one that handles it.

    A writer that sends faster than its rows are handled waits in :meth:`put`, so that its requests stay in
    the transport. One request always fits.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._items: deque[bytes] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self.ended = False
        self.failure: StorageFailure | None = None

    def put(self, raw: bytes) -> bool:
        """Add a request; False when the connection is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._fits(len(raw)))
            if self._closed:
                return False
            self._items.append(raw)
            self._bytes += len(raw)
            self._changed.notify_all()
            return True

    def _fits(self, size: int) -> bool:
        return not self._items or self._bytes + size <= self._limit

    def end(self) -> None:
        """No more requests will come."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def abort(self, failure: StorageFailure) -> None:
        """End the connection with a status once the running append is answered. The first one counts."""
        with self._changed:
            self.failure = self.failure or failure
            self._changed.notify_all()

    def close(self) -> None:
        """Drop what waits and let :meth:`put` return."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._bytes = 0
            self._changed.notify_all()

    def is_over(self) -> bool:
        """Whether the connection is closed or to end with a status."""
        return self._closed or self.failure is not None

    def wake(self) -> None:
        """Let :meth:`wait` look again."""
        with self._changed:
            self._changed.notify_all()

    def take(self, max_bytes: int, max_count: int) -> list[bytes]:
        """The requests that wait, at most so many and so large together but at least one; may be none."""
        taken: list[bytes] = []
        size = 0
        with self._changed:
            while self._items and len(taken) < max_count:
                size += len(self._items[0])
                if taken and size > max_bytes:
                    break
                taken.append(self._items.popleft())
                self._bytes -= len(taken[-1])
            if taken:
                self._changed.notify_all()
        return taken

    @property
    def size(self) -> int:
        """Bytes of the requests that wait."""
        return self._bytes

    def wait(self, until: Callable[[bool], bool], timeout_s: float | None = None) -> bool:
        """Wait until ``until(whether requests wait)`` is true; False after ``timeout_s``."""
        with self._changed:
            return self._changed.wait_for(lambda: until(bool(self._items)), timeout_s)
