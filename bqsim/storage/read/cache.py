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
    """Chunks of up to ``capacity`` bytes in all, by what is read (``reading``) and which part of it.

    The least recently used reading goes first. One that is alone in the cache and too large for it keeps
    its first chunks: dropping the oldest for the newest would leave nothing to those who read it again from
    the start. Thread-safe.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.nbytes = 0
        self._readings: OrderedDict[Hashable, OrderedDict[Hashable, Chunk]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """The number of chunks."""
        with self._lock:
            return sum(map(len, self._readings.values()))

    def get(self, reading: Hashable, part: Hashable) -> Chunk | None:
        with self._lock:
            chunks = self._readings.get(reading)
            if chunks is None:
                return None
            self._readings.move_to_end(reading)
            return chunks.get(part)

    def put(self, reading: Hashable, part: Hashable, chunk: Chunk) -> None:
        """Keep a chunk if there is room, or if there are other readings to make room."""
        if chunk.nbytes > self.capacity:
            return
        with self._lock:
            chunks = self._readings.setdefault(reading, OrderedDict())
            self._readings.move_to_end(reading)
            before = chunks.pop(part, None)
            if before is not None:
                self.nbytes -= before.nbytes
            while self.nbytes + chunk.nbytes > self.capacity:
                oldest, others = next(iter(self._readings.items()))
                if oldest == reading:
                    return
                self.nbytes -= others.popitem()[1].nbytes
                if not others:
                    del self._readings[oldest]
            chunks[part] = chunk
            self.nbytes += chunk.nbytes

    def clear(self) -> None:
        with self._lock:
            self._readings.clear()
            self.nbytes = 0
