"""Threads for calls: made when they are needed, kept for a while, never in the way of a process that ends."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

IDLE_S = 30.0


class CallThreads(Executor):
    """An executor that runs everything at once, on daemon threads.

    A stream holds its thread for as long as its client likes. The threads of ``ThreadPoolExecutor`` would be
    joined at the end of the process, which an open stream then holds up. How many calls run at once is for
    the server to bound.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._free = 0
        self._threads = 0
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn`` on a thread that is free, or else on a new one. RuntimeError after ``shutdown``."""
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("no calls are taken after a shutdown")
            self._work.put((future, lambda: fn(*args, **kwargs)))
            if self._free:
                self._free -= 1
                return future
            self._threads += 1
        threading.Thread(target=self._loop, name="bqsim-grpc", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the threads end when their calls do; waits for none."""
        with self._lock:
            self._closed = True
            for _ in range(self._threads):
                self._work.put(None)

    def _loop(self) -> None:
        while (taken := self._take()) is not None:
            _run(*taken)
            # What the call held must not live on until the next one comes.
            del taken
            with self._lock:
                self._free += 1

    def _take(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        """The next call; None when the thread is to end."""
        try:
            return self._work.get(timeout=IDLE_S)
        except queue.Empty:
            with self._lock:
                # Work may have been put in the meantime, counting on this thread.
                try:
                    return self._work.get_nowait()
                except queue.Empty:
                    self._free -= 1
                    self._threads -= 1
                    return None


def _run(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
