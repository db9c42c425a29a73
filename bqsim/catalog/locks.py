"""Write locks by reference."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

_POLL_S = 0.05


class _Lock:
    """A re-entrant lock that a weak dictionary can hold."""

    __slots__ = ("__weakref__", "lock")

    def __init__(self) -> None:
        self.lock = threading.RLock()


class Locks:
    """Locks of whatever has a name; one exists while somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._locks: weakref.WeakValueDictionary[Hashable, _Lock] = weakref.WeakValueDictionary()

    @contextmanager
    def hold(self, refs: tuple[Hashable, ...], cancelled: Callable[[], bool] | None = None) -> Iterator[None]:
        """Hold the locks of ``refs``, taken in one order; ``InterruptedError`` once ``cancelled``."""
        held: list[_Lock] = []
        try:
            for ref in sorted(set(refs), key=repr):
                with self._mutex:
                    lock = self._locks.setdefault(ref, _Lock())
                while not lock.lock.acquire(timeout=_POLL_S if cancelled else -1):
                    if cancelled and cancelled():
                        raise InterruptedError("cancelled while waiting for a table lock")
                held.append(lock)
            yield
        finally:
            for lock in reversed(held):
                lock.lock.release()
