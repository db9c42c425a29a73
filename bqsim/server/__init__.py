"""The wire: REST, uploads, batches, discovery and administration over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bqsim.server.core import Core
    from bqsim.server.http import HttpServer

__all__ = ["build_server"]


def build_server(core: Core) -> HttpServer:
    """The HTTP server of a simulator, not yet listening."""
    from bqsim.server.http import HttpServer
    from bqsim.server.rest.app import RestApp

    app = RestApp(core)
    return HttpServer(app.handle, app.refusal)
