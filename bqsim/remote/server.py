"""A simulator that runs elsewhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from bqsim import clients

from .control import Remote
from .wire import Wire

DEFAULT_PROJECT = "bqsim-project"


class RemoteSimulator(Remote):
    """What ``Simulator`` is to code under test, for one that another process serves at ``url``.

    Raises :class:`RemoteError` when it does not answer.
    """

    def __init__(self, url: str, project: str = DEFAULT_PROJECT) -> None:
        super().__init__(Wire(url))
        self.project = project
        host = urlsplit(self.url).hostname
        self.grpc_target = f"{host}:{self.wire.get('health')['grpcPort']}"

    @property
    def url(self) -> str:
        """The address of the REST API."""
        return self.wire.url

    def environment(self) -> dict[str, str]:
        """Environment variables that point clients there."""
        return {
            "BIGQUERY_EMULATOR_HOST": self.url,
            "BIGQUERY_STORAGE_GRPC_ENDPOINT": self.grpc_target,
            "STORAGE_EMULATOR_HOST": self.url,
            "GOOGLE_CLOUD_PROJECT": self.project,
        }

    def client(self, project: str | None = None, **options: Any) -> Any:
        """Google's ``bigquery.Client``. ModuleNotFoundError without ``bqsim[client]``."""
        return clients.query_client(self.url, project or self.project, self.read_client, **options)

    def read_client(self) -> Any:
        """Google's ``BigQueryReadClient``; else as :meth:`client`."""
        return clients.read_client(self.grpc_target)

    def write_client(self) -> Any:
        """Google's ``BigQueryWriteClient``; else as :meth:`client`."""
        return clients.write_client(self.grpc_target)

    def data(self, *sources: Any, existing: str = "refuse", seed: int = 0) -> dict[str, int]:
        """Put seeds in, as ``Simulator.data``."""
        from bqsim.seeding import fill

        return fill(self.url, self.project, sources, existing, seed)

    def fill(self, project: str, tables: Any, seed: int = 0) -> dict[str, int]:
        """Append rows to tables, see :func:`bqsim.jobs.filling.fill`."""
        from bqsim.jobs.filling import as_json

        body = {"project": project, "tables": as_json(tables), "seed": seed}
        found: dict[str, int] = self.wire.call("POST", "data", body)["rows"]
        return found
