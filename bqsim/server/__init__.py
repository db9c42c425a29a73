"""The wire: REST, uploads, batches, discovery and administration over HTTP, the Storage API over gRPC."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bqsim.server.core import Core
    from bqsim.server.grpc.server import GrpcServer
    from bqsim.server.http import HttpServer

__all__ = ["build_grpc_server", "build_server"]


def build_server(core: Core, scope: str = "") -> HttpServer:
    """An HTTP server of a simulator, not yet listening; ``scope`` is the name of its port, if it has one."""
    from bqsim.server.http import HttpServer
    from bqsim.server.rest.app import RestApp

    app = RestApp(core)
    return HttpServer(app.handle, app.refusal, core.clock, scope)


def build_grpc_server(core: Core, loop: asyncio.AbstractEventLoop, scope: str = "") -> GrpcServer:
    """A gRPC server of a simulator whose event loop is ``loop``, not yet listening; else as above."""
    from bqsim.server.grpc.server import GrpcServer

    return GrpcServer(core, loop, scope)
