"""Logical bytes of stored columns: kept by whoever writes rows, learned from whoever has counted them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType

_NOTHING: Mapping[str, int] = MappingProxyType({})


class StoredBytes:
    """What is known of the live rows of engine tables at one version each, by engine column.

    A column that is not there is unknown: it is to be counted. Thread safe.
    """

    def __init__(self, capacity: int = 262_144) -> None:
        self._known: dict[str, tuple[int, Mapping[str, int]]] = {}
        self._capacity = capacity
        self._lock = threading.Lock()

    def of(self, engine_table: str, version: int) -> Mapping[str, int]:
        """The bytes of the columns that are known at a version."""
        known = self._known.get(engine_table)
        return known[1] if known is not None and known[0] == version else _NOTHING

    def put(self, engine_table: str, version: int, columns: Mapping[str, int]) -> None:
        """Rows were written: this is all that is known now."""
        with self._lock:
            self._add(engine_table, version, columns)

    def learn(self, engine_table: str, version: int, columns: Mapping[str, int]) -> None:
        """Columns were counted at a version; nothing is learned of one that has passed."""
        with self._lock:
            known = self._known.get(engine_table)
            if known is None or known[0] < version:
                self._add(engine_table, version, columns)
            elif known[0] == version:
                self._known[engine_table] = version, {**known[1], **columns}

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._known.clear()

    def _add(self, engine_table: str, version: int, columns: Mapping[str, int]) -> None:
        if len(self._known) >= self._capacity:
            self._known.clear()
        self._known[engine_table] = version, dict(columns)
