"""A pool of GoogleSQL instances: created when needed, recycled, replaced after a trap."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .host import Host, Ticker, Trapped
from .module_cache import cache_directory, engine, load_module

MAX_MEMORY_BYTES = 512 * 1024 * 1024
MAX_CALLS = 200_000


class Instance:
    """A host with what is registered in it; ``catalogs`` belongs to :mod:`.registry`."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.catalogs: list[Any] = []
        self.lost = False

    def call(self, name: str, request: bytes, deadline_s: float) -> bytes:
        try:
            return self.host.call(name, request, deadline_s)
        except Trapped:
            self.lost = True
            raise


class Pool:
    """At most ``size`` instances, each used by one thread at a time; the last used is given out first."""

    def __init__(
        self, size: int, cache_dir: Path | None = None, progress: Callable[[str], None] | None = None
    ) -> None:
        self._size = max(1, size)
        self._directory = cache_directory(cache_dir)
        self._progress = progress
        self._idle: list[Instance] = []
        self._count = 0
        self._changed = threading.Condition()
        self._load_lock = threading.Lock()
        self._module: tuple[Any, Any, Ticker] | None = None
        self._closed = False

    def start(self) -> None:
        """Load (or compile) the module and make the first instance."""
        with self.instance():
            pass

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._idle.clear()
            if self._module is not None:
                self._module[2].close()

    @contextmanager
    def instance(self) -> Iterator[Instance]:
        """Take an instance for some calls; waits while all are in use."""
        instance = self._take()
        try:
            yield instance
        finally:
            self._give_back(instance)

    def _take(self) -> Instance:
        with self._changed:
            while not self._idle and self._count >= self._size:
                self._changed.wait()
            if self._idle:
                return self._idle.pop()
            self._count += 1
        try:
            return Instance(Host(*self._load()))
        except BaseException:
            with self._changed:
                self._count -= 1
                self._changed.notify()
            raise

    def _give_back(self, instance: Instance) -> None:
        spent = (
            instance.lost
            or instance.host.calls > MAX_CALLS
            or instance.host.memory_bytes() > MAX_MEMORY_BYTES
        )
        with self._changed:
            if spent or self._closed:
                self._count -= 1
            else:
                self._idle.append(instance)
            self._changed.notify()

    def _load(self) -> tuple[Any, Any, Ticker]:
        with self._load_lock:
            if self._module is None:
                wasm_engine = engine()
                module = load_module(wasm_engine, self._directory, self._progress)
                self._module = (wasm_engine, module, Ticker(wasm_engine))
            return self._module
