"""One instance of the GoogleSQL module: calls in, protobuf bytes across, failures told apart.

An instance runs one call at a time and releases the GIL while it does. An instance that trapped (stack or
memory exhausted, deadline passed) must not be used again: nothing unwound its locks.
"""

from __future__ import annotations

import ctypes
import re
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

TICK_S = 0.05
_CODE = re.compile(r"Code: (\d+), Message: (.*)", re.DOTALL)


class SqlError(Exception):
    """GoogleSQL refused a text.

    ``code`` is the canonical status code (3 invalid argument, 11 out of range …).
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Trapped(Exception):
    """The instance stopped in the middle of a call and is lost.

    ``timed_out`` tells the deadline from exhaustion.
    """

    def __init__(self, message: str, timed_out: bool) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class Ticker:
    """Advances the engine's epoch while calls run, so that deadlines pass; sleeps when none runs."""

    def __init__(self, wasm_engine: Any) -> None:
        self._engine = wasm_engine
        self._running = 0
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def __enter__(self) -> None:
        with self._wake:
            self._running += 1
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._tick, name="bqsim-analyzer-deadline", daemon=True
                )
                self._thread.start()
            elif self._running == 1:
                self._wake.notify()

    def __exit__(self, *_: object) -> None:
        with self._wake:
            self._running -= 1

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()

    def _tick(self) -> None:
        while True:
            with self._wake:
                while not self._running and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
            time.sleep(TICK_S)
            self._engine.increment_epoch()


def _clock_of(host: weakref.ref[Host]) -> Callable[[int, int, int], int]:
    """The clock of an instance; what the runtime keeps of it must not keep the instance itself."""

    def clock_time_get(clock_id: int, precision: int, result: int) -> int:
        found = host()
        return 0 if found is None else found.clock_time_get(clock_id, result)

    return clock_time_get


class Host:
    """An instance with its own memory and registered catalogs."""

    def __init__(self, wasm_engine: Any, module: Any, ticker: Ticker) -> None:
        from wasmtime import FuncType, Linker, Store, ValType, WasiConfig

        self.now_us = 0
        self.clock_reads = 0
        self._ticker = ticker
        self._store = Store(wasm_engine)
        self._store.set_epoch_deadline(1 << 40)
        # Without a WASI context the runtime aborts the whole process, so it is set before anything runs.
        wasi = WasiConfig()
        wasi.preopen_dir(_zoneinfo(), "/usr/share/zoneinfo")
        self._store.set_wasi(wasi)
        linker = Linker(wasm_engine)
        linker.allow_shadowing = True
        linker.define_wasi()
        clock = FuncType([ValType.i32(), ValType.i64(), ValType.i32()], [ValType.i32()])
        linker.define_func("wasi_snapshot_preview1", "clock_time_get", clock, _clock_of(weakref.ref(self)))
        exports = linker.instantiate(self._store, module).exports(self._store)
        exports["_initialize"](self._store)
        self._exports = exports
        self._memory = exports["memory"]
        self._malloc = exports["wasm_malloc"]
        self._free = exports["wasm_free"]
        self._out = self._malloc(self._store, 4)
        self._functions: dict[str, Any] = {}
        self.calls = 0

    def clock_time_get(self, clock_id: int, result: int) -> int:
        """WASI's clock: ``now_us`` when it is set, so that CURRENT_TIMESTAMP is the simulation's time."""
        now = self.now_us * 1000 + self.clock_reads if self.now_us and clock_id == 0 else time.monotonic_ns()
        ctypes.memmove(self._base() + result, now.to_bytes(8, "little"), 8)
        self.clock_reads += 1
        return 0

    def memory_bytes(self) -> int:
        """The size of the instance's memory; it never shrinks."""
        return int(self._memory.data_len())

    def call(self, name: str, request: bytes, deadline_s: float) -> bytes:
        """Run a service method on a serialised request; the serialised response.

        Raises :class:`SqlError` when GoogleSQL answers with an error and :class:`Trapped` when the instance
        is lost.
        """
        from wasmtime import Trap, WasmtimeError

        function = self._functions.get(name)
        if function is None:
            function = self._functions[name] = self._exports["ZetaSqlLocalService_" + name]
        store = self._store
        self.calls += 1
        try:
            with self._ticker:
                store.set_epoch_deadline(max(2, int(deadline_s / TICK_S) + 1))
                return self._call(function, request)
        except Trap as trap:
            raise Trapped(trap.message, _is_interrupt(trap)) from None
        except WasmtimeError as error:
            raise Trapped(str(error), False) from None

    def _call(self, function: Any, request: bytes) -> bytes:
        store = self._store
        size = len(request)
        argument = self._malloc(store, size or 1)
        if argument == 0:
            raise Trapped("out of memory", False)
        base = self._base()
        ctypes.memmove(base + argument, request, size)
        result = function(store, argument, size, self._out)
        base = self._base()
        if result == 0:
            message = self._last_error(base)
            self._free(store, argument)
            raise _error(message)
        length = int.from_bytes(ctypes.string_at(base + self._out, 4), "little")
        response = ctypes.string_at(base + result, length)
        self._free(store, result)
        self._free(store, argument)
        return response

    def _base(self) -> int:
        # Read at each use: growing may move a memory.
        return ctypes.cast(self._memory.data_ptr(), ctypes.c_void_p).value or 0

    def _last_error(self, base: int) -> str:
        size = self._exports["wasm_get_last_error_size"](self._store)
        at = self._exports["wasm_get_last_error"](self._store)
        return ctypes.string_at(base + at, size).decode("utf-8", "replace")


def _error(text: str) -> SqlError:
    match = _CODE.fullmatch(text)
    return SqlError(int(match[1]), match[2]) if match else SqlError(13, text)


def _is_interrupt(trap: Any) -> bool:
    from wasmtime import TrapCode

    return bool(trap.trap_code == TrapCode.INTERRUPT)


def _zoneinfo() -> str:
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("tzdata")
    assert spec is not None and spec.submodule_search_locations
    return str(Path(next(iter(spec.submodule_search_locations))) / "zoneinfo")
