"""The requests of a stream: each is let through the gate as it is taken, and answered in its turn."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError
from bqsim.sim.effects.streams import StreamPlan
from bqsim.sim.recorder import REFUSAL, UNANSWERED
from bqsim.sim.stale import look_through
from bqsim.storage.errors import StorageFailure, from_bigquery
from bqsim.storage.v1 import write_pb2
from bqsim.storage.write.refusal import Refused

from .decoding import decode
from .methods import Incoming, Method
from .passage import Noted, Passage

if TYPE_CHECKING:
    from bqsim.server.core import Core
    from bqsim.sim.gate import Call

    from .line import Line

log = logging.getLogger(__name__)

# Failures of one request that the service answers within the stream, which goes on; besides all that name a
# StorageErrorCode. Others end the stream.
IN_BAND = frozenset({"ALREADY_EXISTS", "OUT_OF_RANGE", "INVALID_ARGUMENT", "INTERNAL"})


# How answers that tell of an error begin: with the tag of that field.
_ERROR = bytes([write_pb2.AppendRowsResponse.ERROR_FIELD_NUMBER << 3 | 2])


@dataclass(slots=True)
class _Passing:
    """A request that has entered the gate; ``entered_us`` tells when, if it has a plan."""

    passage: Passage
    plan: StreamPlan | None
    entered_us: int


class _Told:
    """A request that the service answers with its refusal: its passage is over."""


class Arriving:
    """The requests of a stream, for the service to take; they end early at a failure that ends the stream.

    The service may take them on a thread of its own, and answers them in their order.
    """

    def __init__(
        self,
        core: Core,
        loop: asyncio.AbstractEventLoop,
        method: Method,
        incoming: Incoming,
        requests: Iterator[bytes],
        line: Line,
    ) -> None:
        self.incoming = incoming
        self._core = core
        self._loop = loop
        self._method = method
        self._requests = requests
        self._line = line
        self._resource = incoming.params.get(method.resource, "")
        self._open: deque[_Passing | Noted | _Told] = deque()
        self._refusal: Exception | None = None
        # Rows that were let in while somebody counted them.
        self._rows = 0
        self._breaks: tuple[int, Exception] | None = None

    def __iter__(self) -> Arriving:
        return self

    def __next__(self) -> bytes:
        if self._refusal is not None:
            raise StopIteration
        try:
            data = next(self._requests)
        except grpc.RpcError:
            # Nobody waits for answers; what has arrived is the service's.
            raise StopIteration from None
        gate = self._core.gate
        plain = self.incoming.call(self._method, self._resource, None, len(data))
        if gate.quiet(plain) and self._breaks is None:
            self._open.append(Noted(gate, plain))
            look_through(None)
            return data
        try:
            return self._enter(data)
        except Exception as refusal:
            self._refusal = refusal
            raise StopIteration from None

    def _enter(self, data: bytes) -> bytes:
        """Let a request enter the gate; what to give to the service."""
        try:
            request = decode(self._method.request, data)
        except StorageFailure:
            # The service words this one.
            request = None
        else:
            self._resource = self._method.resource_of(request) or self._resource
        call = self.incoming.call(self._method, self._resource, request, len(data))
        try:
            passage = Passage(self._core.gate, call, self._loop)
            plan: StreamPlan | None = call.stream
            if plan is not None:
                self._ask(passage, plan, request)
        except (StorageFailure, BigQueryError) as refusal:
            failure = in_band(refusal)
            if failure is None:
                raise
            self._open.append(_Told())
            return Refused.of(data, failure)
        self._count(passage, plan, request)
        self._open.append(_Passing(passage, plan, self._core.clock.now_us() if plan is not None else 0))
        look_through(passage.view)
        return data

    def _ask(self, passage: Passage, plan: StreamPlan, request: Any) -> None:
        """Raise what rules about rows of the stream have for a request; one with an offset was matched by
        that."""
        if request is not None and request.HasField("offset"):
            return
        failure = plan.events(self._rows, _rows(request), 0, passage.call.size)
        if failure is not None:
            passage.fail(failure)

    def _count(self, passage: Passage, plan: StreamPlan | None, request: Any) -> None:
        """Count rows; raises the break of the stream if it is reached, or lets it follow this request."""
        if self._breaks is None and (plan is None or plan.breaks is None):
            if plan is not None:
                self._rows += _rows(request)
            return
        if self._breaks is None and plan is not None:
            self._breaks = plan.breaks
        assert self._breaks is not None
        after, failure = self._breaks
        if self._rows >= after:
            passage.fail(failure)
        self._rows += _rows(request)
        if self._rows >= after:
            self._refusal = failure

    def answered(self, answer: bytes) -> bytes:
        """The answer to send for the oldest request without one."""
        oldest = self._open.popleft()
        if isinstance(oldest, Noted):
            self._tell(oldest.call, answer)
            oldest.leave()
        elif isinstance(oldest, _Passing):
            answer = self._leave(oldest, answer)
        return self._line.sent(answer)

    def _leave(self, passing: _Passing, answer: bytes) -> bytes:
        self._tell(passing.passage.call, answer)
        message = self._method.answer.FromString(answer)
        try:
            sent = passing.passage.leave(message)
        except (StorageFailure, BigQueryError) as error:
            failure = in_band(error)
            if failure is None:
                raise
            from bqsim.storage.write.responses import failed

            return failed(message.write_stream, failure)
        if passing.plan is not None:
            self._wait_for_ack(passing.plan, passing.entered_us)
        self._line.sending(passing.passage.call.sending)
        encoded: bytes = sent.SerializeToString()
        return encoded

    def _tell(self, call: Call, answer: bytes) -> bool:
        """Note the failure that an answer tells, for the journal; whether there is one."""
        if not answer.startswith(_ERROR):
            return False
        from bqsim.storage.status import failure_of

        call.notes[REFUSAL] = failure_of(self._method.answer.FromString(answer).error)
        return True

    def _wait_for_ack(self, plan: StreamPlan, entered_us: int) -> None:
        """Appends that wait together for their answers wait at the same time."""
        clock = self._core.clock
        left = plan.ack() - (clock.now_us() - entered_us) / 1e6
        if left > 0:
            clock.wait(left, self.incoming.cancelled)

    def failed(self, error: Exception) -> Exception:
        """The stream ends by ``error``: so do the passages of the requests without an answer."""
        while self._open:
            left = self._open.popleft()
            if isinstance(left, _Told):
                continue
            try:
                (left.passage if isinstance(left, _Passing) else left).fail(error)
            except Exception as made:
                error = made
        return error

    def abandoned(self, answers: Iterator[bytes]) -> None:
        """The client is gone. What it sent is done all the same, and told as such; ``answers`` come yet."""
        try:
            for answer in answers:
                oldest = self._open.popleft()
                if isinstance(oldest, _Told):
                    continue
                passage = oldest if isinstance(oldest, Noted) else oldest.passage
                done = not self._tell(passage.call, answer)
                self._gone(passage, done)
        except (StorageFailure, BigQueryError, Interrupted) as error:
            log.debug("a stream that nobody hears ended: %r", error)
        finally:
            for left in self._open:
                if not isinstance(left, _Told):
                    self._gone(left if isinstance(left, Noted) else left.passage, done=False)
            self._open.clear()

    def _gone(self, passage: Noted | Passage, done: bool) -> None:
        passage.call.notes[UNANSWERED] = done
        with suppress(StorageFailure, BigQueryError, CancelledError):
            passage.fail(StorageFailure("CANCELLED", "The call was cancelled."))

    def check(self) -> None:
        """Raise what ends the stream, once the requests before it are answered."""
        if self._refusal is not None:
            raise self._refusal


def in_band(error: StorageFailure | BigQueryError) -> StorageFailure | None:
    """The failure of a request as its answer tells it; None for one that ends the stream."""
    failure = from_bigquery(error) if isinstance(error, BigQueryError) else error
    return failure if failure.code is not None or failure.status in IN_BAND else None


def _rows(request: Any) -> int:
    """How many rows a request brings; 0 when it cannot be read, which the service words."""
    if request is None:
        return 0
    if request.HasField("proto_rows"):
        return len(request.proto_rows.rows.serialized_rows)
    if not request.HasField("arrow_rows"):
        return 0
    from bqsim.storage.write.arrow_messages import batch_rows

    return batch_rows(request.arrow_rows.rows.serialized_record_batch)
