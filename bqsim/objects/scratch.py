"""Files that are being written, before they are objects: ``<process>-<number>`` in a folder of their own."""

from __future__ import annotations

import os
import threading
from pathlib import Path

_lock = threading.Lock()
_last = 0


def new_path(folder: Path) -> Path:
    """A new path in ``folder``; no other store of this process has it."""
    global _last
    with _lock:
        _last += 1
        return folder / f"{os.getpid()}-{_last}"


def sweep(folder: Path) -> None:
    """Take away what processes that are no more were writing."""
    for path in folder.iterdir():
        process, dash, number = path.name.partition("-")
        if dash and process.isdecimal() and number.isdecimal() and not _is_written(int(process), int(number)):
            path.unlink(missing_ok=True)


def _is_written(process: int, number: int) -> bool:
    """Whether a process that runs may be writing a file."""
    if process == os.getpid():
        # Another process may have had this one's number before.
        return number <= _last
    if os.name == "nt":
        # There is no asking without ending the process.
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
