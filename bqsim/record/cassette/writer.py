"""Cassettes that are written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bqsim.record.model import Operation, blob_reference

from .blobs import Blobs
from .cassette import BLOBS, OPERATIONS, measures_path
from .header import FILE, Header
from .text import operation_text


class CassetteWriter:
    """Writes a cassette into ``folder``: blobs as they come, operations all at once."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.blobs = Blobs(self.folder / BLOBS)

    def blob(self, data: bytes, media: str, preview: list[str] | None = None) -> dict[str, Any]:
        """Keep ``data`` as a blob; the reference to it."""
        return blob_reference(self.blobs.put(data), len(data), media, preview or [])

    def write(self, header: Header, operations: Iterable[Operation]) -> None:
        """Write the header, the operations (sorted by their resources' order, then name) and measures."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = list(operations)
        _replace(self.folder / OPERATIONS, "".join(operation_text(o) for o in kept))
        measures = [
            json.dumps({"operation": o.name, **o.measures}, sort_keys=True) for o in kept if o.measures
        ]
        _replace(measures_path(self.folder), "".join(f"{line}\n" for line in measures))
        _replace(self.folder / FILE, header.text())


def _replace(path: Path, text: str) -> None:
    """Put ``text`` in place of what is at ``path``, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
