"""Objects that were deleted softly: kept for as long as their bucket says, and restored."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import RLock

from bqsim.sim.clock import Clock

from .archive import DELETED, Archive
from .model import Bucket, ObjectInfo


class SoftDeleted:
    """What the buckets of a store can restore. Thread-safe: under the store's ``lock``; ``folder`` is where a
    bucket's are."""

    def __init__(self, clock: Clock, lock: RLock, folder: Callable[[str], Path]) -> None:
        self._clock = clock
        self._lock = lock
        self._folder = folder

    def keep(self, bucket: Bucket | None, info: ObjectInfo, path: Path) -> None:
        """Take the file of an object that is about to be gone, where its bucket lets it be restored."""
        if bucket is None or not bucket.soft_delete_s:
            return
        now_us = self._clock.now_us()
        with self._lock:
            known = replace(
                info,
                deleted_us=info.deleted_us or now_us,
                soft_deleted_us=now_us,
                hard_delete_us=now_us + bucket.soft_delete_s * 1_000_000,
            )
            self._of(bucket.name).add(known, path)

    def listed(self, bucket: str, prefix: str = "") -> list[ObjectInfo]:
        """The objects that can be restored, by name and generation."""
        with self._lock:
            return [v for v in self._of(bucket).versions() if v.name.startswith(prefix)]

    def find(self, bucket: str, name: str, generation: int) -> ObjectInfo | None:
        """One of :meth:`listed`."""
        with self._lock:
            return self._of(bucket).find(name, generation)

    def copy(self, info: ObjectInfo, path: Path) -> bool:
        """Copy the content of one of :meth:`listed`; False when it is gone for good."""
        with self._lock:
            kept = self._of(info.bucket).path(info)
            if not kept.is_file():
                return False
            shutil.copyfile(kept, path)
            return True

    def _of(self, bucket: str) -> Archive:
        """What a bucket keeps, without what has been kept long enough."""
        kept = Archive(self._folder(bucket), DELETED)
        kept.sweep(self._clock.now_us())
        return kept
