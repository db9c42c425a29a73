"""The gRPC server: options, start, stop."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc

from .calls import Calls
from .front.sockets import REUSE_PORT, bound, resolved, steer
from .methods import METHODS, PACKAGE, VERSIONS, service_names
from .threads import CallThreads

if TYPE_CHECKING:
    from bqsim.server.core import Core

    from .front.front import Front
    from .health import Health

# What the service refuses with words of its own arrives whole; what is far beyond, gRPC refuses.
MAX_REQUEST_BYTES = 64 * 1024 * 1024
# How long a stop waits for unary calls, then for streams to end by themselves, then for gRPC.
UNARY_GRACE_S = 2.0
STREAM_GRACE_S = 0.5
LAST_GRACE_S = 5.0

HEALTH = "grpc.health.v1.Health"

# How long connections that wait at a listening socket may take to be accepted.
ACCEPT_S = 0.01
# How long calls of a server that no longer listens may go on.
RETIRED_S = 7 * 24 * 3600.0

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    # Clients ping as they like, also without calls.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
)
# Servers that take turns at a port share it for a moment. See check_free for ports of others.
_DIRECT = (("grpc.so_reuseport", int(REUSE_PORT is not None)),)
# The front leaves out header blocks of streams that it ends: none may build on another one.
_BEHIND = (("grpc.so_reuseport", 0), ("grpc.http2.hpack_table_size.encoder", 0))


class GrpcServer:
    """Serves the methods of :data:`METHODS` for every version, health and reflection.

    Its port is gRPC's own, until connections are to suffer faults: :meth:`arm` puts a forwarder there that
    can do so, :meth:`disarm` takes it away. Calls that run go on where they are, and clients connect again.
    """

    def __init__(self, core: Core, loop: asyncio.AbstractEventLoop, scope: str = "") -> None:
        """``loop`` is the event loop of the gate's hooks; it must run until :meth:`stop` has returned.

        ``scope`` is the name of the port, if it has one.
        """
        self._core = core
        self._calls = Calls(core, loop, scope)
        self._health: Health | None = None
        self._tools = _OnDemand("/grpc.", self._make_tools)
        self._switching = threading.Lock()
        self._address = ("", 0)
        self._front: Front | None = None
        self._armed = False
        self._stopped = False
        # The socket of the front while it listens.
        self._sock: socket.socket | None = None
        # At the public port, and behind the front.
        self._direct: _Serving | None = None
        self._inner: _Serving | None = None
        self._retired: list[_Serving] = []

    @property
    def armed(self) -> bool:
        """Whether connections can suffer faults."""
        return self._armed

    def start(self, host: str, port: int, front: bool = False) -> int:
        """Listen; the port, also when 0 asked for a free one. ``OSError`` when it is taken.

        ``front``: armed from the start.
        """
        check_free(host, port)
        with self._switching:
            self._address = (host, port)
            if front:
                self._address = (host, self._listen().getsockname()[1])
            else:
                self._direct = _Serving(self, None, host, port)
                self._address = (host, self._direct.port)
            self._armed = front
            return self._address[1]

    def arm(self) -> None:
        """Let connections from now on suffer the faults that calls are told. Idempotent, thread-safe."""
        self._switch(True)

    def disarm(self) -> None:
        """Let gRPC serve its port itself again. Idempotent, thread-safe."""
        self._switch(False)

    def stop(self, end_streams: Callable[[], None]) -> None:
        """Take no more calls; let unary calls end, then end streams; never hangs.

        ``end_streams`` asks the services to end theirs.
        """
        with self._switching:
            servers = [s for s in (*self._retired, self._direct, self._inner) if s is not None]
            self._stopped = True
            if self._health is not None:
                self._health.shut_down()
            if self._front is not None:
                self._front.stop_listening()
            ended = [server.stop(UNARY_GRACE_S + STREAM_GRACE_S) for server in servers]
            self._calls.close()
            self._calls.wait_for_unary(UNARY_GRACE_S)
            end_streams()
            patience = time.monotonic() + STREAM_GRACE_S
            for server, event in zip(servers, ended, strict=True):
                if not event.wait(max(patience - time.monotonic(), 0)):
                    server.stop(0).wait(LAST_GRACE_S)
                server.threads.shutdown()
            if self._front is not None:
                self._front.close()

    # Taking turns at the port

    def _switch(self, armed: bool) -> None:
        with self._switching:
            if self._stopped or self._armed == armed:
                return
            self._take_over() if armed else self._give_back()
            self._armed = armed

    def _take_over(self) -> None:
        """Put the front in gRPC's place."""
        direct = self._direct
        if REUSE_PORT is None and direct is not None:
            self._retire(direct)
        # What listens last is of index 1.
        steered = steer(self._listen(), 1)
        self._calls.connections.port = self._address[1]
        self._calls.connections.moving = True
        if not steered and REUSE_PORT is not None and direct is not None:
            self._retire(direct)

    def _give_back(self) -> None:
        """Put gRPC in the front's place."""
        assert self._front is not None
        assert self._sock is not None
        if REUSE_PORT is None:
            self._front.stop_listening()
        index = 0
        if self._direct is None:
            self._direct = _Serving(self, None, *self._address)
            index = 1
        steer(self._sock, index)
        self._calls.connections.moving = False
        time.sleep(ACCEPT_S)
        self._front.stop_listening()
        self._sock = None
        self._front.send_away()

    def _listen(self) -> socket.socket:
        """Let the front listen at the public port; its socket."""
        from .front.front import Front

        if self._front is None:
            self._front = Front(self._core.clock)
        if self._inner is None:
            self._inner = _Serving(self, self._front, "127.0.0.1", 0)
        self._sock = bound(*self._address)
        self._front.listen(self._sock, self._inner.port)
        return self._sock

    def _retire(self, server: _Serving) -> None:
        """Stop a server where connections cannot be steered; calls that arrive meanwhile are cancelled."""
        server.stop(RETIRED_S)
        self._retired.append(server)
        self._direct = None

    # Handlers

    def handlers(self, front: Front | None) -> list[Any]:
        """The generic handlers of everything, behind ``front`` if given."""
        handlers = []
        for version in VERSIONS:
            for service in dict.fromkeys(m.service for m in METHODS):
                methods = {m.name: self._calls.handler(m, front) for m in METHODS if m.service == service}
                name = f"{PACKAGE}.{version}.{service}"
                handlers.append(grpc.method_handlers_generic_handler(name, methods))
        return [*handlers, self._tools]

    @property
    def max_calls(self) -> int:
        """How many calls each server takes at once."""
        return self._core.settings.max_grpc_calls

    def _make_tools(self) -> tuple[Any, ...]:
        """Health and reflection."""
        from . import reflection
        from .health import Health

        names = service_names()
        self._health = Health(names)
        return (self._health.handler(), *reflection.handlers((*names, HEALTH)))


