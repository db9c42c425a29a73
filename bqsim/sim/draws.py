"""Seeded draws: the only source of chance and of generated ids.

A draw is keyed by (seed, purpose, occurrence): the n-th draw of a purpose is the same in every run
with the same seed, whatever other purposes draw in between.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import threading
from collections.abc import Iterator


class Draws:
    """``seed=None`` takes a fresh seed; read it from ``.seed`` to repeat the run."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = secrets.randbits(63) if seed is None else seed
        self._counters: dict[str, Iterator[int]] = {}
        self._lock = threading.Lock()

    def _digest(self, purpose: str) -> bytes:
        with self._lock:
            n = next(self._counters.setdefault(purpose, itertools.count()))
        return hashlib.blake2b(f"{self.seed}/{purpose}/{n}".encode(), digest_size=16).digest()

    def uniform(self, purpose: str) -> float:
        """The next draw of ``purpose`` in [0, 1)."""
        return int.from_bytes(self._digest(purpose)[:7], "big") / (1 << 56)

    def hex_id(self, purpose: str, length: int = 32) -> str:
        """A generated identifier of up to 32 lower-case hex digits."""
        return self._digest(purpose).hex()[:length]

    def uuid(self, purpose: str) -> str:
        """A generated identifier in the form of a UUID."""
        h = self._digest(purpose).hex()
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
