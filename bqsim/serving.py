"""Servers that run in a thread of their own, with an event loop, and where clients reach them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable

STOP_TIMEOUT_S = 20.0


class Serving:
    """A thread that runs ``serve``.

    ``serve`` gets this object: it calls :meth:`ready` once it answers, then awaits :meth:`until_stopped`, and
    cleans up. ``noun`` is what errors call the server. Thread-safe.
    """

    def __init__(
        self,
        serve: Callable[[Serving], Awaitable[None]],
        *,
        thread: str,
        noun: str,
        log: logging.Logger,
        start_timeout_s: float,
    ) -> None:
        self._serve, self._name, self._noun, self._log = serve, thread, noun, log
        self._start_timeout_s = start_timeout_s
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def running(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._thread is not None

    def start(self) -> None:
        """Serve; returns when the server is ready. Raises what ``serve`` raised before that; TimeoutError.
        Idempotent."""
        if self._thread is not None:
            return
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()
        if not self._ready.wait(self._start_timeout_s):
            raise TimeoutError(f"{self._noun} did not start in time")
        if self._failure is not None:
            self._thread.join()
            self._thread = None
            raise self._failure

    def stop(self) -> bool:
        """Stop, and wait for the end; whether there was anything to stop. TimeoutError."""
        thread, loop, stop = self._thread, self._loop, self._stop
        if thread is None or loop is None or stop is None:
            return False
        loop.call_soon_threadsafe(stop.set)
        thread.join(STOP_TIMEOUT_S)
        if thread.is_alive():
            raise TimeoutError(f"{self._noun} did not stop in time")
        self._thread = None
        return True

    # Within the thread

    def ready(self) -> None:
        """The server answers."""
        self._ready.set()

    async def until_stopped(self) -> None:
        """Wait for :meth:`stop`."""
        assert self._stop is not None
        await self._stop.wait()

    def _run(self) -> None:
        try:
            asyncio.run(self._served())
        except BaseException as error:
            if self._ready.is_set():
                self._log.exception("%s stopped", self._noun)
            self._failure = error
        finally:
            self._ready.set()

    async def _served(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        await self._serve(self)


def reachable(host: str) -> str:
    """A host to listen on as one that clients can reach, as it stands in addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)


def environment(url: str, grpc_target: str, storage_url: str | None = None) -> dict[str, str]:
    """Environment variables that point clients to a server; Cloud Storage's at ``url`` unless elsewhere."""
    return {
        "BIGQUERY_EMULATOR_HOST": url,
        "BIGQUERY_STORAGE_GRPC_ENDPOINT": grpc_target,
        "STORAGE_EMULATOR_HOST": url if storage_url is None else storage_url,
    }
