"""The processes that run JavaScript: started when needed, of one batch at a time, killed when they hang."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from .watch import Watch
from .worker import receive, send

_SCRIPT = Path(__file__).with_name("worker.py")


class Died(Exception):
    """The process went away in the middle of a batch: V8 aborts when it runs out of memory."""


class TimedOut(Exception):
    """The process did not answer in time."""


class Stopped(Exception):
    """The caller was cancelled."""


class Worker:
    """One process."""

    def __init__(self) -> None:
        environment = {"TZ": "UTC", "PATH": os.environ.get("PATH", "")}
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_SCRIPT.parent,
            env=environment,
            start_new_session=True,
        )

    def call(
        self, head: bytes, body: bytes, timeout_s: float, cancelled: Callable[[], bool] | None = None
    ) -> tuple[str, str]:
        """The answer to a request: its word and its text. Raises ``Stopped`` once ``cancelled``."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        with Watch(process.kill, timeout_s, cancelled) as watch:
            try:
                send(process.stdin, head, body)
                answer = receive(process.stdout)
            except (OSError, ValueError):
                answer = None
        if watch.stopped:
            raise Stopped
        if watch.expired:
            raise TimedOut
        if answer is None:
            raise Died
        return answer[0].decode(), answer[1].decode()

    def close(self) -> None:
        """End the process."""
        process = self._process
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()


class Workers:
    """A pool of at most ``most`` processes. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: list[Worker] = []
        self._count = 0
        self._changed = threading.Condition()

    def take(self) -> Worker:
        """A process for the caller alone, until it is given back; waits for one."""
        with self._changed:
            while not self._idle and self._count >= self._most:
                self._changed.wait()
            if self._idle:
                return self._idle.pop()
            self._count += 1
        try:
            return Worker()
        except BaseException:
            self._gone()
            raise

    def give_back(self, worker: Worker) -> None:
        with self._changed:
            self._idle.append(worker)
            self._changed.notify()

    def drop(self, worker: Worker) -> None:
        """End a process that cannot be used again."""
        worker.close()
        self._gone()

    def _gone(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify()

    def close(self) -> None:
        """End the idle processes; others are started when needed."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._count -= len(idle)
            self._changed.notify_all()
        for worker in idle:
            worker.close()


_SHARED: list[Workers] = []
_LOCK = threading.Lock()


def shared() -> Workers:
    """The pool of this process."""
    with _LOCK:
        if not _SHARED:
            workers = Workers(max(2, os.cpu_count() or 1))
            atexit.register(workers.close)
            _SHARED.append(workers)
        return _SHARED[0]


def close_idle() -> None:
    """End the idle processes, if there are any."""
    for workers in list(_SHARED):
        workers.close()
