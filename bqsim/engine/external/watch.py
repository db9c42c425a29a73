"""Waiting for others with an eye on the time and on cancels."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

POLL_S = 0.1


class Watch:
    """While entered, calls ``stop`` once: after ``timeout_s``, or when ``cancelled`` turns true.

    ``expired`` and ``stopped`` say which it was.
    """

    def __init__(
        self, stop: Callable[[], None], timeout_s: float, cancelled: Callable[[], bool] | None = None
    ) -> None:
        self._stop = stop
        self._timeout_s = timeout_s
        self._cancelled = cancelled
        self._done = threading.Event()
        self.expired = False
        self.stopped = False

    def __enter__(self) -> Watch:
        threading.Thread(target=self._watch, name="bqsim-watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()

    def _watch(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while not self._done.wait(min(POLL_S, max(deadline - time.monotonic(), 0))):
            self.stopped = self._cancelled is not None and self._cancelled()
            self.expired = not self.stopped and time.monotonic() >= deadline
            if self.stopped or self.expired:
                self._stop()
                return
