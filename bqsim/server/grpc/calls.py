"""Around each call: who calls, the gate, cancellation, and what a failure becomes."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl

import grpc

from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError
from bqsim.sim.effects.failures import NetworkFault
from bqsim.sim.gate import Call, Ending, Life
from bqsim.storage.errors import StorageFailure

from .arriving import Arriving
from .decoding import decode
from .line import HEADER, Line
from .methods import Incoming, Method, Shape
from .moving import Connections
from .passage import passes
from .status import explained, status_of

if TYPE_CHECKING:
    from bqsim.server.core import Core

    from .front.front import Front

log = logging.getLogger(__name__)

ROUTING = "x-goog-request-params"


class Rpc:
    """One RPC while it is served: its connection, and what the gate made of it."""

    __slots__ = ("call", "context", "ending", "line")

    def __init__(self, context: Any) -> None:
        self.context = context
        self.line = Line()
        self.call: Call | None = None
        self.ending = Ending()


class Calls:
    """Makes gRPC handlers of methods; :meth:`close` lets open streams end."""

    def __init__(self, core: Core, loop: asyncio.AbstractEventLoop, scope: str = "") -> None:
        """``loop`` is where the hooks of the gate run; ``scope`` the name of the port, if it has one."""
        self.core = core
        self._loop = loop
        self._scope = scope
        self.connections = Connections()
        self._closing = threading.Event()
        self._idle = threading.Condition()
        self._unary = 0

    def handler(self, method: Method, front: Front | None = None) -> Any:
        """The gRPC handler of a method, behind ``front`` if given; messages stay bytes on gRPC's side."""
        make, serve = _HANDLERS[method.shape]
        return make(lambda request, context: serve(self, method, request, context, front))

    def close(self) -> None:
        """End streams at their next message."""
        self._closing.set()

    def wait_for_unary(self, seconds: float) -> bool:
        """Wait until no unary call runs; whether that came to be."""
        with self._idle:
            return self._idle.wait_for(lambda: self._unary == 0, seconds)

    # One function for each shape

    def _serve_unary(self, method: Method, data: bytes, context: Any, front: Front | None) -> bytes:
        with self._counted():
            rpc = Rpc(context)
            try:
                encoded: bytes = self._run(method, data, rpc, front).SerializeToString()
                return encoded
            except Exception as error:
                self._fail(method, error, rpc)

    def _serve_stream(
        self, method: Method, data: bytes, context: Any, front: Front | None
    ) -> Iterator[bytes]:
        messages: Iterator[bytes] = iter(())
        rpc = Rpc(context)
        try:
            messages = self._run(method, data, rpc, front)
            for message in messages:
                yield rpc.line.sent(message)
                if self._closing.is_set():
                    raise restarted("UNAVAILABLE")
            # Whoever has read the last message finds the call in the journal.
            rpc.ending.end()
        except Exception as error:
            self._fail(method, error, rpc)
        finally:
            _close(messages)
            rpc.ending.end(StorageFailure("CANCELLED", "The call was cancelled."))

    def _serve_exchange(
        self, method: Method, requests: Iterator[bytes], context: Any, front: Front | None
    ) -> Iterator[bytes]:
        answers: Iterator[bytes] = iter(())
        arriving: Arriving | None = None
        rpc = Rpc(context)
        try:
            incoming = self._incoming(rpc, front)
            arriving = Arriving(self.core, self._loop, method, incoming, requests, rpc.line)
            answers = method.run(self.core, arriving, incoming)
            for answer in answers:
                if incoming.cancelled():
                    arriving.abandoned(chain((answer,), answers))
                    return
                yield arriving.answered(answer)
                if self._closing.is_set():
                    raise restarted("ABORTED")
            arriving.check()
        except Exception as error:
            self._fail(method, arriving.failed(error) if arriving is not None else error, rpc)
        except GeneratorExit:
            if arriving is not None:
                arriving.abandoned(answers)
            raise
        finally:
            _close(answers)

    # What they share

    def _run(self, method: Method, data: bytes, rpc: Rpc, front: Front | None) -> Any:
        """What the service answers to a request, through the gate."""
        incoming = self._incoming(rpc, front)
        request = decode(method.request, data)
        call = rpc.call = incoming.call(method, method.resource_of(request), request, len(data))
        if method.shape is Shape.SERVER_STREAM:
            call.ending = rpc.ending
            incoming = replace(incoming, plan=lambda: call.stream)
        answer = passes(
            self.core.gate,
            call,
            self._loop,
            lambda: method.run(self.core, request, incoming),
            lambda failure: method.told(request, failure),
        )
        rpc.line.sending(call.sending)
        if call.explain:
            rpc.context.set_trailing_metadata(explained(call.explain))
        return answer

    def _incoming(self, rpc: Rpc, front: Front | None) -> Incoming:
        context = rpc.context
        headers = {k: v for k, v in context.invocation_metadata() if isinstance(v, str)}
        key = headers.pop(HEADER, "")
        if front is not None:
            rpc.line = Line(front, key)
        elif not self.connections.enter(context):
            raise StorageFailure("UNAVAILABLE", "The connection ends. Connect again.")
        gone, life = threading.Event(), Life()
        for ended in (gone.set, life.end):
            if not context.add_callback(ended):
                ended()
        caller = self.core.authenticator.caller(headers.get("authorization", ""))
        params = dict(parse_qsl(headers.get(ROUTING, ""), keep_blank_values=True))
        return Incoming(caller.email, headers, params, gone.is_set, caller.groups, life, self._scope)

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

    def _fail(self, method: Method, error: Exception, rpc: Rpc) -> NoReturn:
        if isinstance(error, NetworkFault):
            error = rpc.line.lost(error, rpc.context)
        explain = rpc.call.explain if rpc.call is not None else ""
        failure = self._failure(method, error, rpc.context)
        rpc.ending.end(failure)
        rpc.context.abort_with_status(status_of(failure, explain))
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


def restarted(status: str) -> StorageFailure:
    """What ends streams at a stop; clients connect again on both statuses."""
    text = "Closing the stream because server is restarted. This is expected; connect again."
    return StorageFailure(status, text)


def _close(messages: Iterator[bytes]) -> None:
    """Let a generator give back what it holds now, on this thread."""
    close = getattr(messages, "close", None)
    if close is not None:
        close()


Serve = Callable[[Calls, Method, Any, Any, Any], Any]

_HANDLERS: dict[Shape, tuple[Callable[[Any], Any], Serve]] = {
    Shape.UNARY: (grpc.unary_unary_rpc_method_handler, Calls._serve_unary),
    Shape.SERVER_STREAM: (grpc.unary_stream_rpc_method_handler, Calls._serve_stream),
    Shape.BOTH_STREAM: (grpc.stream_stream_rpc_method_handler, Calls._serve_exchange),
}