class _Serving:
    """One server of gRPC's library, listening and started."""

    def __init__(self, owner: GrpcServer, front: Front | None, host: str, port: int) -> None:
        self.threads = CallThreads()
        self._server: Any = grpc.server(
            self.threads,
            handlers=owner.handlers(front),
            options=OPTIONS + (_DIRECT if front is None else _BEHIND),
            maximum_concurrent_rpcs=owner.max_calls,
        )
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self.port: int = self._server.add_insecure_port(address)
        except RuntimeError:
            raise OSError(errno.EADDRINUSE, f"cannot listen on gRPC address {address}") from None
        self._server.start()

    def stop(self, grace_s: float) -> threading.Event:
        """Take no more calls; the event is set once those that run have ended, by ``grace_s`` at last."""
        event: threading.Event = self._server.stop(grace_s)
        return event


class _OnDemand:
    """Generic handlers that are made, with what they import, at the first call below a prefix."""

    def __init__(self, prefix: str, make: Callable[[], tuple[Any, ...]]) -> None:
        self._prefix = prefix
        self._make = make
        self._making = threading.Lock()
        self._made: tuple[Any, ...] | None = None

    def service(self, details: Any) -> Any:
        """The handler of a call; None when it is another's."""
        if not details.method.startswith(self._prefix):
            return None
        with self._making:
            if self._made is None:
                self._made = self._make()
        found = (handler.service(details) for handler in self._made)
        return next((handler for handler in found if handler is not None), None)


def check_free(host: str, port: int) -> None:
    """``OSError`` when a port is taken: gRPC itself would say so on standard error only."""
    family, kind, proto, _, address = resolved(host, port)
    with socket.socket(family, kind, proto) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as e:
            text = f"cannot listen on gRPC port {port} of {host}: {e.strerror}"
            raise OSError(e.errno, text) from None
