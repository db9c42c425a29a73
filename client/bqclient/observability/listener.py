"""Who is told of every call as it passes: recorders, for tests."""

from __future__ import annotations

from typing import Protocol

Headers = tuple[tuple[str, str], ...]


class CallListener(Protocol):
    """One call. Bytes are told as they pass: REST bodies in pieces, encoded as their headers say; gRPC
    messages whole. What it does must not block, nor raise."""

    def sent(self, data: bytes) -> None:
        """This was sent."""
        ...

    def answered(self, status: int, headers: Headers) -> None:
        """The head of the answer came; for gRPC 200 and the initial metadata."""
        ...

    def received(self, data: bytes) -> None:
        """This came."""
        ...

    def ended(self, code: str = "", trailers: Headers = (), message: str = "", broken: str = "") -> None:
        """The call is over: gRPC's status, trailing metadata and details; ``broken`` is how it ended without
        a whole answer: ``refused``, ``timeout``, ``tls``, ``reset``, ``closed``, ``cancelled``."""
        ...


class Listener(Protocol):
    """Is told of calls: every sending of one, retries too. ``bqsim.record.recorder.Recorder`` is one."""

    def begin(self, transport: str, verb: str, target: str, headers: Headers, host: str = "") -> CallListener:
        """A call begins: ``rest`` with verb, path and query; or ``grpc`` with '' and the method's path.
        Headers have their credentials."""
        ...
