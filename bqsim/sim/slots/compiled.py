"""Compiling by numba where it is installed; the same functions as they are written where it is not."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# Nothing is allocated within, so that no references need to be counted: that takes most of the time else.
_OPTIONS: dict[str, Any] = {"_nrt": False, "error_model": "numpy", "nogil": True}
_SOURCES = ("arrays", "compiled", "kernel", "lists", "sharing", "stages")
# More jobs than this take hours without the compiler.
UNCOMPILED_JOBS = 200_000


def is_compiled() -> bool:
    """Whether numba is there to compile the functions."""
    return find_spec("numba") is not None


def is_kept(function: Any) -> bool:
    """Whether machine code of a compiled function is kept already, so that it need not be compiled."""
    path = getattr(getattr(function, "_cache", None), "cache_path", None)
    return path is not None and any(Path(path).glob(f"*.{function.__name__}-*.nbi"))


def compiled(function: F) -> F:
    """``function``, compiled when it is called first; machine code is kept in ``NUMBA_CACHE_DIR``, beside the
    source, or in the user's cache where that cannot be written. Where none can, each process compiles."""
    if not is_compiled():
        return function
    import numba

    made: Any = numba.njit(**_OPTIONS)(function)
    if made is not function:
        _keep(made)
    found: F = made
    return found


def _keep(dispatcher: Any) -> None:
    from numba.core import caching

    kept = type("Cache", (caching.FunctionCache,), {"_impl_class": _implementation(caching)})
    try:
        dispatcher._cache = kept(dispatcher.py_func)
    except RuntimeError:
        # No folder can be written.
        return
    compile_now, lock = dispatcher.compile, Path(dispatcher._cache.cache_path) / "lock"

    def compile_once(signature: Any) -> Any:
        with _LOCK.held(lock):
            return compile_now(signature)

    dispatcher.compile = compile_once


class _Lock:
    """Of several processes one compiles; the others wait, and take what it has kept."""

    def __init__(self) -> None:
        self._thread = threading.RLock()
        self._depth = 0

    @contextmanager
    def held(self, path: Path) -> Iterator[None]:
        """Within it one may be held again: functions are compiled while those that call them are."""
        with self._thread, ExitStack() as stack:
            if not self._depth:
                stack.enter_context(_locked(path))
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1


_LOCK = _Lock()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file's lock; it ends with the process at the latest. Without locks of files, as on Windows, each
    process compiles."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@cache
def _implementation(caching: Any) -> Any:
    """Where machine code is kept: in a folder for this state of all the sources. Numba itself looks at the
    file of a function alone, and would run the old code of a function that it calls from another one."""

    def stamped(locator: Any) -> Any:
        def path(self: Any) -> str:
            return str(Path(locator.get_cache_path(self)) / f"slots-{_stamp()}")

        return type(locator.__name__, (locator,), {"get_cache_path": path})

    locators = [
        stamped(caching.UserProvidedCacheLocator),
        stamped(caching.InTreeCacheLocator),
        stamped(caching.UserWideCacheLocator),
    ]
    return type("Implementation", (caching.CompileResultCacheImpl,), {"_locator_classes": locators})


@cache
def _stamp() -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in _SOURCES:
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()
