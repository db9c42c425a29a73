"""Objects of a bucket that are not current: versions, and what was deleted softly. A file each, and what is
known of it beside."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from .files import read_json, write_json
from .model import ObjectInfo

VERSIONS, DELETED = "%versions", "%deleted"


class Archive:
    """What is kept in a folder. Not thread-safe: the store's lock guards it."""

    def __init__(self, folder: Path, kind: str = VERSIONS) -> None:
        self._folder = folder / kind

    def add(self, info: ObjectInfo, path: Path) -> None:
        """Move the file of an object that was current here."""
        kept = self._path(info.name, info.generation)
        kept.parent.mkdir(parents=True, exist_ok=True)
        path.replace(kept)
        write_json(kept.with_suffix(".json"), asdict(info))

    def find(self, name: str, generation: int) -> ObjectInfo | None:
        """A version; None when it is not kept."""
        known = read_json(self._path(name, generation).with_suffix(".json"))
        return None if known is None else ObjectInfo(**known)

    def path(self, info: ObjectInfo) -> Path:
        """The file of a version."""
        return self._path(info.name, info.generation)

    def sweep(self, now_us: int) -> None:
        """Delete for good what was kept up to now."""
        for info in self.versions():
            if info.hard_delete_us is not None and info.hard_delete_us <= now_us:
                self.delete(info)

    def open(self, info: ObjectInfo) -> BinaryIO:
        """The content of a version."""
        return self._path(info.name, info.generation).open("rb")

    def versions(self) -> list[ObjectInfo]:
        """All versions, by name and generation."""
        if not self._folder.is_dir():
            return []
        known = (read_json(path) for path in self._folder.glob("*.json"))
        return sorted((ObjectInfo(**k) for k in known if k), key=lambda v: (v.name, v.generation))

    def delete(self, info: ObjectInfo) -> None:
        """Delete a version."""
        path = self._path(info.name, info.generation)
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)

    def _path(self, name: str, generation: int) -> Path:
        digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=12).hexdigest()
        return self._folder / f"{generation}-{digest}.data"
