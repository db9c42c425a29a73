"""Queries of files by an engine of their own: a damaged file can bring down the engine that reads it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import duckdb

from .protocol import FileNotRead

# What an engine that tries files may take.
MEMORY = "256MB"
_SETTINGS = (
    # Values are looked at, whatever a file says of them.
    "SET disabled_optimizers = 'statistics_propagation'",
    # Nothing of a file is kept.
    "SET enable_external_file_cache = false",
)


class Trials:
    """Engines that try files: one waits for the next file, unless the last query of it failed. Thread safe.

    ``close_off`` lets a new connection read nothing but admitted files.
    """

    def __init__(self, config: dict[str, str], close_off: Callable[[Any], None]) -> None:
        self._config = config | {"memory_limit": MEMORY}
        self._close_off = close_off
        self._waiting: Any = None
        self._closed = False
        self._mutex = threading.Lock()

    def value(self, sql: str) -> object:
        """The first value of a query. Raises ``FileNotRead``."""
        with self._mutex:
            connection, self._waiting = self._waiting, None
        try:
            if connection is None:
                connection = duckdb.connect(":memory:", config=self._config)
                self._close_off(connection)
                for setting in _SETTINGS:
                    connection.execute(setting)
            rows = connection.execute(sql).fetchall()
        except (duckdb.Error, RuntimeError, MemoryError) as error:
            if connection is not None:
                connection.close()
            raise FileNotRead(str(error)) from error
        self._keep(connection)
        return rows[0][0] if rows else None

    def _keep(self, connection: Any) -> None:
        with self._mutex:
            if self._waiting is None and not self._closed:
                self._waiting = connection
                return
        connection.close()

    def close(self) -> None:
        """Close the engine that waits; those at work close when they are done."""
        with self._mutex:
            self._closed = True
            connection, self._waiting = self._waiting, None
        if connection is not None:
            connection.close()
