"""The compiled GoogleSQL module, kept in the user's cache.

Compiling the module takes 15 seconds or more; loading the compiled code takes milliseconds. Compiled code is
native code, so it is only loaded from files that nobody else could have written.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import stat
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from bqsim.errors import Internal

# The module of zetasql 0.1.5; checked when it is compiled. A file name in the cache carries the digest, so
# what is loaded later was compiled from exactly this module.
WASM_SHA256 = "00135b44fe391fa8d56f6804dca013bc681e45d607561a638b81c98a08744bcb"


def cache_directory(configured: Path | None = None) -> Path:
    """``configured``, else the platform's cache directory of the user."""
    if configured is not None:
        return configured
    base = os.environ.get("BQSIM_CACHE_DIR")
    if base:
        return Path(base)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bqsim"


def engine() -> Any:
    """A wasmtime engine with what the module needs: shared memory, and interruption by epochs."""
    from wasmtime import Config, Engine

    config = Config()
    config.shared_memory = True
    config.epoch_interruption = True
    return Engine(config)


def load_module(wasm_engine: Any, directory: Path, progress: Callable[[str], None] | None = None) -> Any:
    """The compiled module, from the cache or compiled now.

    Safe for any number of processes at once: one compiles, the others wait for its result. A file that does
    not load is compiled again; where no file can be kept, the module is compiled for this process alone.
    """
    try:
        _private_directory(directory)
    except OSError as error:
        return _compile(wasm_engine, progress, f"cannot be kept: {error.strerror} ({directory})")
    path = directory / _file_name()
    module = _read(wasm_engine, path)
    if module is not None:
        return module
    with _locked(directory / "compile.lock"):
        module = _read(wasm_engine, path)
        if module is None:
            module = _compile(wasm_engine, progress, f"kept in {directory}")
            _write(module, path)
    return module


def wasm_path() -> Path:
    """Where the ``zetasql`` distribution keeps its module."""
    import importlib.util

    spec = importlib.util.find_spec("zetasql")
    if spec is None or not spec.submodule_search_locations:
        raise Internal("the zetasql package is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "wasi" / "zetasql.wasm"


def _file_name() -> str:
    parts = (
        WASM_SHA256,
        metadata.version("wasmtime"),
        platform.system(),
        platform.machine(),
        _cpu(),
        "epoch+shared",
    )
    return "googlesql-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32] + ".cwasm"


def _cpu() -> str:
    """What distinguishes processors that cannot run each other's code, where the system tells."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as info:
        for line in info:
            if line.startswith(("flags", "Features")):
                return line.partition(":")[2].strip()
    return platform.processor()


def _private_directory(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_private(directory):
        raise Internal(f"cache directory {directory} must belong to this user and be writable by nobody else")


def _is_private(path: Path) -> bool:
    """Owned by this user and not writable by others (always true where the system has no such notion)."""
    if not hasattr(os, "getuid"):
        return True
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return False
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _read(wasm_engine: Any, path: Path) -> Any:
    from wasmtime import Module, WasmtimeError

    if not path.exists() or not _is_private(path):
        return None
    try:
        return Module.deserialize_file(wasm_engine, str(path))
    except WasmtimeError:
        return None


def _compile(wasm_engine: Any, progress: Callable[[str], None] | None, outcome: str) -> Any:
    from wasmtime import Module

    if progress:
        progress(f"Compiling the GoogleSQL analyzer for this machine: about 15 seconds, {outcome}")
    code = wasm_path().read_bytes()
    if hashlib.sha256(code).hexdigest() != WASM_SHA256:
        raise Internal("the zetasql module is not the one that bqsim was tested with (zetasql 0.1.5)")
    return Module(wasm_engine, code)


def _write(module: Any, path: Path) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(module.serialize())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock that ends with the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            import fcntl
        except ImportError:
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
