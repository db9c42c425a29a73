"""What is asked of sockets, and of ports that several of them share."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import Any

# Not on every system.
REUSE_PORT: int | None = getattr(socket, "SO_REUSEPORT", None)
# <asm-generic/socket.h>
_ATTACH_REUSEPORT_CBPF = 51
# <linux/bpf_common.h>: return a constant.
_BPF_RET_K = 0x06


def resolved(host: str, port: int) -> Any:
    """The first address of a host to listen at, as ``getaddrinfo`` gives it."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]


def bound(host: str, port: int) -> socket.socket:
    """A socket at an address that may be shared. ``OSError`` when it is taken."""
    family, kind, proto, _, address = resolved(host, port)
    # As gRPC does it: ports are shared within a family only.
    if family == socket.AF_INET and socket.has_dualstack_ipv6():
        family = socket.AF_INET6
        address = ("::" if address[0] == "0.0.0.0" else f"::ffff:{address[0]}", address[1])
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if REUSE_PORT is not None:
            sock.setsockopt(socket.SOL_SOCKET, REUSE_PORT, 1)
        sock.bind(address)
    except OSError as e:
        sock.close()
        raise OSError(e.errno, f"cannot listen on gRPC port {port} of {host}: {e.strerror}") from None
    return sock


def steer(sock: socket.socket, index: int) -> bool:
    """Give all connections to one of the sockets that share a port and listen, by their order; False where
    the system cannot.

    ``sock`` is any of them. One that listens alone gets all whatever this says.
    """
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    program = ctypes.create_string_buffer(struct.pack("HBBI", _BPF_RET_K, 0, 0, index), 8)
    described = struct.pack("HP", 1, ctypes.addressof(program))
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _ATTACH_REUSEPORT_CBPF, described)
        return True
    return False


def unsent(sock: socket.socket) -> int:
    """Bytes that the other side has not acknowledged; 0 where that cannot be asked."""
    try:
        import fcntl
        import termios
    except ImportError:
        return 0
    try:
        size: int = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
    except OSError:
        return 0
    return size
