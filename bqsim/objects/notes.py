"""What a store keeps beside its buckets: a map by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any

from .files import read_json, write_json

Map = dict[str, Any]


class Notes:
    """Maps in files of a folder. Thread-safe: under the store's ``lock``."""

    def __init__(self, lock: RLock, folder: Callable[[], Path]) -> None:
        self._lock = lock
        self._folder = folder

    def of(self, name: str) -> Map:
        """The map of that name; empty when nothing is kept."""
        return read_json(self._path(name)) or {}

    def change(self, name: str, changed: Callable[[Map], Map]) -> Map:
        """Replace a map by what ``changed`` makes of it."""
        with self._lock:
            kept = changed(self.of(name))
            write_json(self._path(name), kept)
            return kept

    def _path(self, name: str) -> Path:
        # No bucket is called so.
        return self._folder() / f"%{name}.json"
