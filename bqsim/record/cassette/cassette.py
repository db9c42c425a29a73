"""A cassette that is read: opened quickly, its operations parsed when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bqsim.record.model import BLOB, Operation

from .blobs import Blobs
from .errors import CassetteError
from .header import Header, read_header
from .text import HEAD, operation_of

OPERATIONS = "operations.txt"
BLOBS = "blobs"


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an operation is: its text is the bytes from ``start`` to ``end`` of the operations' file."""

    kind: str
    key: str
    occurrence: int
    start: int
    end: int


class Cassette:
    """``entries`` are in the order of the file."""

    def __init__(self, folder: Path, header: Header, entries: list[Entry]) -> None:
        self.folder, self.header, self.entries = folder, header, entries
        self.blobs = Blobs(folder / BLOBS)
        self._measures: dict[str, dict[str, Any]] | None = None

    @classmethod
    def open(cls, folder: str | Path) -> Cassette:
        """The cassette in ``folder``. :class:`CassetteError` when it cannot be read."""
        place = Path(folder)
        header = read_header(place)
        path = place / OPERATIONS
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            raise CassetteError(path, "the operations are missing", "Restore the file") from None
        heads = list(HEAD.finditer(text))
        ends = [*(head.start() for head in heads[1:]), len(text)]
        entries = [
            Entry(head[1].decode(), head[2].decode(), int(head[3]), head.end() + 1, end)
            for head, end in zip(heads, ends, strict=False)
        ]
        return cls(place, header, entries)

    def __len__(self) -> int:
        return len(self.entries)

    def operation(self, entry: Entry) -> Operation:
        """The operation at ``entry``, with its measures. :class:`CassetteError` when its text is damaged."""
        path = self.folder / OPERATIONS
        with path.open("rb") as file:
            file.seek(entry.start)
            body = file.read(entry.end - entry.start)
        try:
            made = operation_of(entry.kind, entry.key, entry.occurrence, body)
        except ValueError as error:
            raise CassetteError(
                path, f"operation {entry.key}.{entry.occurrence}: {error}", "Restore the file"
            ) from None
        made.measures = self.measures.get(made.name, {})
        return made

    def operations(self) -> Iterator[Operation]:
        """All operations, in the order of the file."""
        return (self.operation(entry) for entry in self.entries)

    def blob(self, reference: dict[str, Any]) -> bytes:
        """The bytes that a blob reference stands for."""
        return self.blobs.get(reference[BLOB])

    @property
    def measures_path(self) -> Path:
        return measures_path(self.folder)

    @property
    def measures(self) -> dict[str, dict[str, Any]]:
        """Figures by operations' names; none when the file is not there."""
        if self._measures is None:
            try:
                lines = self.measures_path.read_text(encoding="utf-8").splitlines()
            except FileNotFoundError:
                lines = []
            self._measures = {m.pop("operation"): m for m in map(json.loads, lines)}
        return self._measures


def measures_path(folder: Path) -> Path:
    """Where the measures of the cassette in ``folder`` are: beside it."""
    return folder.with_name(folder.name.removesuffix(".cassette") + ".measures.jsonl")
