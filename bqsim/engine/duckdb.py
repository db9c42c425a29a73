"""DuckDB behind the engine protocol."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from bqsim.errors import Internal

from .data_dir import DataDirError, DataDirLocked, lock, unlock
from .duckdb_kernels import install_kernels
from .duckdb_session import DuckDBSession
from .external.workers import close_idle
from .metadata import MetadataLog
from .readable import ReadableFiles
from .trials import Trials

if TYPE_CHECKING:
    pass

__all__ = ["DataDirError", "DataDirLocked", "DuckDBEngine", "DuckDBSession"]

log = logging.getLogger(__name__)

DATABASE_FILE = "bqsim.duckdb"

# Without a file a checkpoint only compresses rows, at a cost far above that of writing them.
_IN_MEMORY_SETTINGS = {"checkpoint_threshold": "1TB"}
_SETTINGS = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "preserve_insertion_order": "true",
    "python_enable_replacements": "false",
}


class DuckDBEngine:
    """One database, in memory or in ``data_dir``; ``threads`` 0 takes the machine's processors.

    In ``data_dir`` a committed transaction is on disk when the commit returns. ``memory_limit`` is an
    engine size such as ``"4GB"``; None takes 60 % of the machine's memory. Raises :class:`DataDirLocked`
    when the directory is in use.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        threads: int = 0,
        memory_limit: str | None = None,
        chance: Callable[[], float] | None = None,
    ) -> None:
        """``chance`` gives a number in [0, 1) that seeds each statement that draws random values."""
        self.chance = chance
        self.durable = data_dir is not None
        self._lock_file = lock(data_dir) if data_dir else None
        self._mutex = threading.Lock()
        self._kernels: list[str] = []
        self._kernels_mutex = threading.Lock()
        self._idle: list[DuckDBSession] = []
        self._all: list[Any] = []
        self._closed = False
        self.readable = ReadableFiles(data_dir)
        try:
            self._root = self._open(data_dir, threads, memory_limit)
            self.log = MetadataLog(self._root) if self.durable else None
        except BaseException:
            self.readable.close()
            unlock(self._lock_file)
            raise

    def trim(self) -> None:
        """Let go of the cached blocks of a database on disk: they can be read again."""
        if not self.durable:
            return
        # The engine evicts what it can for a lower limit; as it cannot meet this one, the limit stays.
        with suppress(duckdb.OutOfMemoryException):
            self._root.cursor().execute("SET memory_limit = '1KB'")

    def _open(self, data_dir: Path | None, threads: int, memory_limit: str | None) -> Any:
        config = _SETTINGS | ({} if data_dir else _IN_MEMORY_SETTINGS)
        if threads:
            config["threads"] = str(threads)
        config["memory_limit"] = memory_limit or _default_memory_limit()
        spill = data_dir / "spill" if data_dir else Path(tempfile.gettempdir()) / f"bqsim-spill-{os.getpid()}"
        config["temp_directory"] = str(spill)
        database = str(data_dir / DATABASE_FILE) if data_dir else ":memory:"
        try:
            connection = duckdb.connect(database, config=config)
        except duckdb.Error as error:
            log.error("cannot open %s: %s", database, error)
            raise DataDirError(
                f"{database} cannot be opened: it is damaged or not a bqsim database"
            ) from error
        self._close_off(connection)
        few = {"threads": config["threads"]} if threads else {}
        self._trials = Trials(_SETTINGS | few, self._close_off)
        return connection

    def _close_off(self, connection: Any) -> None:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        folders = ", ".join("'" + folder.replace("'", "''") + "'" for folder in self.readable.folders)
        connection.execute(f"SET GLOBAL allowed_directories = [{folders}]")
        connection.execute("SET GLOBAL enable_external_access = false")

    def tried(self, sql: str) -> object:
        """The first value of a query of admitted files alone, by an engine of its own."""
        return self._trials.value(sql)

    def session(self) -> DuckDBSession:
        """An idle session, or a new one."""
        with self._mutex:
            if self._closed:
                raise Internal("the engine is closed")
            if self._idle:
                session = self._idle.pop()
                session.reopen()
                return session
            connection = self._root.cursor()
            self._all.append(connection)
        return DuckDBSession(self, connection)

    def release(self, session: DuckDBSession) -> None:
        """Take a clean session back for the next user."""
        with self._mutex:
            if not self._closed:
                self._idle.append(session)

    def discard(self, connection: Any) -> None:
        """Close the connection of a session that cannot be used again."""
        with self._mutex:
            if connection in self._all:
                self._all.remove(connection)
        connection.close()

    def metadata(self) -> list[tuple[str, str, str]]:
        """All metadata records (kind, key, value) in the order of their last writes."""
        return self.log.read(self._root) if self.log else []

    def committed_metadata(self, number: int) -> None:
        """Record ``number`` has been committed: compact the log when it is time to."""
        with self._mutex:
            if self._closed or self.log is None or not self.log.is_due(number):
                return
            connection = self._root.cursor()
        try:
            self.log.compact(connection)
        except duckdb.TransactionException as error:
            log.debug("metadata is compacted another time: %s", error)
        finally:
            connection.close()

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the database file. Waits for no one: skipped while writers are
        active.
        """
        try:
            self._root.execute("CHECKPOINT")
        except duckdb.TransactionException as error:
            log.debug("checkpoint skipped: %s", error)

    def install_kernels(self) -> None:
        """Install the vectorised functions, once. Sessions do it before a statement that may need one."""
        if self._kernels:
            return
        with self._kernels_mutex:
            if not self._kernels and not self._closed:
                self._kernels = install_kernels(self._root)

    def close(self) -> None:
        """Close every session, then the database. Idempotent."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            connections, self._all, self._idle = self._all, [], []
        for connection in connections:
            connection.close()
        self._trials.close()
        close_idle()
        with self._kernels_mutex:
            for name in self._kernels:
                self._root.remove_function(name)
        self._root.close()
        del self._root
        self.readable.close()
        unlock(self._lock_file)


def _default_memory_limit() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "4GB"
    return f"{max(total * 6 // 10 // 2**20, 512)}MiB"
