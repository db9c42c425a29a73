"""An HTTP/2 client of a few lines on a raw socket, which shows what a connection truly gets."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1


@dataclass(frozen=True)
class Got:
    """A frame that has come."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class Peer:
    """One connection. ``ended`` says how the server ended it: ``"closed"`` or ``"reset"``."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=8)
        self.buffer = b""
        self.ended = ""
        self.next = 1
        self.socket.sendall(PREFACE + _frame(SETTINGS, 0, 0, b""))

    def call(self, path: str, message: bytes | None = b"", *, end: bool = True) -> int:
        """Begin a call, with one message unless that is None; its stream id."""
        stream, self.next = self.next, self.next + 2
        fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ]
        block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields)
        self.send(HEADERS, END_HEADERS, stream, block)
        if message is not None:
            data = b"\0" + struct.pack(">L", len(message)) + message
            self.send(DATA, END_STREAM if end else 0, stream, data)
        return stream

    def send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self.socket.sendall(_frame(kind, flags, stream, payload))

    def frames(self) -> Iterator[Got]:
        """Frames without SETTINGS, PING and WINDOW_UPDATE, which are answered where they must be."""
        while (got := self._frame()) is not None:
            if got.kind in (SETTINGS, PING) and not got.flags & ACK:
                payload = got.payload if got.kind == PING else b""
                # Who has reset the connection wants no answer, and what it sent before is still to be read.
                with contextlib.suppress(ConnectionError):
                    self.socket.sendall(_frame(got.kind, ACK, 0, payload))
            elif got.kind not in (SETTINGS, PING, WINDOW_UPDATE):
                yield got

    def answer(self, stream: int) -> list[Got]:
        """The frames of a stream to its last, and those of the connection among them."""
        found = []
        for got in self.frames():
            if got.stream in (0, stream):
                found.append(got)
            if got.stream == stream and (
                got.kind == RST_STREAM or (got.kind in (DATA, HEADERS) and got.flags & END_STREAM)
            ):
                break
        return found

    def raw(self) -> bytes:
        """All bytes that are left to the end of the connection."""
        while self._more():
            pass
        return self.buffer

    def close(self) -> None:
        self.socket.close()

    def _frame(self) -> Got | None:
        while len(self.buffer) < 9 or len(self.buffer) < 9 + self._length():
            if not self._more():
                return None
        size = self._length()
        kind, flags, stream = struct.unpack(">BBL", self.buffer[3:9])
        payload, self.buffer = self.buffer[9 : 9 + size], self.buffer[9 + size :]
        return Got(kind, flags, stream & 0x7FFF_FFFF, payload)

    def _length(self) -> int:
        return int.from_bytes(self.buffer[:3], "big")

    def _more(self) -> bool:
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            self.ended = "reset"
            return False
        if not data:
            self.ended = "closed"
        self.buffer += data
        return bool(data)


@contextmanager
def peer(port: int) -> Iterator[Peer]:
    made = Peer(port)
    try:
        yield made
    finally:
        made.close()


def body(frames: list[Got]) -> bytes:
    """The content of the DATA frames."""
    return b"".join(got.payload for got in frames if got.kind == DATA)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + struct.pack(">BBL", kind, flags, stream) + payload


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()
