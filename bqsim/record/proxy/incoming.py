"""A REST call as it comes in, by whatever version of HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from bqsim.record.model import Headers

# Of one connection only (RFC 9110, section 7.6.1), besides those that Connection names.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    }
)


def end_to_end(headers: Headers) -> Headers:
    """Headers without those that are of one connection; names in lower case."""
    lower = [(name.lower(), value) for name, value in headers]
    named = {
        word.strip().lower() for name, value in lower if name == "connection" for word in value.split(",")
    }
    dropped = _HOP_BY_HOP | named if named else _HOP_BY_HOP
    return tuple((name, value) for name, value in lower if name not in dropped)


def value_of(headers: Headers, name: str) -> str:
    """The first value of a header; '' when it is not there."""
    return next((value for given, value in headers if given == name), "")


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked: ``headers`` end to end, names in lower case, without ``host``; ``length`` None for a
    body whose length is not known before; ``base`` is the proxy's address as the client has it."""

    verb: str
    target: str
    headers: Headers
    base: str
    length: int | None
    expects: bool = False


class Incoming(Protocol):
    """A call and the way back to its client. Writing waits while the client is slow; it raises
    ConnectionError when the client is gone."""

    ask: Ask

    def pieces(self) -> AsyncIterator[bytes]:
        """The body, as it comes; reading pauses while nobody takes. ConnectionError when it ends early,
        BadBody when it is not what HTTP allows."""
        ...

    async def proceed(self) -> None:
        """Tell the client that the body is awaited (100)."""
        ...

    async def begin(
        self, status: int, reason: str, headers: Headers, *, bodiless: bool = False, together: bool = False
    ) -> None:
        """Send the head of the answer; ``together`` with its body, which is there already."""
        ...

    async def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        ...

    async def end(self) -> None:
        """The answer is whole."""
        ...

    def abort(self, *, reset: bool) -> None:
        """Cut the answer: the connection is reset, or closed."""
        ...


class BadBody(Exception):
    """The client's body is malformed."""
