"""The bytes of an uploaded load job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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

    def read(self) -> bytes:
        """The whole content."""
        if self.data is not None:
            return self.data
        return self.path.read_bytes() if self.path else b""

    def discard(self) -> None:
        """Delete the file of a spooled upload."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
