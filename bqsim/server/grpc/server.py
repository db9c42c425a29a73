"""The gRPC server: options, start, stop."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc

from .calls import Calls
from .methods import METHODS, PACKAGE, VERSIONS, service_names
from .threads import CallThreads

if TYPE_CHECKING:
    from bqsim.server.core import Core

    from .health import Health

# What the service refuses with words of its own arrives whole; what is far beyond, gRPC refuses.
MAX_REQUEST_BYTES = 64 * 1024 * 1024
# How long a stop waits for unary calls, then for streams to end by themselves, then for gRPC.
UNARY_GRACE_S = 2.0
STREAM_GRACE_S = 0.5
LAST_GRACE_S = 5.0

HEALTH = "grpc.health.v1.Health"

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    # A port that somebody else listens on is an error.
    ("grpc.so_reuseport", 0),
    # Clients ping as they like, also without calls.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
)


class GrpcServer:
    """Serves the methods of :data:`METHODS` for every version, health and reflection."""

    def __init__(self, core: Core, loop: asyncio.AbstractEventLoop) -> None:
        """``loop`` is the event loop of the gate's hooks; it must run until :meth:`stop` has returned."""
        self._calls = Calls(core, loop)
        self._threads = CallThreads()
        self._health: Health | None = None
        self._server: Any = grpc.server(
            self._threads,
            handlers=[*self._services(), _OnDemand("/grpc.", self._tools)],
            options=OPTIONS,
            maximum_concurrent_rpcs=core.settings.max_grpc_calls,
        )

    def start(self, host: str, port: int) -> int:
        """Listen; the port, also when 0 asked for a free one. ``OSError`` when it is taken."""
        check_free(host, port)
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound: int = self._server.add_insecure_port(address)
        except RuntimeError:
            raise OSError(errno.EADDRINUSE, f"cannot listen on gRPC address {address}") from None
        self._server.start()
        return bound

    def stop(self, end_streams: Callable[[], None]) -> None:
        """Take no more calls; let unary calls end, then end streams; never hangs.

        ``end_streams`` asks the services to end theirs.
        """
        if self._health is not None:
            self._health.shut_down()
        ended: threading.Event = self._server.stop(UNARY_GRACE_S + STREAM_GRACE_S)
        self._calls.close()
        self._calls.wait_for_unary(UNARY_GRACE_S)
        end_streams()
        if not ended.wait(STREAM_GRACE_S):
            self._server.stop(0).wait(LAST_GRACE_S)
        self._threads.shutdown()

    def _services(self) -> list[Any]:
        handlers = []
        for version in VERSIONS:
            for service in dict.fromkeys(m.service for m in METHODS):
                methods = {m.name: self._calls.handler(m) for m in METHODS if m.service == service}
                name = f"{PACKAGE}.{version}.{service}"
                handlers.append(grpc.method_handlers_generic_handler(name, methods))
        return handlers

    def _tools(self) -> tuple[Any, ...]:
        """Health and reflection."""
        from . import reflection
        from .health import Health

        names = service_names()
        self._health = Health(names)
        return (self._health.handler(), *reflection.handlers((*names, HEALTH)))


class _OnDemand:
    """Generic handlers that are made, with what they import, at the first call below a prefix."""

    def __init__(self, prefix: str, make: Callable[[], tuple[Any, ...]]) -> None:
        self._prefix = prefix
        self._make = make
        self._made: tuple[Any, ...] | None = None

    def service(self, details: Any) -> Any:
        """The handler of a call; None when it is another's."""
        if not details.method.startswith(self._prefix):
            return None
        # gRPC asks on one thread.
        if self._made is None:
            self._made = self._make()
        found = (handler.service(details) for handler in self._made)
        return next((handler for handler in found if handler is not None), None)


def check_free(host: str, port: int) -> None:
    """``OSError`` when a port is taken: gRPC itself would say so on standard error only."""
    family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, proto) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as e:
            text = f"cannot listen on gRPC port {port} of {host}: {e.strerror}"
            raise OSError(e.errno, text) from None
