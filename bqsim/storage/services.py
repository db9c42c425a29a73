"""The services of the Storage API, made when they are first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from .errors import StorageFailure

if TYPE_CHECKING:
    from .read.service import ReadService
    from .write.service import WriteService


class _Closable(Protocol):
    def close(self) -> None: ...


S = TypeVar("S", bound=_Closable)


class Storage:
    """The read service and the write service: what they import is not paid for by who never asks them."""

    def __init__(self, read: Callable[[], ReadService], write: Callable[[], WriteService]) -> None:
        """``read`` and ``write`` make them, each once."""
        self._read = _Lazy(read)
        self._write = _Lazy(write)

    @property
    def read(self) -> ReadService:
        """UNAVAILABLE after :meth:`close`."""
        return self._read.get()

    @property
    def write(self) -> WriteService:
        """UNAVAILABLE after :meth:`close`."""
        return self._write.get()

    @property
    def read_if_made(self) -> ReadService | None:
        """The read service, None while nobody has asked for it."""
        return self._read.made

    @property
    def write_if_made(self) -> WriteService | None:
        """The write service, None while nobody has asked for it."""
        return self._write.made

    def close(self) -> None:
        """End what the services do for open streams. Idempotent."""
        self._write.close()
        self._read.close()


class _Lazy(Generic[S]):
    def __init__(self, make: Callable[[], S]) -> None:
        self._make = make
        self.made: S | None = None
        self._closed = False
        self._lock = threading.Lock()

    def get(self) -> S:
        made = self.made
        if made is not None:
            return made
        with self._lock:
            if self._closed:
                raise StorageFailure("UNAVAILABLE", "The server is shutting down.")
            if self.made is None:
                self.made = self._make()
            return self.made

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self.made is not None:
                self.made.close()
