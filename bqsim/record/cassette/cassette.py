"""A cassette that is read: opened quickly, its operations parsed when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bqsim.record.model import BLOB, Operation

from .blobs import Blobs
from .errors import CassetteError
from .header import Header, read_header
from .scanning import Entry as Entry
from .scanning import line_of, scan
from .text import operation_of

OPERATIONS = "operations.txt"
BLOBS = "blobs"


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
        return cls(place, header, scan(place / OPERATIONS))

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
        except (ValueError, RecursionError) as error:
            # The line in the file, where the JSON tells the line in the operation.
            line = line_of(path, entry.start) + max(getattr(error, "lineno", 0) - 1, -1)
            said = getattr(error, "msg", str(error))
            raise CassetteError(path, f"operation {entry.name}: {said}", "Restore the file", line) from None
        made.measures = self.measures.get(made.name, {})
        return made

    def operations(self) -> Iterator[Operation]:
        """All operations, in the order of the file."""
        return (self.operation(entry) for entry in self.entries)

    def blob(self, reference: dict[str, Any]) -> bytes:
        """The bytes that a blob reference stands for."""
        return self.blobs.get(str(reference[BLOB]))

    @property
    def measures_path(self) -> Path:
        return measures_path(self.folder)

    @property
    def measures(self) -> dict[str, dict[str, Any]]:
        """Figures by operations' names; none when the file is not there."""
        if self._measures is None:
            self._measures = read_measures(self.measures_path)
        return self._measures

    @property
    def project(self) -> str:
        """The project that the calls were in, as the measures tell it; '' without them."""
        return next((str(m["project"]) for m in self.measures.values() if m.get("project")), "")


def measures_path(folder: Path) -> Path:
    """Where the measures of the cassette in ``folder`` are: beside it."""
    return folder.with_name(folder.name.removesuffix(".cassette") + ".measures.jsonl")


def read_measures(path: Path) -> dict[str, dict[str, Any]]:
    """The measures in a file, by operations' names; none when it is not there. :class:`CassetteError` for a
    line that is damaged."""
    found: dict[str, dict[str, Any]] = {}
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, 1):
                try:
                    members = json.loads(line)
                    found[members.pop("operation")] = members
                except (ValueError, KeyError, TypeError, AttributeError):
                    raise CassetteError(
                        path,
                        "this line has no measures of an operation",
                        "Restore or delete the file",
                        number,
                    ) from None
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise CassetteError(path, "this is no text of measures", "Restore or delete the file") from None
    return found
