"""A connection of AppendRows that is opened anew when it ends, until every append has its result.

Appends are answered in the order in which they were sent. What was not answered when a connection ended is
sent again, as it was, in order: where streams have offsets the service knows it again (``ALREADY_EXISTS``);
on default streams rows may then be there twice.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bqclient import errors as e
from bqclient.resilience.policies import Rule, rule_of
from bqclient.runtime import Deadline
from bqclient.transport.rpc import WRITE, error_of_rpc
from bqclient.transport.status import storage_details
from bqclient.wire import write_pb2

from .append_answers import METHOD, rule_of_append
from .append_items import Destination, Item, Room
from .append_queue import AppendQueue
from .payloads import Payload, WriterSchema, encode

if TYPE_CHECKING:
    from bqclient.client import Core

# How long the service may take to end a connection that was closed on this side.
_END_S = 5.0


class AppendStream(AppendQueue):
    """Appends to one stream, or to default streams of several tables of one location.

    ``channel``: the number of the connection that it goes over.
    """

    def __init__(
        self, core: Core, *, channel: int = 0, max_requests: int = 100, max_bytes: int = 100_000_000
    ) -> None:
        super().__init__(core, Room(max_requests, max_bytes))
        self._channel = channel
        self.connections = 0
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        # Of the connection: the schema told for each stream, the last stream, whether there were several.
        self._told: dict[str, WriterSchema] = {}
        self._last: str | None = None
        self._several = False

    # For writers

    async def put(
        self,
        to: Destination,
        payload: Payload,
        deadline: Deadline,
        *,
        offset: int | None = None,
        group: object = None,
    ) -> Item:
        """Take an append; waits for room. Raises the error that ended the stream."""
        self._check(to)
        await self.room.enter(payload.size)
        try:
            self._check(to)
        except BaseException:
            self.room.leave(payload.size)
            raise
        loop = asyncio.get_running_loop()
        item = Item(to, payload, deadline, loop.create_future(), offset, offset is not None, group=group)
        size = payload.size
        item.future.add_done_callback(lambda _: self._left(item, size))
        left = deadline.remaining()
        if left is not None:
            item.timer = loop.call_later(left, self._expire, item)
        self._waiting.append(item)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="bqclient appends")
        self._wake.set()
        return item

    def _check(self, to: Destination) -> None:
        if to.broken is not None:
            raise to.broken
        if self._closing:
            raise e.UsageError("The writer is closed.")

    def _left(self, item: Item, size: int) -> None:
        self.room.leave(size)
        if item.future.cancelled() and item.timer is not None and item.dropped:
            item.timer.cancel()

    async def close(self) -> None:
        """Wait until every append has its result, and close the connection."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def abort(self) -> None:
        """Close the connection at once; appends without a result fail."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._fail_all(None)

    # The task

    async def _run(self) -> None:
        try:
            while self._waiting or not self._closing:
                if not self._waiting:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                try:
                    await self._connect()
                except e.BigQueryError as error:
                    await self._recover(error)
        except asyncio.CancelledError:
            self._fail_all(None)
            raise
        except BaseException as error:
            self._fail_all(error)
            raise

    async def _connect(self) -> None:
        """One connection, from its opening to its end. Raises what ended it before its work was done."""
        head = self._next()
        if head is None:
            return
        breaker = self._core.retrier.breakers[self._core.rpc.endpoint]
        guarded = self._core.retrier.settings.breaker
        if guarded:
            breaker.enter()
        self._answered_once = False
        failure: BaseException | None = None
        try:
            await self._converse(head)
        except BaseException as error:
            failure = error
            raise
        finally:
            self._gather(failure)
            if guarded and not self._answered_once:
                breaker.leave(failure)

    async def _converse(self, head: Item) -> None:
        import grpc

        if self._core.retrier.limiter is not None:
            await self._core.retrier.limiter.take(head.deadline)
        rpc = self._core.rpc
        metadata = await rpc.metadata({"write_stream": head.to.name}, head.deadline)
        call = rpc.channel(self._channel).stream_stream(
            f"/{WRITE}/{METHOD}", None, write_pb2.AppendRowsResponse.FromString
        )(metadata=metadata)
        self.connections += 1
        self._told, self._last, self._several = {}, None, False
        receiver = asyncio.create_task(self._receive(call), name="bqclient answers")
        receiver.add_done_callback(lambda _: self._wake.set())
        try:
            while not receiver.done():
                self._wake.clear()
                if self._pause:
                    pause, self._pause = self._pause, 0.0
                    await self._core.runtime.sleep(pause)
                item = None if self._held else self._next()
                if item is not None and self._fits(item):
                    try:
                        await self._send(call, item)
                    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                        await asyncio.wait({receiver})
                    continue
                if not self._flying and not self._held and (item is not None or self._closing):
                    # Nothing is on its way: a connection that broke just now has nothing to say. Here gRPC
                    # tells of it by an error of its inside.
                    with suppress(Exception):
                        await call.done_writing()
                    await asyncio.wait({receiver}, timeout=_END_S)
                    break
                await self._wake.wait()
            if receiver.done():
                receiver.result()
            if self._flying:
                raise e.ConnectionFailedError("The service ended a connection of appends.", ambiguous=True)
        finally:
            receiver.cancel()
            call.cancel()
            await asyncio.gather(receiver, return_exceptions=True)

    def _fits(self, item: Item) -> bool:
        """Whether the connection takes the item: a stream's schema, and the form of rows, stay the same."""
        told = self._told.get(item.to.name)
        if told is not None:
            return told is item.payload.schema or told == item.payload.schema
        others = next(iter(self._told.values()), None)
        return others is None or others.format == item.payload.schema.format

    async def _send(self, call: Any, item: Item) -> None:
        self._waiting.popleft()
        to = item.to
        if to.offsets:
            if item.offset is None:
                item.offset = to.next_offset
            to.next_offset = max(to.next_offset, item.offset + item.payload.rows)
        first = self._last is None
        switched = self._last != to.name
        self._several = self._several or (switched and not first)
        item.sendings += 1
        self._last = to.name
        self._told[to.name] = item.payload.schema
        self._flying.append((item, item.offset))
        request = encode(
            item.payload,
            stream=to.name if switched or self._several else None,
            offset=item.offset,
            schema=switched,
            missing=to.missing,
            first=first,
        )
        await call.write(request)

    async def _receive(self, call: Any) -> None:
        import grpc

        try:
            while (answer := await call.read()) is not grpc.aio.EOF:
                self._answer(answer)
        except grpc.aio.AioRpcError as error:
            made = error_of_rpc(METHOD, error)
            found = storage_details(error.trailing_metadata() or ())
            if made.status is not None:
                made.retryable = rule_of_append(error.code().name, found).policy != "never"
            raise made from error

    # Failures of connections

    async def _recover(self, error: e.BigQueryError) -> None:
        """Wait before another connection, or give up what cannot be done."""
        head = self._next()
        if head is None:
            return
        if isinstance(error, e.UnauthenticatedError) and not self._renewed:
            self._renewed = True
            if await self._core.rpc.renew():
                return
        if isinstance(error, e.CircuitOpenError):
            # The probe that follows is what counts.
            wait = error.retry_after
        else:
            wait = self._core.retrier.wait_of(error, _rule(error), self._failures)
        if wait is None:
            lasting = not error.retryable
            for item in list(self._waiting):
                if not lasting or item.to is head.to:
                    self._give_up(item, error)
            return
        for item in list(self._waiting):
            if not item.deadline.allows(wait):
                self._give_up(item, error)
        if self._next() is not None:
            self._told_of_retry(head, error, wait, sum(self._failures.values()))
            await self._core.runtime.sleep(wait)

    def _expire(self, item: Item) -> None:
        if not item.settled:
            self._give_up(item, e.DeadlineExceededError("An append was not answered before its deadline."))
            self._wake.set()


def _rule(error: e.BigQueryError) -> Rule:
    """When a connection that ended so is opened again."""
    if error.status is None:
        return rule_of(METHOD, error)
    return rule_of_append(error.status) if error.retryable else Rule(type(error))
