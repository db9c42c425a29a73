"""Uploaded content on its way in."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

# Content beyond this size goes to a file.
SPOOL_BYTES = 8 * 1024 * 1024


class Spool:
    """Uploaded content: in memory, from :data:`SPOOL_BYTES` on in a file; with a ``path`` in that from the
    start, behind what it has already.

    What is written counts by whole ``quantum`` bytes: the rest is kept aside until :meth:`settle` takes or
    drops it.
    """

    def __init__(self, path: Path | None = None, quantum: int = 1) -> None:
        self.size = 0
        self._quantum = quantum
        self._aside = bytearray()
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what has been acknowledged outlives the process.
            self._file = path.open("ab", buffering=0)
            self.size = self._file.tell()

    @property
    def arrived(self) -> int:
        """The bytes written, with those aside."""
        return self.size + len(self._aside)

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        if self._quantum == 1:
            self._take(piece)
            return
        self._aside += piece
        whole = len(self._aside) // self._quantum * self._quantum
        if whole:
            self._take(bytes(self._aside[:whole]))
            del self._aside[:whole]

    def settle(self, *, whole: bool) -> None:
        """Take what is aside (``whole``: the content is complete), or drop it."""
        aside = bytes(self._aside)
        self._aside.clear()
        if whole and aside:
            self._take(aside)

    def _take(self, piece: bytes) -> None:
        self.size += len(piece)
        if self._file is None:
            self._pieces.append(piece)
            if self.size <= SPOOL_BYTES:
                return
            self._file = tempfile.NamedTemporaryFile(prefix="bqsim-upload-", delete=False)  # noqa: SIM115
            self._path = Path(self._file.name)
            piece = b"".join(self._pieces)
            self._pieces.clear()
        view = memoryview(piece)
        while view:
            view = view[self._file.write(view) :]

    def data(self) -> bytes | None:
        """The content where it is in memory."""
        return b"".join(self._pieces) if self._path is None else None

    def take(self) -> Path:
        """The file with the content, which belongs to whoever gets it."""
        assert self._path is not None
        self.close()
        return self._path

    def close(self) -> None:
        """Keep a file as it is."""
        if self._file is not None and not self._file.closed:
            self._file.close()

    def discard(self) -> None:
        """Forget the content."""
        self._pieces.clear()
        self._aside.clear()
        self.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
