"""The calls on one gRPC connection, as a tap is told of them."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from bqsim.errors import STATUS_CODES
from bqsim.record.model import GRPC, Headers
from bqsim.record.tap import Call, Tap

_HEAD_BYTES = 5
# grpc.StatusCode, by number.
CODES = tuple(STATUS_CODES)
# What HTTP's statuses are where gRPC's is missing, and what HTTP/2's errors are (gRPC over HTTP/2).
_OF_HTTP = {
    "400": "INTERNAL",
    "401": "UNAUTHENTICATED",
    "403": "PERMISSION_DENIED",
    "404": "UNIMPLEMENTED",
    "429": "UNAVAILABLE",
    "502": "UNAVAILABLE",
    "503": "UNAVAILABLE",
    "504": "UNAVAILABLE",
}
_OF_RESET = {7: "UNAVAILABLE", 8: "CANCELLED", 11: "RESOURCE_EXHAUSTED", 12: "PERMISSION_DENIED"}
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_NOT_TRAILERS = frozenset({"grpc-status", "grpc-message", "content-type"})
# A deadline has passed when so much of it has: clients count from a little earlier.
_PASSED = 0.97


class Messages:
    """Takes whole messages out of the bytes of one direction, and gives them on unpacked."""

    def __init__(self, give: Callable[[bytes], None]) -> None:
        self._give = give
        self._buffer = bytearray()
        self.encoding = ""

    def feed(self, data: bytes) -> int:
        """Take bytes; the number of messages that they completed."""
        buffer = self._buffer
        buffer += data
        at = count = 0
        while len(buffer) - at >= _HEAD_BYTES:
            end = at + _HEAD_BYTES + int.from_bytes(buffer[at + 1 : at + _HEAD_BYTES], "big")
            if end > len(buffer):
                break
            with memoryview(buffer) as view:
                message = bytes(view[at + _HEAD_BYTES : end])
            self._give(self._unpacked(message) if buffer[at] & 1 else message)
            at = end
            count += 1
        if at:
            del buffer[:at]
        return count

    def _unpacked(self, message: bytes) -> bytes:
        """A message without its compression; as it is where that is unknown or damaged."""
        window = {"gzip": 31, "deflate": 15}.get(self.encoding)
        if window is None:
            return message
        try:
            return zlib.decompress(message, window)
        except zlib.error:
            return message


@dataclass(slots=True)
class Stream:
    """One call: ``deadline_s`` is when its client's ends, on the loop's clock; 0 without one."""

    call: Call
    requests: Messages
    answers: Messages
    deadline_s: float = 0.0
    began_s: float = 0.0
    headed: bool = False
    status: str = "200"


@dataclass(slots=True)
class Streams:
    """The calls of a connection by the numbers of their streams."""

    tap: Tap
    host: str
    open: dict[int, Stream] = field(default_factory=dict)

    def began(self, number: int, headers: list[tuple[str, str]]) -> None:
        """A call came: its header block."""
        pseudo = {n: v for n, v in headers if n.startswith(":")}
        metadata = _metadata(headers)
        call = self.tap.begin(GRPC, "", pseudo.get(":path", ""), metadata, self.host)
        made = Stream(call, Messages(call.sent), Messages(call.received))
        given = dict(metadata)
        made.requests.encoding = given.get("grpc-encoding", "")
        made.began_s = asyncio.get_running_loop().time()
        timeout = given.get("grpc-timeout", "")
        if timeout[:-1].isdecimal() and timeout[-1] in _UNITS:
            made.deadline_s = int(timeout[:-1]) * _UNITS[timeout[-1]]
        self.open[number] = made

    def sent(self, number: int, data: bytes) -> int:
        """The client sent bytes of messages; the number of those that they completed."""
        stream = self.open.get(number)
        return stream.requests.feed(data) if stream is not None else 0

    def cancelled(self, number: int) -> None:
        """The client gave a call up."""
        stream = self.open.pop(number, None)
        if stream is None:
            return
        waited = asyncio.get_running_loop().time() - stream.began_s
        late = stream.deadline_s and waited >= stream.deadline_s * _PASSED
        stream.call.ended("DEADLINE_EXCEEDED" if late else "CANCELLED", broken="cancelled")

    def answered(self, number: int, headers: list[tuple[str, str]], *, last: bool) -> None:
        """A header block of an answer: its head, its trailers (``last``), or both."""
        stream = self.open.get(number)
        if stream is None:
            return
        status = next((v for n, v in headers if n == ":status"), "")
        metadata = _metadata(headers)
        if status.startswith("1"):
            return
        if not stream.headed:
            stream.headed = True
            stream.status = status or "200"
            head: Headers = () if last else metadata
            stream.answers.encoding = next((v for n, v in metadata if n == "grpc-encoding"), "")
            stream.call.answered(int(stream.status) if stream.status.isdecimal() else 0, head)
        if last:
            self._ended(number, metadata)

    def received(self, number: int, data: bytes, *, last: bool) -> None:
        """The service sent bytes of messages."""
        stream = self.open.get(number)
        if stream is None:
            return
        if data:
            stream.answers.feed(data)
        if last:
            self._ended(number, ())

    def _ended(self, number: int, trailers: Headers) -> None:
        stream = self.open.pop(number)
        given = dict(trailers)
        told = given.get("grpc-status", "")
        if told.isdecimal() and int(told) < len(CODES):
            code = CODES[int(told)]
        else:
            code = _OF_HTTP.get(stream.status, "UNKNOWN")
        message = unquote_to_bytes(given.get("grpc-message", "")).decode("utf-8", "replace")
        kept = tuple((n, v) for n, v in trailers if n not in _NOT_TRAILERS)
        stream.call.ended(code, kept, message)

    def reset(self, number: int, code: int) -> None:
        """The service gave a call up."""
        stream = self.open.pop(number, None)
        if stream is not None:
            stream.call.ended(_OF_RESET.get(code, "INTERNAL"), broken="reset")

    def unserved(self, above: int) -> None:
        """The service serves no stream above that number."""
        for number in [n for n in self.open if n > above]:
            self.open.pop(number).call.ended("UNAVAILABLE", broken="refused")

    def broke(self, broken: str, message: str = "") -> None:
        """The connection is over."""
        code = "CANCELLED" if broken == "cancelled" else "UNAVAILABLE"
        for stream in self.open.values():
            stream.call.ended(code, message=message, broken=broken)
        self.open.clear()


def _metadata(headers: list[tuple[str, str]]) -> Headers:
    """The metadata in a header block. Peers may agree to send binary values as they are, after a zero byte;
    here they are in base64, as on any other wire."""
    return tuple(
        (n, _base64(v) if n.endswith("-bin") and v.startswith("\0") else v)
        for n, v in headers
        if not n.startswith(":")
    )


def _base64(value: str) -> str:
    return base64.b64encode(value[1:].encode("latin-1")).decode().rstrip("=")
