"""A tap that keeps what it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from bqsim.record.model import Headers


@dataclass
class HeardCall:
    """One call: all that was told of it."""

    transport: str
    verb: str
    target: str
    headers: Headers
    host: str
    sent_pieces: list[bytes] = field(default_factory=list)
    status: int = 0
    answer_headers: Headers = ()
    received_pieces: list[bytes] = field(default_factory=list)
    ends: list[tuple[str, Headers, str, str]] = field(default_factory=list)

    def sent(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        self.sent_pieces.append(data)

    def answered(self, status: int, headers: Headers) -> None:
        assert not self.status
        self.status, self.answer_headers = status, headers

    def received(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        self.received_pieces.append(data)

    def ended(self, code: str = "", trailers: Headers = (), message: str = "", broken: str = "") -> None:
        self.ends.append((code, trailers, message, broken))

    @property
    def request(self) -> bytes:
        return b"".join(self.sent_pieces)

    @property
    def response(self) -> bytes:
        return b"".join(self.received_pieces)

    @property
    def code(self) -> str:
        return self.ends[0][0]

    @property
    def trailers(self) -> dict[str, str]:
        return dict(self.ends[0][1])

    @property
    def message(self) -> str:
        return self.ends[0][2]

    @property
    def broken(self) -> str:
        return self.ends[0][3]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class ListTap:
    """Keeps all calls, in their order."""

    def __init__(self) -> None:
        self.calls: list[HeardCall] = []
        self._more = threading.Condition()

    def begin(self, transport: str, verb: str, target: str, headers: Headers, host: str = "") -> HeardCall:
        call = _Told(self, transport, verb, target, headers, host)
        with self._more:
            self.calls.append(call)
            self._more.notify_all()
        return call

    def wait(self, ready: Callable[[list[HeardCall]], object], seconds: float = 20) -> None:
        """Wait until what was heard is enough: the tap hears of an end a little after the client."""
        with self._more:
            assert self._more.wait_for(lambda: ready(self.calls), seconds), self.calls

    def ended(self, count: int = 1) -> list[HeardCall]:
        """All calls, once so many have ended."""
        self.wait(lambda calls: sum(1 for c in calls if c.ends) >= count)
        return self.calls

    def changed(self) -> None:
        with self._more:
            self._more.notify_all()


class _Told(HeardCall):
    def __init__(self, tap: ListTap, *told: object) -> None:
        super().__init__(*told)  # type: ignore[arg-type]
        self._tap = tap

    def sent(self, data: bytes) -> None:
        super().sent(data)
        self._tap.changed()

    def received(self, data: bytes) -> None:
        super().received(data)
        self._tap.changed()

    def ended(self, code: str = "", trailers: Headers = (), message: str = "", broken: str = "") -> None:
        super().ended(code, trailers, message, broken)
        self._tap.changed()
