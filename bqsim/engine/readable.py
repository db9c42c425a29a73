"""Files that the engine may read itself: those admitted, for as long as they are."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import BinaryIO

FOLDER = "reading"


# Who this process runs as, where files have owners.
_user = getattr(os, "geteuid", int)
# Tells the folders of the engines of this process apart.
_engines = count(1)


class ReadableFiles:
    """The private folders of an engine in which it may read files, and nothing else is.

    An admitted file is there under a further name (a hard link), which goes when it is no longer admitted.
    """

    def __init__(self, data_dir: Path | None) -> None:
        """One folder is beside the temporary files, with a ``data_dir`` a second one is in it. They are made
        when they are first needed.
        """
        temporary = Path(tempfile.gettempdir()).resolve()
        self._folders = [temporary / f"bqsim-reading-{os.getpid()}-{next(_engines)}"]
        if data_dir is not None:
            self._folders.insert(0, data_dir.resolve() / FOLDER)
        self._made: set[Path] = set()
        self._numbers = count(1)
        self._lock = threading.Lock()

    @property
    def folders(self) -> list[str]:
        """The folders, as the engine is told of them."""
        return [str(folder) for folder in self._folders]

    @contextmanager
    def admitted(self, stream: BinaryIO) -> Iterator[str | None]:
        """The name under which the engine reads the file that ``stream`` is open at, within the block.

        None for what is no plain file, or is on another file system than all folders.
        """
        path = self._linked(stream)
        try:
            yield None if path is None else str(path)
        finally:
            if path is not None:
                path.unlink(missing_ok=True)

    def _linked(self, stream: BinaryIO) -> Path | None:
        name = getattr(stream, "name", None)
        if not isinstance(name, str | Path):
            return None
        number = next(self._numbers)
        for folder in self._folders:
            path = folder / str(number)
            try:
                self._make(folder)
                os.link(name, path)
            except OSError:
                continue
            # Another file may have taken the name since it was opened.
            if os.path.samestat(path.stat(), os.fstat(stream.fileno())):
                return path
            path.unlink()
            return None
        return None

    def _make(self, folder: Path) -> None:
        with self._lock:
            if folder in self._made:
                return
            if folder.exists() and folder.lstat().st_uid == _user():
                # What a process left that was killed.
                shutil.rmtree(folder)
            folder.mkdir(0o700)
            self._made.add(folder)

    def close(self) -> None:
        """Delete the folders."""
        with self._lock:
            for folder in self._made:
                shutil.rmtree(folder, ignore_errors=True)
            self._made.clear()
