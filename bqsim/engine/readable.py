"""Files that the engine may read itself: those admitted, for as long as they are."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

FOLDER = "reading"


class ReadableFiles:
    """The private folders of an engine in which it may read files, and nothing else is.

    An admitted file is there under a further name (a hard link), which goes when it is no longer admitted.
    """

    def __init__(self, data_dir: Path | None) -> None:
        """One folder is beside the temporary files, with a ``data_dir`` a second one is in it."""
        self._temporary = Path(tempfile.mkdtemp(prefix="bqsim-reading-"))
        self._folders = [self._temporary]
        if data_dir is not None:
            own = data_dir / FOLDER
            # What a process left that was killed.
            shutil.rmtree(own, ignore_errors=True)
            own.mkdir(parents=True, exist_ok=True)
            self._folders.insert(0, own)
        self._numbers = count(1)

    @property
    def folders(self) -> list[str]:
        """The folders, as the engine is told of them."""
        return [str(folder.resolve()) for folder in self._folders]

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
            path = folder.resolve() / str(number)
            try:
                os.link(name, path)
            except OSError:
                continue
            # Another file may have taken the name since it was opened.
            if os.path.samestat(path.stat(), os.fstat(stream.fileno())):
                return path
            path.unlink()
            return None
        return None

    def close(self) -> None:
        """Delete the folders."""
        for folder in self._folders:
            with suppress(OSError):
                shutil.rmtree(folder)
