"""A test's own part of a simulator in another process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bqsim.remote import Remote, RemoteSimulator

from .handle import TestSimulator


class RemoteTestSimulator(TestSimulator, Remote):
    """What the fixture ``bqsim`` gives where ``--bqsim-url`` or ``--bqsim-shared`` is."""

    def __init__(self, simulator: RemoteSimulator, project: str) -> None:
        Remote.__init__(self, simulator.wire.within(project))
        self._begin(simulator, project)

    def _fill(self, tables: Mapping[str, Any], seed: int) -> dict[str, int]:
        return self._server.fill(self.project, tables, seed)

    @property
    def _server(self) -> RemoteSimulator:
        server = self.simulator
        assert isinstance(server, RemoteSimulator)
        return server

    def _forget(self) -> None:
        self.retry_tests.clear()
        self.clear()
        self.wire.close()
