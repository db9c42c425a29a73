"""The front: a port, and the connections that it forwards, on an event loop of its own."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from .fault import Fault
from .link import READ_BYTES, Link

if TYPE_CHECKING:
    from bqsim.sim.clock import Clock

T = TypeVar("T")

log = logging.getLogger(__name__)

BACKLOG = 1024
CLOSE_S = 5.0


class Front:
    """Forwards HTTP/2 between clients and a server on a local port, and does to streams what it is told.

    Each call reaches the server with a header :data:`~.fault.HEADER` that names its stream: the ``key`` of
    :meth:`suffer`. Thread-safe.
    """

    def __init__(self, clock: Clock) -> None:
        """``clock`` is what stalls and drips go by."""
        self._clock = clock
        self._links: dict[int, Link] = {}
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="bqsim-grpc-front", daemon=True)
        self._thread.start()

    def listen(self, sock: socket.socket, port: int) -> None:
        """Accept at a bound socket; connections go on to ``port`` of this machine."""
        sock.setblocking(False)
        sock.listen(BACKLOG)

        async def start() -> None:
            self._accepting = asyncio.create_task(self._accept(sock, port))

        self._do(start())

    def stop_listening(self) -> None:
        """Accept no more connections, but those that have come; all that there are go on. Idempotent."""

        async def stop() -> None:
            if self._accepting is not None:
                self._accepting.cancel()
                await asyncio.gather(self._accepting, return_exceptions=True)
                self._accepting = None

        if self._thread.is_alive():
            self._do(stop())

    def send_away(self) -> None:
        """Let all clients make their next calls on another connection; what comes until then is served."""

        async def send() -> None:
            for link in self._links.values():
                link.send_away()

        self._do(send())

    def suffer(self, key: str, fault: Fault) -> bool:
        """Let the stream of ``key`` suffer a fault; False when it is no stream of the front's."""
        number, _, stream = key.partition("/")
        link = self._links.get(int(number)) if number.isdecimal() and stream.isdecimal() else None
        if link is None:
            return False
        # What the server sends from now on comes behind this.
        self._loop.call_soon_threadsafe(link.suffer, int(stream), fault)
        return True

    def close(self) -> None:
        """End all connections and the thread. Idempotent."""
        if not self._thread.is_alive():
            return
        self.stop_listening()
        self._do(self._close_links())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_S)

    # On the loop

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        done: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(CLOSE_S)

    async def _accept(self, sock: socket.socket, port: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                await _readable(loop, sock)
                self._take(sock, port)
        finally:
            self._take(sock, port)
            sock.close()

    def _take(self, sock: socket.socket, port: int) -> None:
        """Serve the connections that wait at a listening socket."""
        while True:
            try:
                client, _ = sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                # The client has left already, or the process has no more files: the others wait.
                log.debug("a connection was not accepted: %s", error)
                return
            task = asyncio.create_task(self._serve(client, port))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, sock: socket.socket, port: int) -> None:
        sock.setblocking(False)
        client = await asyncio.open_connection(sock=sock, limit=READ_BYTES)
        try:
            server = await asyncio.open_connection("127.0.0.1", port, limit=READ_BYTES)
        except OSError as error:
            log.debug("the gRPC server behind the front cannot be reached: %s", error)
            client[1].close()
            return
        number = next(self._numbers)
        link = Link(number, client, server, self._clock)
        self._links[number] = link
        try:
            await link.run()
        finally:
            del self._links[number]

    async def _close_links(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _readable(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Wait until something has come to a socket."""
    came = asyncio.Event()
    loop.add_reader(sock, came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(sock)
