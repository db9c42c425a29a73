"""``sample_percentage``: some of the blocks of a source, as TABLESAMPLE SYSTEM takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bqsim.storage.errors import invalid_argument

from .blocks import Blocks

# A source is cut into at least about this many blocks, or into its rows.
BLOCKS = 1000
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Sample:
    """Takes a block of ``size`` rows with the probability ``share``; which ones depends on ``seed``."""

    seed: int
    share: float
    size: int

    def blocks(self, start: int, end: int) -> list[int]:
        """The numbers of the blocks taken that hold some of rows ``[start, end)``."""
        if end <= start:
            return []
        numbers = np.arange(start // self.size, (end - 1) // self.size + 1, dtype=np.uint64)
        threshold = self.share * 2.0**64
        taken: list[int] = numbers[_mixed(numbers, self.seed).astype(np.float64) < threshold].tolist()
        return taken

    def runs(self, start: int, end: int) -> list[tuple[int, int]]:
        """The rows taken of ``[start, end)``, as ranges in order."""
        found: list[tuple[int, int]] = []
        for block in self.blocks(start, end):
            low, high = max(start, block * self.size), min(end, (block + 1) * self.size)
            if found and found[-1][1] == low:
                low = found.pop()[0]
            found.append((low, high))
        return found


def sample_of(percentage: float, seed: int, blocks: Blocks) -> Sample | None:
    """The sample that a percentage asks for, None for all rows; INVALID_ARGUMENT when it is none."""
    if not 0.0 <= percentage <= 100.0:
        raise invalid_argument(f"sample_percentage must be in the range [0, 100]: {percentage}")
    if percentage == 100.0:
        return None
    size = max(1, min(blocks.size, blocks.rows // BLOCKS))
    return Sample(seed, percentage / 100.0, size)


def _mixed(numbers: np.ndarray, seed: int) -> np.ndarray:
    """Well mixed 64-bit values of the numbers (splitmix64)."""
    with np.errstate(over="ignore"):
        x = (numbers + np.uint64(seed & 0xFFFF_FFFF_FFFF_FFFF)) * np.uint64(_MIX[0])
        x = (x ^ (x >> np.uint64(30))) * np.uint64(_MIX[1])
        x = (x ^ (x >> np.uint64(27))) * np.uint64(_MIX[2])
        return x ^ (x >> np.uint64(31))
