"""Further ports of a running simulator: what comes in by them is of one scope."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from bqsim import clients
from bqsim.sim.control.control import Scope

if TYPE_CHECKING:
    from bqsim.server.core import Core


class Port(Scope):
    """A scope with a REST and a gRPC port of its own; its rules match, its journal sees what comes in there.

    ``with`` closes the ports at the end and forgets the scope.
    """

    def __init__(self, core: Core, name: str, host: str, port: int = 0, grpc_port: int = 0) -> None:
        """Listen. ``BigQueryError`` when the scope has ports already, ``OSError`` when one is taken."""
        super().__init__(core.parts, name)
        self._core = core
        self._host = host
        opened = core.parts.run(core.listeners.open(name, port, grpc_port))
        self.port, self.grpc_port = opened.port, opened.grpc_port

    @property
    def url(self) -> str:
        """The address of the REST API."""
        return f"http://{self._host}:{self.port}"

    @property
    def grpc_target(self) -> str:
        """The address of the Storage API, ``host:port``."""
        return f"{self._host}:{self.grpc_port}"

    def client(self, project: str | None = None, **options: Any) -> Any:
        """Google's ``bigquery.Client`` for these ports. ModuleNotFoundError without ``bqsim[client]``."""
        return clients.query_client(
            self.url, project or self._core.settings.project, self.read_client, **options
        )

    def read_client(self) -> Any:
        """Google's ``BigQueryReadClient``."""
        return clients.read_client(self.grpc_target)

    def write_client(self) -> Any:
        """Google's ``BigQueryWriteClient``."""
        return clients.write_client(self.grpc_target)

    def close(self) -> None:
        """Close the ports, and forget the rules, latencies and plans of the scope. Idempotent."""
        listeners = self._core.listeners
        if any(ports.scope == self.scope_name for ports in listeners.list()):
            self._core.parts.run(listeners.close(self.scope_name))
            self.clear()

    def __enter__(self) -> Port:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
