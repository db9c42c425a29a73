"""Messages kept for those who read the same rows again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

# What an entry takes beside its messages.
_ENTRY_BYTES = 512


@dataclass(frozen=True, slots=True)
class Chunk:
    """The encoded rows of a part of a stream: ready messages with their row counts."""

    messages: tuple[bytes, ...]
    row_counts: tuple[int, ...]
    rows: int = field(init=False)
    nbytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", sum(self.row_counts))
        object.__setattr__(self, "nbytes", sum(map(len, self.messages)) + _ENTRY_BYTES)


class ChunkCache:
    """Chunks of up to ``capacity`` bytes in all; the least recently read go first. Thread-safe."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.nbytes = 0
        self._chunks: OrderedDict[Hashable, Chunk] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Chunk | None:
        with self._lock:
            found = self._chunks.get(key)
            if found is not None:
                self._chunks.move_to_end(key)
            return found

    def put(self, key: Hashable, chunk: Chunk) -> None:
        """Keep a chunk, unless it alone would push out most of the others."""
        if chunk.nbytes > self.capacity // 4:
            return
        with self._lock:
            before = self._chunks.pop(key, None)
            if before is not None:
                self.nbytes -= before.nbytes
            self._chunks[key] = chunk
            self.nbytes += chunk.nbytes
            while self.nbytes > self.capacity:
                _, oldest = self._chunks.popitem(last=False)
                self.nbytes -= oldest.nbytes

    def clear(self) -> None:
        with self._lock:
            self._chunks.clear()
            self.nbytes = 0
