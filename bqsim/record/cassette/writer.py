"""Cassettes that are written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from bqsim.record.model import BLOB, Operation, blob_reference

from .blobs import Blobs
from .cassette import BLOBS, OPERATIONS, Cassette, measures_path
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
        """Write the operations, in the order given, their measures and the header, each whole or not at all.
        ValueError when two operations have one name, or occurrences of a key are missing between others."""
        self.folder.mkdir(parents=True, exist_ok=True)
        found: dict[str, set[int]] = {}
        path, beside = self.folder / OPERATIONS, measures_path(self.folder)
        with _Replacing(path) as texts, _Replacing(beside) as measures:
            for operation in operations:
                occurrences = found.setdefault(operation.key, set())
                if operation.occurrence in occurrences:
                    raise ValueError(f"there are two operations {operation.name}")
                occurrences.add(operation.occurrence)
                texts.write(operation_text(operation))
                if operation.measures:
                    told = {"operation": operation.name, **operation.measures}
                    measures.write(json.dumps(told, sort_keys=True) + "\n")
            for key, occurrences in found.items():
                if max(occurrences) != len(occurrences):
                    raise ValueError(f"occurrences of {key} are missing: there are {len(occurrences)}")
        with _Replacing(self.folder / FILE) as file:
            file.write(header.text())


class _Replacing:
    """A text file that comes in the place of another when it is whole."""

    def __init__(self, path: Path) -> None:
        self._path, self._part = path, path.with_name(path.name + ".part")

    def __enter__(self) -> TextIO:
        self._file = self._part.open("w", encoding="utf-8", newline="\n")
        return self._file

    def __exit__(self, kind: object, *about: object) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink()


def digests(value: Any) -> Iterator[str]:
    """The digests of the blobs that JSON refers to."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if BLOB in one:
                yield str(one[BLOB])
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)


def prune(cassette: Cassette) -> int:
    """Remove blobs that no operation refers to, and halves that were left; how many."""
    wanted = {d for o in cassette.operations() for d in digests([o.request, o.result, o.exchanges])}
    count = 0
    for path in sorted((cassette.folder / BLOBS).glob("*/*")):
        if path.name.partition(".")[0] not in wanted or path.suffix == ".part":
            path.unlink()
            count += 1
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    return count
