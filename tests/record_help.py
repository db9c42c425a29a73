"""Recordings of Google's Python client at the simulator, through the recording proxy."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bqsim.clients import query_client, read_client, write_client
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.proxy import RecordingProxy
from bqsim.record.recorder import Recorder


@dataclass(slots=True)
class Clients:
    """What a program under recording has: clients at the proxy, and its address."""

    url: str
    grpc_target: str
    project: str

    def client(self, **options: Any) -> Any:
        """Google's client of the REST API."""
        return query_client(self.url, self.project, self.read_client, **options)

    def read_client(self) -> Any:
        """Google's client of the read API."""
        return read_client(self.grpc_target)

    def write_client(self) -> Any:
        """Google's client of the write API."""
        return write_client(self.grpc_target)


Work = Callable[[Clients], object]


@contextlib.contextmanager
def recording(simulator: Any, folder: Path, project: str, **options: Any) -> Iterator[Clients]:
    """Record what is done inside into ``folder``."""
    recorder = Recorder(folder, **options)
    proxy = RecordingProxy(recorder, upstream=simulator.url, upstream_grpc=simulator.grpc_target)
    with proxy:
        yield Clients(proxy.url, proxy.grpc_target, project)
    recorder.finish()


def recorded(simulator: Any, folder: Path, work: Work, project: str = "", **options: Any) -> Cassette:
    """The cassette of what ``work`` does, recorded at ``simulator`` (the ``bqsim`` fixture)."""
    with recording(simulator, folder, project or simulator.project, **options) as clients:
        work(clients)
    return Cassette.open(folder)
