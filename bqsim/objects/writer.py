"""Streams into new objects."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .model import Check, ObjectInfo
from .uris import Uri

if TYPE_CHECKING:
    from .store import ObjectStore


class ObjectWriter:
    """A stream into a new object, which is there once it is closed; :meth:`discard` gives it up.

    In a ``with`` block an exception discards it.
    """

    def __init__(
        self, store: ObjectStore, uri: Uri, attributes: Mapping[str, Any], check: Check | None
    ) -> None:
        self._store = store
        self._uri = uri
        self._attributes = attributes
        self._check = check
        self._path = store.scratch()
        self.file = self._path.open("wb")
        self.info: ObjectInfo | None = None

    def write(self, data: bytes | memoryview) -> int:
        return self.file.write(data)

    def settle(self) -> None:
        """All is written: nothing is held open for an object that is made later."""
        self.file.close()

    def close(self) -> ObjectInfo:
        """Make the object. Raises :class:`PreconditionFailed` when another one came between."""
        if self.info is None:
            self.file.close()
            self.info = self._store.adopt(str(self._uri), self._path, self._attributes, check=self._check)
        return self.info

    def discard(self) -> None:
        """Give up what was written."""
        self.file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> ObjectWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()
