"""Threads that run work on engine sessions: bounded, cancellable, never on the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from bqsim.errors import BigQueryError

from .protocol import Engine, Interrupted, Session

T = TypeVar("T")

# Work that waits for a worker; more is refused, as the service refuses too many concurrent queries.
QUEUE_LIMIT = 10_000


class CancelToken:
    """Stops one piece of work: before it starts, or by interrupting the session it runs on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._cancelled = False
        self.timed_out = False

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        """Ask for the stop; returns at once. Idempotent, from any thread."""
        with self._lock:
            self._cancelled = True
            session = self._session
            callbacks, self._callbacks = self._callbacks, []
            if session is not None:
                session.interrupt()
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` at the cancel; at once when that has been."""
        with self._lock:
            if not self._cancelled:
                self._callbacks.append(callback)
                return
        callback()

    def check(self) -> None:
        """Raise :class:`Interrupted` when cancelled."""
        if self._cancelled:
            raise Interrupted

    def attach(self, session: Session) -> None:
        """Let cancels interrupt ``session`` from now on."""
        with self._lock:
            if self._cancelled:
                raise Interrupted
            self._session = session

    def detach(self) -> None:
        with self._lock:
            self._session = None


class _Task(Generic[T]):
    __slots__ = ("cancel", "context", "future", "timer", "work")

    def __init__(self, work: Callable[[Session], T], cancel: CancelToken) -> None:
        self.work = work
        self.cancel = cancel
        self.future: Future[T] = Future()
        # Work belongs to the call that asks for it.
        self.context = contextvars.copy_context()
        self.timer: threading.Timer | None = None


class EnginePool:
    """``workers`` threads; each piece of work gets a session of its own for its time.

    Threads start when work comes. Cancelled work ends with :class:`Interrupted`, work past its deadline with
    ``BigQueryError("timeout")``.
    """

    def __init__(self, engine: Engine, workers: int = 8, queue_limit: int = QUEUE_LIMIT) -> None:
        self.engine = engine
        self._workers = max(1, workers)
        self._limit = queue_limit
        self._tasks: queue.SimpleQueue[_Task[Any] | None] = queue.SimpleQueue()
        self._waiting = 0
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._active: set[CancelToken] = set()
        self._lock = threading.Lock()
        self._closed = False
        # Called with the session of each piece of work, before it.
        self.before: Callable[[Session], None] | None = None

    def submit(
        self,
        work: Callable[[Session], T],
        cancel: CancelToken | None = None,
        timeout_s: float | None = None,
    ) -> Future[T]:
        """Queue ``work``. Raises ``BigQueryError("jobRateLimitExceeded")`` when the queue is full."""
        task: _Task[T] = _Task(work, cancel or CancelToken())
        with self._lock:
            if self._closed:
                raise BigQueryError("backendError", "The server is shutting down")
            if self._waiting >= self._limit:
                text = "Exceeded rate limits: too many concurrent queries for this project"
                raise BigQueryError("jobRateLimitExceeded", text)
            self._tasks.put(task)
            self._waiting += 1
            self._unfinished += 1
            if len(self._threads) < min(self._unfinished, self._workers):
                self._start_thread()
        if timeout_s is not None:
            task.timer = threading.Timer(max(timeout_s, 0), _expire, (task.cancel,))
            task.timer.daemon = True
            task.timer.start()
        return task.future

    async def run(
        self,
        work: Callable[[Session], T],
        *,
        cancel: CancelToken | None = None,
        timeout_s: float | None = None,
    ) -> T:
        """Await ``work``. Cancelling the awaiting task cancels the work."""
        token = cancel or CancelToken()
        loop = asyncio.get_running_loop()
        deadline = None if timeout_s is None else loop.call_later(timeout_s, _expire, token)
        try:
            return await asyncio.wrap_future(self.submit(work, token))
        except asyncio.CancelledError:
            token.cancel()
            raise
        finally:
            if deadline is not None:
                deadline.cancel()

    def close(self) -> None:
        """Interrupt what runs, refuse what waits, and join the threads. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            active = list(self._active)
            threads = list(self._threads)
        while True:
            try:
                waiting = self._tasks.get_nowait()
            except queue.Empty:
                break
            if waiting is not None:
                waiting.cancel.cancel()
                _finish(waiting, error=Interrupted())
        for token in active:
            token.cancel()
        for _ in threads:
            self._tasks.put(None)
        for thread in threads:
            thread.join()

    def _start_thread(self) -> None:
        name = f"bqsim-worker-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _loop(self) -> None:
        while (task := self._tasks.get()) is not None:
            with self._lock:
                self._waiting -= 1
            try:
                self._run(task)
            finally:
                with self._lock:
                    self._unfinished -= 1
            # The work and its value must not live on until the next work comes.
            del task

    def _run(self, task: _Task[Any]) -> None:
        # A future cancelled before it started has no reader.
        if not task.future.set_running_or_notify_cancel():
            return
        with self._lock:
            self._active.add(task.cancel)
        try:
            task.cancel.check()
            session = self.engine.session()
            try:
                task.cancel.attach(session)
                if self.before is not None:
                    self.before(session)
                value = task.context.run(task.work, session)
            finally:
                task.cancel.detach()
                session.close()
        except BaseException as error:
            _finish(task, error=_timeout() if _is_late(task, error) else error)
        else:
            _finish(task, value)
        finally:
            with self._lock:
                self._active.discard(task.cancel)


def _is_late(task: _Task[Any], error: BaseException) -> bool:
    return isinstance(error, Interrupted) and task.cancel.timed_out


def _timeout() -> BigQueryError:
    return BigQueryError("timeout", "Operation timed out. You can retry with a longer timeout.")


def _expire(token: CancelToken) -> None:
    token.timed_out = True
    token.cancel()


def _finish(task: _Task[Any], value: Any = None, error: BaseException | None = None) -> None:
    if task.timer is not None:
        task.timer.cancel()
    if task.future.done():
        return
    if error is not None:
        task.future.set_exception(error)
    else:
        task.future.set_result(value)
