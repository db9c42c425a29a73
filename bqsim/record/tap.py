"""Where calls are seen as they pass: what proxies and hooks of clients tell a recorder."""

from __future__ import annotations

from typing import Protocol

from .model import Headers


class Call(Protocol):
    """One call as it passes. Bytes are given as they come, in pieces of any size (REST: of the body without
    transfer encoding, as the headers say encoded; gRPC: whole messages). Never blocks, never raises."""

    def sent(self, data: bytes) -> None:
        """The client sent this."""
        ...

    def answered(self, status: int, headers: Headers) -> None:
        """The head of the answer came: an HTTP status and headers; for gRPC 200 and the initial metadata."""
        ...

    def received(self, data: bytes) -> None:
        """The service sent this."""
        ...

    def ended(self, code: str = "", trailers: Headers = (), message: str = "", broken: str = "") -> None:
        """The call is over. gRPC: status code name, trailing metadata, details. ``broken``: how it ended
        without a whole answer: ``refused``, ``timeout``, ``tls``, ``reset``, ``closed``, ``malformed``, or
        ``cancelled`` by the client."""
        ...


class Tap(Protocol):
    """Sees calls; thread-safe."""

    def begin(self, transport: str, verb: str, target: str, headers: Headers, host: str = "") -> Call:
        """A call came in for ``host``: a REST request's verb and target (path and query), or ``""`` and the
        path of a gRPC method (``/google.cloud.bigquery.storage.v1.BigQueryRead/ReadRows``)."""
        ...
