"""One AppendRows connection: its requests in groups into the engine, the answers in the order of the
requests."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError
from bqsim.storage.errors import StorageFailure, from_bigquery

from .appends import Append, Appender, Group, Reshaped
from .inbox import Inbox
from .intake import Intake
from .refusal import Refused
from .responses import appended, failed

if TYPE_CHECKING:
    from bqsim.engine.pool import EnginePool
    from bqsim.sim.clock import Clock
    from bqsim.sim.timers import Timer
    from bqsim.storage.names import WriteStreamName
    from bqsim.types import Field

log = logging.getLogger(__name__)

# One transaction takes so many requests, and so many bytes of them: enough that the engine's cost for each
# transaction does not count.
GROUP_REQUESTS = 256
GROUP_BYTES = 32 * 1024 * 1024
# The service closes a connection on which nothing has come for so long.
IDLE_S = 600
IDLE_US = IDLE_S * 1_000_000


class Connection:
    """Handles one connection: :meth:`run` on the thread that answers it, while another one reads it.

    Rows of waiting requests are read while the engine writes those before them. ``opened`` is called with
    the connection's first stream, ``answered`` with requests that have their outcomes.
    """

    def __init__(
        self,
        *,
        pool: EnginePool,
        appender: Appender,
        intake: Intake,
        clock: Clock,
        queue_bytes: int,
        opened: Callable[[WriteStreamName], None],
        answered: Callable[[Sequence[Append]], None] | None = None,
    ) -> None:
        self._pool = pool
        self._appender = appender
        self._intake = intake
        self._clock = clock
        self._opened = opened
        self._answered = answered
        self._inbox = Inbox(queue_bytes)
        self._ready: deque[Append] = deque()
        self._ready_bytes = 0
        self._running: Future[None] | None = None
        self._group: Group | None = None
        self._used_us = clock.now_us()
        self._timer: Timer | None = None
        self._may_be_idle = False

    def abort(self, failure: StorageFailure) -> None:
        """End the connection with ``failure``, from any thread; what runs is finished and answered."""
        self._inbox.abort(failure)

    def run(self, requests: Iterable[bytes]) -> Iterator[bytes]:
        """Serialised requests in, serialised answers out. Raises StorageFailure to end the call."""
        reader = threading.Thread(
            target=self._read, args=(requests,), name="bqsim-append-reader", daemon=True
        )
        reader.start()
        self._look_at(self._used_us + IDLE_US)
        try:
            while self._wait():
                answers: list[bytes] = []
                if self._running is not None and self._running.done():
                    answers = self._finish()
                if self._inbox.failure is not None:
                    yield from answers
                    yield from self._finish()
                    raise self._inbox.failure
                # The engine writes the next rows while these answers go out and further rows are read.
                if self._running is None and not self._ready:
                    self._refill()
                if self._running is None and self._ready:
                    self._start()
                yield from answers
                self._refill()
        finally:
            self._inbox.close()
            if self._timer is not None:
                self._timer.cancel()

    def _read(self, requests: Iterable[bytes]) -> None:
        """Bring the requests into the inbox until they end or the connection does."""
        try:
            for raw in requests:
                if not self._inbox.put(raw):
                    return
        except Exception as error:
            # The transport has lost the client: what it sent is handled, no one reads the answers.
            log.debug("a connection broke: %r", error)
        finally:
            self._inbox.end()

    # Waiting

    def _wait(self) -> bool:
        """Wait for something to do; False when everything is done."""
        self._inbox.wait(self._is_due)
        if self._may_be_idle:
            self._may_be_idle = False
            if self._running is None and not self._ready and not self._inbox.size and not self._inbox.ended:
                self._inbox.abort(self._inactive())
            else:
                self._look_at(self._clock.now_us() + IDLE_US)
        return self._has_work()

    def _is_due(self, waiting: bool) -> bool:
        running = self._running
        if self._inbox.failure is not None or self._may_be_idle:
            return True
        if running is None:
            return waiting or bool(self._ready) or self._inbox.ended
        return running.done() or (waiting and not self._is_full())

    def _look_at(self, time_us: int) -> None:
        """Look at ``time_us`` whether the connection is idle."""
        if not self._inbox.is_over():
            self._timer = self._clock.call_at(time_us, self._look)

    def _look(self) -> None:
        now = self._clock.now_us()
        used = now if self._running is not None else self._used_us
        if now - used < IDLE_US:
            self._look_at(used + IDLE_US)
        else:
            self._may_be_idle = True
            self._inbox.wake()

    def _has_work(self) -> bool:
        inbox = self._inbox
        if inbox.failure is not None or self._running is not None or self._ready or not inbox.ended:
            return True
        return inbox.size > 0

    def _inactive(self) -> StorageFailure:
        stream = self._intake.stream
        entity = f" Entity: {stream.path}" if stream else ""
        text = f"Closing the stream because it has been inactive for {IDLE_S} seconds.{entity}"
        return StorageFailure("ABORTED", text)

    # Requests to rows

    def _is_full(self) -> bool:
        return len(self._ready) >= GROUP_REQUESTS or self._ready_bytes >= GROUP_BYTES

    def _refill(self) -> None:
        """Read the rows of waiting requests, up to a group."""
        while not self._is_full():
            taken = self._inbox.take(GROUP_BYTES - self._ready_bytes, GROUP_REQUESTS - len(self._ready))
            if not taken:
                return
            self._used_us = self._clock.now_us()
            for raw in taken:
                append = self._next(raw)
                self._ready.append(append)
                self._ready_bytes += append.size
            if self._running is None or self._running.done():
                return

    def _next(self, raw: bytes) -> Append:
        append = self._taken(raw)
        if isinstance(raw, Refused):
            append.failure, append.row_errors = raw.failure, ()
        return append

    def _taken(self, raw: bytes) -> Append:
        if self._intake.stream is not None:
            return self._intake.next(raw)
        append = self._intake.first(raw)
        self._opened(append.name)
        return append

    # Groups

    def _start(self) -> None:
        """Let the engine write the rows that are ready for one stream."""
        group = self._take_group()
        self._group = group
        if all(a.failure is not None for a in group.appends):
            self._running = Future()
            self._running.set_result(None)
            return
        self._submit(group)

    def _submit(self, group: Group) -> None:
        running: Future[None] = Future()
        self._running = running
        running.add_done_callback(lambda _: self._inbox.wake())
        if self._appender.is_held(group):
            # No worker of the pool is spent on waiting for a transaction.
            waiter = threading.Thread(target=self._wait_and_write, args=(running, group), daemon=True)
            waiter.start()
        else:
            self._write(running, group)

    def _wait_and_write(self, running: Future[None], group: Group) -> None:
        try:
            self._appender.wait(group, self._inbox.is_over)
        except Exception as error:
            running.set_exception(error)
        else:
            self._write(running, group)

    def _write(self, running: Future[None], group: Group) -> None:
        try:
            written = self._pool.submit(lambda session: self._appender.write(session, group))
        except BigQueryError as error:
            running.set_exception(error)
        else:
            written.add_done_callback(lambda done: _pass_on(done, running))

    def _take_group(self) -> Group:
        first = self._ready[0]
        fields = next((a.fields for a in self._ready if a.failure is None), first.fields)
        group = Group(first.name, fields)
        while self._ready:
            append = self._ready[0]
            if append.name != group.name or (append.failure is None and append.fields is not fields):
                break
            group.appends.append(self._ready.popleft())
            self._ready_bytes -= append.size
        return group

    def _finish(self) -> list[bytes]:
        """The answers to the group that the engine has; waits for it."""
        if self._running is None or self._group is None:
            return []
        group = self._group
        while not self._written(self._running, group):
            self._submit(group)
        self._running = self._group = None
        self._used_us = self._clock.now_us()
        if self._answered is not None:
            self._answered(group.appends)
        changed = self._intake.changed_fields(group.name)
        answers = [_answer(append, None) for append in group.appends]
        if changed is not None:
            answers[0] = _answer(group.appends[0], changed)
        return answers

    def _written(self, running: Future[None], group: Group) -> bool:
        """Whether the group has its outcomes; False when it is to be written again."""
        try:
            running.result()
        except Reshaped:
            return not self._read_again(group)
        except StorageFailure as failure:
            _fail(group, failure)
        except BigQueryError as error:
            _fail(group, from_bigquery(error))
        except Interrupted:
            _fail(group, StorageFailure("ABORTED", "Request processing was interrupted."))
        except Exception:
            log.exception("an append failed")
            _fail(group, StorageFailure("INTERNAL", "An internal error occurred. Please retry the request."))
        return True

    def _read_again(self, group: Group) -> bool:
        """Read the rows of a group for its table as it is now; False when none is left to write."""
        open_ = [a for a in group.appends if a.failure is None]
        for append in open_:
            self._intake.read_again(append)
        left = [a for a in open_ if a.failure is None]
        if left:
            group.fields = left[-1].fields
        return bool(left)


def _pass_on(done: Future[None], to: Future[None]) -> None:
    error = done.exception()
    if error is None:
        to.set_result(None)
    else:
        to.set_exception(error)


def _answer(append: Append, changed: Sequence[Field] | None) -> bytes:
    if append.failure is not None:
        return failed(append.name.path, append.failure, append.row_errors, changed)
    return appended(append.name.path, append.result_offset, changed)


def _fail(group: Group, failure: StorageFailure) -> None:
    for append in group.appends:
        if append.failure is None:
            append.failure = failure
