"""WebAssembly programs of this package: the loops over bytes that neither Arrow nor numpy has.

A program is a ``.wat`` text beside this module, compiled to machine code at its first use. Its memory starts
with nothing in it: the caller lays out inputs and outputs with :meth:`Instance.put` and
:meth:`Instance.reserve`, calls a function with their addresses, and copies the results out. The GIL is free
while a function runs.
"""

from __future__ import annotations

import atexit
import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

PAGE_BYTES = 64 * 1024
# Addresses below this are never handed out, so that 0 can mean "nothing".
FIRST_ADDRESS = 64
# Instances that wait for the next call, and the memory one of them may keep.
MAX_IDLE = 4
MAX_IDLE_BYTES = 256 * 1024 * 1024
# What 32-bit addresses reach.
MAX_BYTES = (1 << 32) - PAGE_BYTES


class Program:
    """A compiled program with its idle instances. Thread-safe."""

    def __init__(self, name: str, text: str) -> None:
        from wasmtime import Config, Engine, Module

        self.name = name
        self._engine = Engine(Config())
        self._module = Module(self._engine, text)
        self._idle: list[Instance] = []
        self._lock = threading.Lock()
        self._closed = False
        # The library's own finalizers cannot run any more when the interpreter has taken its modules apart.
        atexit.register(self.close)

    def close(self) -> None:
        """Free the machine code and the idle instances; the program cannot be used any more."""
        atexit.unregister(self.close)
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()
        self._module.close()
        self._engine.close()

    @contextmanager
    def instance(self) -> Iterator[Instance]:
        """An instance for one thread, its memory empty."""
        with self._lock:
            instance = self._idle.pop() if self._idle else None
        if instance is None:
            instance = Instance(self._engine, self._module)
        instance.reset()
        sound = False
        try:
            yield instance
            sound = True
        finally:
            # An instance whose call failed may hold anything, and is not used again.
            with self._lock:
                kept = sound and not self._closed and len(self._idle) < MAX_IDLE
                kept = kept and instance.size <= MAX_IDLE_BYTES
                if kept:
                    self._idle.append(instance)
            if not kept:
                instance.close()


class Instance:
    """A program's memory and functions."""

    def __init__(self, engine: Any, module: Any) -> None:
        from wasmtime import Instance as WasmInstance
        from wasmtime import Store

        self._store = Store(engine)
        self._exports = WasmInstance(self._store, module, []).exports(self._store)
        self._memory = self._exports["memory"]
        self._functions: dict[str, Any] = {}
        self._next = FIRST_ADDRESS

    def close(self) -> None:
        """Free the memory."""
        self._store.close()

    @property
    def size(self) -> int:
        """Bytes of memory; it never shrinks."""
        return int(self._memory.data_len(self._store))

    def reset(self) -> None:
        """Forget everything in memory."""
        self._next = FIRST_ADDRESS

    def reserve(self, nbytes: int) -> int:
        """The address of ``nbytes`` of memory, on an 8-byte boundary; what they hold is arbitrary.

        ``MemoryError`` beyond 4 GiB.
        """
        address = self._next
        end = (address + nbytes + 7) & ~7
        if end > MAX_BYTES:
            raise MemoryError("a codec call needs more than 4 GiB")
        missing = end - self.size
        if missing > 0:
            self._memory.grow(self._store, -(-missing // PAGE_BYTES))
        self._next = end
        return address

    def put(self, data: Any) -> int:
        """Copy a buffer (bytes, a contiguous numpy array, a ``pyarrow.Buffer``) into memory; its address."""
        source = memoryview(data).cast("B") if not isinstance(data, bytes) else data
        address = self.reserve(len(source))
        self.write(address, source)
        return address

    def write(self, address: int, data: Any) -> None:
        """Copy a buffer to memory that was reserved."""
        source = memoryview(data).cast("B") if not isinstance(data, bytes) else data
        if len(source):
            self._view(address, len(source))[:] = source

    def clear(self, address: int, nbytes: int) -> None:
        """Zero memory that was reserved."""
        if nbytes:
            ctypes.memset(self._base() + address, 0, nbytes)

    def zeros(self, nbytes: int) -> int:
        """The address of ``nbytes`` of zeroed memory."""
        address = self.reserve(nbytes)
        if nbytes:
            ctypes.memset(self._base() + address, 0, nbytes)
        return address

    def bytes_at(self, address: int, nbytes: int) -> bytes:
        """A copy of memory."""
        return ctypes.string_at(self._base() + address, nbytes)

    def array_at(self, address: int, dtype: Any, count: int) -> Any:
        """A copy of memory as a one-dimensional numpy array."""
        import numpy as np

        nbytes = np.dtype(dtype).itemsize * count
        return (
            np.frombuffer(self._view(address, nbytes), dtype, count).copy() if count else np.zeros(0, dtype)
        )

    def call(self, name: str, *arguments: int) -> int:
        """Run an exported function of integer parameters; its result, 0 when it has none."""
        function = self._functions.get(name)
        if function is None:
            function = self._functions[name] = self._exports[name]
        result = function(self._store, *arguments)
        return 0 if result is None else int(result)

    def _base(self) -> int:
        return ctypes.addressof(self._memory.data_ptr(self._store).contents)

    def _view(self, address: int, nbytes: int) -> Any:
        raw = (ctypes.c_ubyte * nbytes).from_address(self._base() + address)
        return memoryview(raw).cast("B")


@cache
def program(name: str) -> Program:
    """The program of ``<name>.wat``, e.g. ``avro/encode``; compiled at the first call."""
    path = files("bqsim.codecs").joinpath(f"{name}.wat")
    return Program(name, path.read_text("utf-8"))
