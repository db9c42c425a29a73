"""Further ports of a simulator, each with the name of a scope."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bqsim.errors import already_exists, invalid, not_found

if TYPE_CHECKING:
    from bqsim.server.core import Core
    from bqsim.server.grpc.server import GrpcServer
    from bqsim.server.http import HttpServer


@dataclass(frozen=True, slots=True)
class Ports:
    """What comes in by these ports is of ``scope``."""

    scope: str
    port: int
    grpc_port: int


@dataclass(slots=True)
class _Open:
    ports: Ports
    http: HttpServer
    grpc: GrpcServer
    let_go: Callable[[], None]


class Listeners:
    """The named ports; belongs to the event loop of the server."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._open: dict[str, _Open] = {}
        self._turn = asyncio.Lock()

    def list(self) -> tuple[Ports, ...]:
        """The ports that are open, the oldest first."""
        return tuple(one.ports for one in self._open.values())

    async def open(self, scope: str, port: int = 0, grpc_port: int = 0) -> Ports:
        """Listen for a scope, on free ports where 0 is given.

        400 without a name, 409 when the scope has ports already; ``OSError`` for a port that is taken.
        """
        from bqsim.server import build_grpc_server, build_server

        core = self._core
        if not scope:
            raise invalid("A port needs the name of a scope.", "name")
        async with self._turn:
            if scope in self._open:
                raise already_exists("Scope", scope)
            http = build_server(core, scope)
            bound = await http.start(core.settings.host, port)
            try:
                grpc = await asyncio.to_thread(build_grpc_server, core, asyncio.get_running_loop(), scope)
                ports = Ports(scope, bound, grpc.start(core.settings.host, grpc_port))
            except OSError:
                await http.stop()
                raise
            from bqsim.server.grpc.arming import keep_armed

            self._open[scope] = _Open(ports, http, grpc, keep_armed(grpc, core.simulation))
            return ports

    async def close(self, scope: str) -> None:
        """Close the ports of a scope. 404 when it has none."""
        async with self._turn:
            found = self._open.pop(scope, None)
            if found is None:
                raise not_found("Scope", scope)
            await _close(found)

    async def stop(self) -> None:
        """Close all ports."""
        async with self._turn:
            while self._open:
                await _close(self._open.popitem()[1])


async def _close(one: _Open) -> None:
    one.let_go()
    # The streams of this port end at their next message.
    await asyncio.to_thread(one.grpc.stop, lambda: None)
    await one.http.stop()
