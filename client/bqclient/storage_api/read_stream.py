"""One stream of a read session: its rows from any row on, over broken calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqclient import errors as e
from bqclient.resilience.retry import Call
from bqclient.runtime import Deadline
from bqclient.transport.rpc import READ, error_of_rpc

from .messages import Message, message_of

if TYPE_CHECKING:
    import pyarrow as pa

    from .decoding import Decode
    from .read_session import ReadSession

METHOD = "ReadRows"
# Statuses after which a stream goes on at the next row, and the policy of the waits. INTERNAL is one only
# when the connection ended the stream, RESOURCE_EXHAUSTED only when the service says when to come back.
GOES_ON: Mapping[str, str] = {
    "DEADLINE_EXCEEDED": "deadline",
    "INTERNAL": "unavailable",
    "RESOURCE_EXHAUSTED": "rate",
    "UNAVAILABLE": "unavailable",
    "UNKNOWN": "unavailable",
}
_RESET = "RST_STREAM"
# Connections that streams are spread over.
CHANNELS = 4
# What the service says of streams of sessions that are over.
_EXPIRED = ("FAILED_PRECONDITION", "INVALID_ARGUMENT", "NOT_FOUND")


@dataclass(frozen=True, slots=True)
class StreamRows:
    """Rows of a stream. ``offset`` is the number of the first in its stream; ``nbytes`` what came."""

    offset: int
    batch: pa.RecordBatch
    nbytes: int

    @property
    def end(self) -> int:
        """The offset of the row after them."""
        return self.offset + int(self.batch.num_rows)


class StreamReader:
    """Reads a stream; iterate over it, or call :meth:`read` and at last :meth:`close`.

    When the call breaks, it is made again from the row after the last one that came: no row comes twice or is
    lost. Rows that come set the count of retries back. ``offset`` is the next row's; ``progress`` (0 to 1)
    and ``throttle_percent`` are what the service told last.
    """

    def __init__(
        self,
        session: ReadSession,
        name: str,
        offset: int = 0,
        *,
        deadline: Deadline | None = None,
        channel: int = 0,
    ) -> None:
        if offset < 0:
            raise e.UsageError(f"A stream has no row {offset}.")
        core = session.service.core
        self._session, self.name, self.offset = session, name, offset
        self._core, self._rpc, self._runtime = core, core.rpc, core.runtime
        self._channel = channel % CHANNELS
        self._deadline = deadline or Deadline(core.runtime)
        self._asked = Call(METHOD, core.rpc.endpoint, self._deadline)
        self._call: Any = None
        self._begun = False
        self._renewed = False
        self._used: dict[str, int] = {}
        self._attempts = 0
        self.progress = 0.0
        self.throttle_percent = 0
        self.finished = False
        self._decode = _decoder(session)

    async def __aiter__(self) -> AsyncGenerator[StreamRows, None]:
        # In a context of its own: what the consumer does with the rows is no part of the call.
        around, context = self.observed(), copy_context()
        context.run(around.__enter__)
        failure: BaseException | None = None
        try:
            while (rows := await self.read()) is not None:
                yield rows
        except Exception as error:
            failure = error
            raise
        finally:
            await self.close()
            given = (None, None, None) if failure is None else (type(failure), failure, failure.__traceback__)
            context.run(around.__exit__, *given)

    def observed(self) -> Any:
        """Around all reading of the stream, for whoever is told of calls."""
        watcher = self._core.observability
        return nullcontext() if watcher is None else watcher.call(METHOD, self._core.config.project, None)

    async def read(self) -> StreamRows | None:
        """The next rows; ``None`` at the end. Raises SessionExpiredError when the session is over."""
        while not self.finished:
            try:
                message = await self._message()
                if message is None:
                    self.finished, self.progress = True, 1.0
                    await self.close()
                    return None
                rows = self._taken(message)
            except e.BigQueryError as error:
                await self.close()
                await self._recover(error)
                continue
            except BaseException:
                await self.close()
                raise
            if rows is not None:
                return rows
        return None

    async def close(self) -> None:
        """End the call: the service stops sending."""
        call, self._call = self._call, None
        if call is not None:
            self._leave(None)
            call.cancel()

    # Messages

    async def _message(self) -> Message | None:
        import grpc

        if self._call is None:
            await self._open()
        try:
            raw = await self._call.read()
        except grpc.aio.AioRpcError as error:
            made = error_of_rpc(METHOD, error)
            self._leave(made)
            raise made from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and not task.cancelling() and self._call.cancelled():
                raise e.ConnectionFailedError("The client was closed while a stream was read.") from error
            raise
        self._leave(None)
        return None if raw is grpc.aio.EOF else message_of(raw)

    def _taken(self, message: Message) -> StreamRows | None:
        rest = message.rest
        if rest.HasField("stats"):
            self.progress = rest.stats.progress.at_response_end
        if rest.HasField("throttle_state"):
            self.throttle_percent = rest.throttle_state.throttle_percent
        if not message.row_count:
            return None
        batch = self._decode(message)
        found = StreamRows(self.offset, batch, len(message.rows))
        self.offset = found.end
        # The stream gets on: what failed before is forgotten.
        self._used.clear()
        self._renewed = False
        return found

    # Calls

    async def _open(self) -> None:
        from bqclient.wire import read_pb2

        retrier = self._core.retrier
        if retrier.limiter is not None:
            await retrier.limiter.take(self._deadline)
        metadata = await self._rpc.metadata({"read_stream": self.name}, self._deadline)
        left = self._deadline.remaining()
        if left is not None and left <= 0:
            raise e.DeadlineExceededError(f"{METHOD} did not end before its deadline.")
        if retrier.settings.breaker:
            retrier.breakers[self._rpc.endpoint].enter()
        self._begun = True
        self._attempts += 1
        request = read_pb2.ReadRowsRequest(read_stream=self.name, offset=self.offset)
        make = self._rpc.channel(self._channel).unary_stream(
            f"/{READ}/{METHOD}",
            request_serializer=read_pb2.ReadRowsRequest.SerializeToString,
            response_deserializer=None,
        )
        self._call = make(request, metadata=metadata, timeout=left)

    def _leave(self, error: BaseException | None) -> None:
        """Tell the breaker how an attempt began; what befalls the stream later is none of its concern."""
        if self._begun:
            self._begun = False
            if self._core.retrier.settings.breaker:
                self._core.retrier.breakers[self._rpc.endpoint].leave(error)

    # Errors

    async def _recover(self, error: e.BigQueryError) -> None:
        """Wait until the stream may go on. Raises where it may not."""
        if isinstance(error, e.UnauthenticatedError) and not self._renewed:
            self._renewed = True
            if await self._rpc.renew():
                return
        if self.expired(error):
            raise e.SessionExpiredError(
                f"The read session is over: {error.message}",
                status=error.status,
                entity=self._session.name,
            ) from error
        wait = self._wait(error)
        if wait is None or not self._deadline.allows(wait):
            raise error
        if self._core.observability is not None:
            self._core.observability.retrying(self._asked, error, wait, self._attempts)
        await self._runtime.sleep(wait)

    def expired(self, error: e.BigQueryError) -> bool:
        """Whether an error says that the session is over."""
        if error.status not in _EXPIRED:
            return False
        return "expired" in error.message.lower() or self._runtime.now() >= self._session.expire_time

    def _wait(self, error: e.BigQueryError) -> float | None:
        """Seconds until the stream is opened again; ``None`` where it is not."""
        if isinstance(error, e.CircuitOpenError):
            policy_name: str | None = "unavailable"
        else:
            policy_name = GOES_ON.get(error.status or "")
        if policy_name is None:
            return None
        if error.status == "INTERNAL" and _RESET not in error.message:
            return None
        if error.status == "RESOURCE_EXHAUSTED" and error.retry_after is None:
            return None
        policy = self._core.retrier.settings.policy(policy_name)
        number = self._used.get(policy_name, 0)
        if number >= policy.retries:
            return None
        self._used[policy_name] = number + 1
        if error.retry_after is not None:
            return error.retry_after
        return policy.wait(number, self._runtime.fraction())


def _decoder(session: ReadSession) -> Decode:
    if session.avro_schema is not None:
        from .avro import avro_decoder

        return avro_decoder(session.avro_schema)
    from .decoding import arrow_decoder

    return arrow_decoder(session)
