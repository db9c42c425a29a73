"""The bytes of an uploaded load job."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Upload:
    """Uploaded content: ``data``, or a ``path`` that is deleted when the job has read it."""

    data: bytes | None = None
    path: Path | None = None

    @property
    def size(self) -> int:
        if self.data is not None:
            return len(self.data)
        return self.path.stat().st_size if self.path else 0

    def open(self) -> BinaryIO:
        """A stream of the content."""
        if self.data is not None or self.path is None:
            return io.BytesIO(self.data or b"")
        return self.path.open("rb")

    def discard(self) -> None:
        """Delete the file of a spooled upload."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
