"""The front: a port, and the connections that it forwards, on an event loop of its own."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import threading
from collections.abc import Coroutine, Sequence
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
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="bqsim-grpc-front", daemon=True)
        self._thread.start()

    def listen(self, sock: socket.socket, ports: Sequence[int]) -> None:
        """Accept at a bound socket; connections go on to the first of ``ports`` that answers."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reader, writer, ports)

        async def start() -> None:
            self._listener = await asyncio.start_server(
                connected, sock=sock, backlog=BACKLOG, limit=READ_BYTES
            )

        self._do(start())

    def stop_listening(self) -> None:
        """Accept no more connections; those that there are go on. Idempotent."""

        async def stop() -> None:
            if self._listener is not None:
                self._listener.close()
                self._listener = None

        if self._thread.is_alive():
            self._do(stop())

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

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ports: Sequence[int]
    ) -> None:
        server = await _connect(ports)
        if server is None:
            writer.close()
            return
        number = next(self._numbers)
        link = Link(number, (reader, writer), server, self._clock)
        self._links[number] = link
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await link.run()
        finally:
            del self._links[number]
            self._tasks.discard(task)

    async def _close_links(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _connect(ports: Sequence[int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    for port in ports:
        try:
            return await asyncio.open_connection("127.0.0.1", port, limit=READ_BYTES)
        except OSError as error:
            log.debug("the gRPC server behind the front cannot be reached: %s", error)
    return None
