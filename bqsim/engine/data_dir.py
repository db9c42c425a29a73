"""The directory of a durable database: one process at a time."""

from __future__ import annotations

from pathlib import Path
from typing import IO

LOCK_FILE = "bqsim.lock"


class DataDirError(Exception):
    """The data directory cannot be opened."""


class DataDirLocked(DataDirError):
    """Another process has the data directory open."""


def lock(data_dir: Path) -> IO[str]:
    """Create the directory and lock it until :func:`unlock`. Raises :class:`DataDirLocked`."""
    data_dir.mkdir(parents=True, exist_ok=True)
    handle = (data_dir / LOCK_FILE).open("a+", encoding="utf-8")
    try:
        import fcntl
    except ImportError:
        return handle
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise DataDirLocked(f"{data_dir} is in use by another bqsim process") from None
    return handle


def unlock(handle: IO[str] | None) -> None:
    if handle is not None:
        handle.close()
