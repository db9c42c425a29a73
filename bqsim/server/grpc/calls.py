"""Around each call: who calls, the gate, cancellation, and what a failure becomes."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl

import grpc
from google.protobuf.message import DecodeError

from bqsim.codecs.messages import parse
from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError
from bqsim.sim.gate import Call, Life
from bqsim.sim.stale import look_through
from bqsim.storage.errors import StorageFailure, invalid_argument

from .methods import Incoming, Method, Shape
from .passage import Noted, Passage, passes
from .status import status_of

if TYPE_CHECKING:
    from bqsim.server.core import Core

log = logging.getLogger(__name__)

ROUTING = "x-goog-request-params"


class Calls:
    """Makes gRPC handlers of methods; :meth:`close` lets open streams end."""

    def __init__(self, core: Core, loop: asyncio.AbstractEventLoop) -> None:
        """``loop`` is where the hooks of the gate run."""
        self.core = core
        self._loop = loop
        self._closing = threading.Event()
        self._idle = threading.Condition()
        self._unary = 0

    def handler(self, method: Method) -> Any:
        """The gRPC handler of a method; messages stay bytes on gRPC's side."""
        make, serve = _HANDLERS[method.shape]
        return make(lambda request, context: serve(self, method, request, context))

    def close(self) -> None:
        """End streams at their next message."""
        self._closing.set()

    def wait_for_unary(self, seconds: float) -> bool:
        """Wait until no unary call runs; whether that came to be."""
        with self._idle:
            return self._idle.wait_for(lambda: self._unary == 0, seconds)

    # One function for each shape

    def _serve_unary(self, method: Method, data: bytes, context: Any) -> bytes:
        with self._counted():
            try:
                encoded: bytes = self._run(method, data, context).SerializeToString()
                return encoded
            except Exception as error:
                self._fail(method, error, context)

    def _serve_stream(self, method: Method, data: bytes, context: Any) -> Iterator[bytes]:
        messages: Iterator[bytes] = iter(())
        try:
            messages = self._run(method, data, context)
            for message in messages:
                yield message
                if self._closing.is_set():
                    raise restarted("UNAVAILABLE")
        except Exception as error:
            self._fail(method, error, context)
        finally:
            _close(messages)

    def _serve_exchange(self, method: Method, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        answers: Iterator[bytes] = iter(())
        arriving: Arriving | None = None
        try:
            arriving = Arriving(self, method, self._incoming(context), requests)
            answers = method.run(self.core, arriving, arriving.incoming)
            for answer in answers:
                yield arriving.answered(answer)
                if self._closing.is_set():
                    raise restarted("ABORTED")
            arriving.check()
        except Exception as error:
            self._fail(method, arriving.failed(error) if arriving is not None else error, context)
        finally:
            _close(answers)

    # What they share

    def _run(self, method: Method, data: bytes, context: Any) -> Any:
        """What the service answers to a request, through the gate."""
        incoming = self._incoming(context)
        request = decode(method.request, data)
        return passes(
            self.core.gate,
            _call(method, incoming, method.resource_of(request), request, len(data)),
            self._loop,
            lambda: method.run(self.core, request, incoming),
        )

    def enter(self, method: Method, incoming: Incoming, data: bytes, resource: str) -> tuple[Passage, str]:
        """Let one message of a stream enter the gate; with the resource that it, or one before it, names."""
        try:
            request = decode(method.request, data)
        except StorageFailure:
            # The service words this one.
            request = None
        else:
            resource = method.resource_of(request) or resource
        call = _call(method, incoming, resource, request, len(data))
        return Passage(self.core.gate, call, self._loop), resource

    def _incoming(self, context: Any) -> Incoming:
        headers = {k: v for k, v in context.invocation_metadata() if isinstance(v, str)}
        gone, life = threading.Event(), Life()
        for ended in (gone.set, life.end):
            if not context.add_callback(ended):
                ended()
        caller = self.core.authenticator.caller(headers.get("authorization", ""))
        params = dict(parse_qsl(headers.get(ROUTING, ""), keep_blank_values=True))
        return Incoming(caller.email, headers, params, gone.is_set, caller.groups, life)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            self._unary += 1
        try:
            yield
        finally:
            with self._idle:
                self._unary -= 1
                self._idle.notify_all()

    def _fail(self, method: Method, error: Exception, context: Any) -> NoReturn:
        context.abort_with_status(status_of(self._failure(method, error, context)))
        raise error

    def _failure(self, method: Method, error: Exception, context: Any) -> StorageFailure | BigQueryError:
        """What the client is told; a defect of ours is logged under an id that the answer names."""
        if isinstance(error, (StorageFailure, BigQueryError)):
            return error
        if isinstance(error, (Interrupted, CancelledError)):
            if context.is_active():
                return restarted("UNAVAILABLE")
            return StorageFailure("CANCELLED", "The call was cancelled.")
        defect = self.core.draws.hex_id("defect", 12)
        log.error("defect %s in %s", defect, method.id, exc_info=error)
        text = f"An internal error occurred and the request could not be completed. Error: {defect}"
        return StorageFailure("INTERNAL", text)


class Arriving:
    """The requests of a stream, each let through the gate as it is taken; ends early at a refusal.

    The service may take requests on a thread of its own, and answers them in their order.
    """

    def __init__(self, calls: Calls, method: Method, incoming: Incoming, requests: Iterator[bytes]) -> None:
        self.incoming = incoming
        self._calls = calls
        self._method = method
        self._requests = requests
        self._resource = incoming.params.get(method.resource, "")
        self._open: deque[Passage | Noted] = deque()
        self._refusal: Exception | None = None

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
        gate = self._calls.core.gate
        plain = _call(self._method, self.incoming, self._resource, None, len(data))
        if gate.quiet(plain):
            self._open.append(Noted(gate, plain))
            look_through(None)
            return data
        try:
            passage, self._resource = self._calls.enter(self._method, self.incoming, data, self._resource)
        except Exception as refusal:
            self._refusal = refusal
            raise StopIteration from None
        self._open.append(passage)
        look_through(passage.view)
        return data

    def answered(self, answer: bytes) -> bytes:
        """The answer to send for the oldest request without one."""
        passage = self._open.popleft()
        if isinstance(passage, Noted):
            passage.leave()
            return answer
        sent = passage.leave(self._method.answer.FromString(answer))
        encoded: bytes = sent.SerializeToString()
        return encoded

    def failed(self, error: Exception) -> Exception:
        """The stream ends by ``error``: so do the passages of the requests without an answer."""
        while self._open:
            passage = self._open.popleft()
            try:
                passage.fail(error)
            except Exception as made:
                error = made
        return error

    def check(self) -> None:
        """Raise what the gate raised for a request, once those before it are answered."""
        if self._refusal is not None:
            raise self._refusal


def decode(message: Any, data: bytes) -> Any:
    """A request from its bytes; INVALID_ARGUMENT when they are none."""
    try:
        return parse(message, data)
    except DecodeError:
        name = message.DESCRIPTOR.name
        raise invalid_argument(f"The request is not a valid {name} message.") from None


def decoding(message: Any, serve: Callable[[Any, Any], Any]) -> Callable[[bytes, Any], Any]:
    """A handler of request bytes that gives the request to ``serve``: gRPC itself would end with INTERNAL."""

    def handle(data: bytes, context: Any) -> Any:
        return serve(_decoded(message, data, context), context)

    return handle


def decoding_each(
    message: Any, serve: Callable[[Iterator[Any], Any], Any]
) -> Callable[[Iterator[bytes], Any], Any]:
    """:func:`decoding` for a stream of requests."""

    def handle(requests: Iterator[bytes], context: Any) -> Any:
        return serve((_decoded(message, data, context) for data in requests), context)

    return handle


def _decoded(message: Any, data: bytes, context: Any) -> Any:
    try:
        return decode(message, data)
    except StorageFailure as failure:
        return context.abort_with_status(status_of(failure))


def restarted(status: str) -> StorageFailure:
    """What ends streams at a stop; clients connect again on both statuses."""
    text = "Closing the stream because server is restarted. This is expected; connect again."
    return StorageFailure(status, text)


def _call(method: Method, incoming: Incoming, resource: str, body: Any, size: int) -> Call:
    return Call(
        "grpc",
        method.id,
        resource,
        incoming.caller,
        body,
        incoming.headers,
        incoming.groups,
        size=size,
        life=incoming.life,
    )


def _close(messages: Iterator[bytes]) -> None:
    """Let a generator give back what it holds now, on this thread."""
    close = getattr(messages, "close", None)
    if close is not None:
        close()


Serve = Callable[[Calls, Method, Any, Any], Any]

_HANDLERS: dict[Shape, tuple[Callable[[Any], Any], Serve]] = {
    Shape.UNARY: (grpc.unary_unary_rpc_method_handler, Calls._serve_unary),
    Shape.SERVER_STREAM: (grpc.unary_stream_rpc_method_handler, Calls._serve_stream),
    Shape.BOTH_STREAM: (grpc.stream_stream_rpc_method_handler, Calls._serve_exchange),
}
