"""Moving the clients of gRPC's own connections to others, while its server goes on.

Its library can only stop a whole server, which cancels the calls that arrive meanwhile. So the frame that
tells a client to connect again is written to its connection here, when nothing else is on the way there.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from .front.frames import ALL_STREAMS, goaway
from .front.sockets import unsent

# A client's address and port.
Address = tuple[str, int]

# Where the system lists the open files of a process.
_FILES = "/dev/fd"
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class Connections:
    """The calls on gRPC's own connections to a port, and the connections that serve none any more.

    Thread-safe.
    """

    def __init__(self) -> None:
        self.port = 0
        self.moving = False
        self._lock = threading.Lock()
        self._live: set[Any] = set()
        # What their connections are known by.
        self._away: dict[Address, int] = {}

    def enter(self, context: Any) -> bool:
        """Begin a call; False when its client has been told that nobody serves it, and sends it again.

        While clients are ``moving``, the next call of a connection without others moves it.
        """
        with self._lock:
            if (self.moving or self._away) and self._moves(address_of(context.peer())):
                return False
            self._live.add(context)

        def left() -> None:
            self._live.discard(context)

        if not context.add_callback(left):
            left()
        return True

    def _moves(self, address: Address) -> bool:
        """Whether a call that comes on a connection is not to be served there."""
        away = self._away.get(address)
        if away is None and not self.moving:
            return False
        found = _connections(self.port)
        file = found.get(address)
        if file is None:
            return False
        if away is not None:
            if away == _identity(file):
                return True
            # The client's port has been used again.
            del self._away[address]
            if not self.moving:
                return False
        if any(address_of(context.peer()) == address for context in tuple(self._live)):
            # What runs goes on, and so does this one; the next ones move.
            _tell(file, ALL_STREAMS)
            return False
        if not _tell(file, 0):
            return False
        self._away = {other: known for other, known in self._away.items() if other in found}
        self._away[address] = _identity(file)
        return True


def address_of(peer: str) -> Address:
    """The address in what gRPC calls a peer: ``ipv4:127.0.0.1:80``, ``ipv6:%5B::1%5D:80``."""
    host, _, port = unquote(peer).partition(":")[2].rpartition(":")
    return _plain(host.strip("[]")), int(port) if port.isdecimal() else 0


def _plain(host: str) -> str:
    return host.removeprefix("::ffff:").partition("%")[0]


def _connections(port: int) -> dict[Address, int]:
    """The files of this process's connections at a local port, by client."""
    found: dict[Address, int] = {}
    with contextlib.suppress(OSError):
        for name in os.listdir(_FILES):
            with contextlib.suppress(OSError, ValueError), _borrowed(int(name)) as sock:
                if sock.family in _FAMILIES and sock.getsockname()[1] == port:
                    host, peer_port = sock.getpeername()[:2]
                    found[_plain(host), peer_port] = sock.fileno()
    return found


@contextmanager
def _borrowed(file: int) -> Iterator[socket.socket]:
    """A file of gRPC's as a socket; OSError when it is none. It is no second handle: gRPC's poller would go
    on to hear of one that is open when gRPC has closed its own."""
    sock = socket.socket(fileno=file)
    try:
        yield sock
    finally:
        sock.detach()


def _identity(file: int) -> int:
    """What tells a socket from others that have had the same number."""
    try:
        return os.fstat(file).st_ino
    except OSError:
        return 0


def _tell(file: int, last_stream: int) -> bool:
    """Write a GOAWAY where no part of another frame can be on the way; whether that could be done."""
    frame = goaway(last_stream).encode()
    try:
        with _borrowed(file) as sock:
            return unsent(sock) == 0 and sock.send(frame) == len(frame)
    except OSError:
        return False
