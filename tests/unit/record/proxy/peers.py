"""Upstreams that do exactly what a test says, and clients that do."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bqsim.record.proxy import RecordingProxy
from tests.taps import ListTap

Script = Callable[[socket.socket], None]


@contextmanager
def upstream(script: Script) -> Iterator[int]:
    """A port; ``script`` has each connection, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            script(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(20)
            connections.append(connection)
            thread = threading.Thread(target=serve, args=(connection,), daemon=True)
            threads.append(thread)
            thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in [accepting, *threads]:
            thread.join(5)


@contextmanager
def between(script: Script, **options: object) -> Iterator[tuple[RecordingProxy, ListTap]]:
    """A proxy before an upstream, and what it told of what passed."""
    tap = ListTap()
    with upstream(script) as port:
        address = f"127.0.0.1:{port}"
        options = {"upstream_grpc": address, **options}
        with RecordingProxy(tap, f"http://{address}", **options) as proxy:  # type: ignore[arg-type]
            yield proxy, tap


def read_head(connection: socket.socket) -> bytes:
    """A head, to its empty line, and not a byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            break
        head += byte
    return head


def read_exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            break
        data += piece
    return data


def read_all(connection: socket.socket) -> bytes:
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def read_body(connection: socket.socket, head: bytes) -> bytes:
    """The body that a head announces, without its chunks' frames."""
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        body = b""
        while True:
            line = b""
            while not line.endswith(b"\r\n"):
                line += read_exactly(connection, 1)
            size = int(line, 16)
            body += read_exactly(connection, size)
            read_exactly(connection, 2)
            if not size:
                return body
    if b"content-length:" in lower:
        return read_exactly(connection, int(lower.split(b"content-length:")[1].split(b"\r\n")[0]))
    return b""


def reset(connection: socket.socket) -> None:
    """Close with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def connect(proxy: RecordingProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=20)


def answering(*answers: bytes, seen: list[bytes] | None = None) -> Script:
    """Answers requests of a connection with bytes, one after the other; the last one again and again."""

    def script(connection: socket.socket) -> None:
        at = 0
        while head := read_head(connection):
            body = read_body(connection, head)
            if seen is not None:
                seen.append(head + body)
            connection.sendall(answers[min(at, len(answers) - 1)])
            at += 1

    return script


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
