"""The appends of a connection in their order, and what answers and failures make of them.

Offsets are given when an append is sent for the first time, and stay: a request that is sent again is the one
that was sent before. Only when an append is refused for good do those behind it move up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from bqclient import errors as e
from bqclient.resilience.policies import Rule
from bqclient.resilience.retry import Call

from .append_answers import METHOD, Failure, failure_of
from .append_items import AppendResult, Destination, Item, Room
from .payloads import Payload
from .write_streams import schema_of

if TYPE_CHECKING:
    from bqclient.client import Core


class AppendQueue:
    """Appends that wait, that were sent and not answered, and that were answered and are to be sent again."""

    def __init__(self, core: Core, room: Room) -> None:
        self._core = core
        self.room = room
        self._waiting: deque[Item] = deque()
        # Each with the offset that it was sent with.
        self._flying: deque[tuple[Item, int | None]] = deque()
        self._held: list[Item] = []
        # Seconds to wait before those are sent again.
        self._pause = 0.0
        self._wake = asyncio.Event()
        self._failures: dict[str, int] = {}
        self._renewed = False
        # Whether this connection has brought an answer.
        self._answered_once = False

    def _next(self) -> Item | None:
        waiting = self._waiting
        while waiting and waiting[0].dropped:
            waiting.popleft()
        return waiting[0] if waiting else None

    def _answer(self, answer: Any) -> None:
        self._wake.set()
        if not self._flying:
            return
        item, offset = self._flying.popleft()
        if not self._answered_once:
            self._answered_once = True
            if self._core.retrier.settings.breaker:
                self._core.retrier.breakers[self._core.rpc.endpoint].leave(None)
        if answer.HasField("updated_schema") and item.to.news is not None:
            item.to.news(schema_of(answer.updated_schema))
        if answer.HasField("error") and answer.error.code:
            self._refuse(item, offset, failure_of(answer))
        else:
            self._stored(item, offset)
        if self._held and not self._flying:
            self._waiting.extendleft(reversed(self._held))
            self._held.clear()

    def _stored(self, item: Item, offset: int | None) -> None:
        self._failures.clear()
        self._renewed = False
        repeated = item.unsure and not item.to.offsets
        if offset is not None:
            item.to.end = max(item.to.end, offset + item.payload.rows)
        result = AppendResult(offset, item.payload.rows, 1, repeated, tuple(item.refused))
        item.settle(result)

    def _refuse(self, item: Item, offset: int | None, failure: Failure) -> None:
        if item.dropped:
            return
        to = item.to
        if failure.exists and to.offsets and item.unsure_at is not None and item.unsure_at == offset:
            self._stored(item, offset)
            return
        if failure.beyond and (offset != item.offset or any(h.to is to for h in self._held)):
            # What was to be stored before it was not: it goes where that ends.
            self._held.append(item)
            return
        rule = Rule(e.OffsetError, "backend") if failure.beyond and not item.fixed else failure.rule
        wait = self._core.retrier.wait_of(failure.error, rule, item.used)
        if wait is not None and item.deadline.allows(wait):
            if rule.ambiguous:
                item.unsure, item.unsure_at = True, offset
            self._told_of_retry(item, failure.error, wait, sum(item.used.values()))
            self._held.append(item)
            self._pause = max(self._pause, wait)
            return
        if failure.rows and to.skip_refused and item.payload.without is not None:
            self._skip(item, failure.rows)
            return
        self._fail(item, _with_rows(failure, item.payload))

    def _skip(self, item: Item, rows: tuple[tuple[int, str], ...]) -> None:
        """Leave the refused rows out, and send the others."""
        payload = item.payload
        assert payload.without is not None
        item.refused += [(payload.index(i), message) for i, message in rows]
        [*left] = payload.without(frozenset(i for i, _ in rows))
        kept = left[0].rows if left else 0
        self._shift(item, payload.rows - kept)
        if not left:
            item.payload.rows = 0
            self._stored(item, item.offset)
            return
        item.payload = left[0]
        self._held.append(item)

    def _fail(self, item: Item, error: e.BigQueryError) -> None:
        """Nothing of the append was stored: those behind it move up."""
        self._shift(item, item.payload.rows)
        item.settle(error)
        if item.to.offsets and item.group is not None:
            for other in self._behind(item.to):
                if other.group is item.group and not other.settled:
                    self._shift(other, other.payload.rows)
                    other.settle(error)

    def _shift(self, item: Item, rows: int) -> None:
        if not item.to.offsets or item.offset is None or not rows:
            return
        if item.fixed:
            others = (o for o in self._behind(item.to) if o is not item and o.offset is not None)
            ends = [o.offset + o.payload.rows for o in others if o.offset is not None and not o.settled]
            item.to.next_offset = max(item.to.end, *ends, 0)
            return
        item.to.next_offset -= rows
        for other in self._behind(item.to):
            if other.offset is not None and other.offset > item.offset and not other.fixed:
                other.offset -= rows

    def _behind(self, to: Destination) -> list[Item]:
        every = [*self._held, *(item for item, _ in self._flying), *self._waiting]
        return [item for item in every if item.to is to]

    def _gather(self, failure: BaseException | None = None) -> None:
        """After a connection: what it did not answer waits again, in order."""
        refused = isinstance(failure, e.BigQueryError) and not failure.retryable and not self._answered_once
        for item, offset in self._flying:
            if not refused:
                item.unsure, item.unsure_at = True, offset
        again = [*self._held, *(item for item, _ in self._flying)]
        self._held.clear()
        self._flying.clear()
        self._waiting.extendleft(reversed([item for item in again if not item.dropped]))

    def _give_up(self, item: Item, error: e.BigQueryError) -> None:
        """An append has no result in time. Where it may be stored, offsets behind it are not known."""
        if item.settled:
            return
        told = _copy(error, ambiguous=item.unsure or any(other is item for other, _ in self._flying))
        if not item.to.offsets or not told.ambiguous:
            if item.to.offsets and item.offset is not None:
                self._shift(item, item.payload.rows)
            item.settle(told)
            return
        item.to.broken = told
        for other in self._behind(item.to):
            other.settle(told)
        item.settle(told)

    def _fail_all(self, error: BaseException | None) -> None:
        self._gather()
        for item in self._waiting:
            item.settle(
                error or e.ConnectionFailedError("The writer was closed.", ambiguous=item.sendings > 0)
            )
        self._waiting.clear()
        self.room.fail(error or e.UsageError("The writer is closed."))

    def _told_of_retry(self, item: Item, error: e.BigQueryError, wait: float, number: int) -> None:
        if self._core.retrier.watcher is not None:
            call = Call(METHOD, self._core.rpc.endpoint, item.deadline)
            self._core.retrier.watcher.retrying(call, error, wait, number)


def _copy(error: e.BigQueryError, *, ambiguous: bool) -> e.BigQueryError:
    """An error of its own for an append."""
    made = error.__class__.__new__(error.__class__)
    made.__dict__.update(error.__dict__)
    made.args = error.args
    made.ambiguous = ambiguous
    made.__cause__ = error.__cause__
    return made


def _with_rows(failure: Failure, payload: Payload) -> e.BigQueryError:
    """The error with the rows' indices in what was given to be appended."""
    error = failure.error
    if isinstance(error, e.RowsRefusedError):
        error.rows = tuple((payload.index(i), message) for i, message in error.rows)
    return error
