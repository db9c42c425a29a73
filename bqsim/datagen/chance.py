"""Seeded streams of chance in bulk, and numbers drawn from them.

A stream belongs to (seed, purpose): columns do not disturb each other. What is drawn from it does not
depend on how many values are taken at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bqsim.sim.draws import Draws

from .spec import Lengths, SpecError

# The most different values that a skewed choice has a table of shares for.
MAX_SKEWED = 10_000_000
MAX_SIZE = 1 << 62
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_ROUNDS = 4


def stream(seed: int, *purpose: str) -> np.random.Generator:
    """The stream of chance of one purpose."""
    key = Draws(seed).hex_id("\0".join(purpose))
    return np.random.Generator(np.random.PCG64DXSM(int(key, 16)))


def mixed(values: Any, key: Any) -> Any:
    """A hash of uint64 numbers."""
    mixed = (values + key) * _GOLDEN
    mixed ^= mixed >> np.uint64(29)
    mixed *= _MIX
    return mixed ^ (mixed >> np.uint64(32))


class Permutation:
    """The numbers 0 … ``size`` - 1 in a shuffled order that needs no table (a Feistel network)."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.size = size
        self._half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
        self._mask = np.uint64((1 << int(self._half)) - 1)
        self._keys = rng.integers(0, MAX_SIZE, _ROUNDS).astype(np.uint64)

    def __call__(self, ordinals: Any) -> Any:
        """The shuffled numbers at ``ordinals`` (int64); a LookupError beyond the size."""
        if len(ordinals) and int(ordinals.max()) >= self.size:
            raise LookupError(int(ordinals.max()))
        out = self._shuffled(ordinals.astype(np.uint64))
        outside = np.flatnonzero(out >= np.uint64(self.size))
        while len(outside):
            out[outside] = self._shuffled(out[outside])
            outside = outside[out[outside] >= np.uint64(self.size)]
        return out.astype(np.int64)

    def _shuffled(self, values: Any) -> Any:
        left, right = values >> self._half, values & self._mask
        for key in self._keys:
            left, right = right, left ^ (mixed(right, key) & self._mask)
        return (left << self._half) | right


class Choice:
    """Draws of 0 … ``size`` - 1: alike, by Zipf's law with exponent ``skew``, or by ``weights``."""

    def __init__(self, size: int, skew: float = 0.0, weights: tuple[float, ...] = ()) -> None:
        self.size = size
        self._ends: Any = None
        if skew or weights:
            shares = np.array(weights, float) if weights else np.arange(1.0, size + 1) ** -skew
            self._ends = np.cumsum(shares / shares.sum())

    def draw(self, rng: np.random.Generator, count: int) -> Any:
        if self._ends is None:
            return rng.integers(0, self.size, count)
        found = np.searchsorted(self._ends, rng.random(count), side="right")
        return np.minimum(found, self.size - 1).astype(np.int64)


_COUNTS: dict[str, Callable[[np.random.Generator, float, int], Any]] = {
    "poisson": lambda rng, mean, count: rng.poisson(mean, count),
    "geometric": lambda rng, mean, count: rng.geometric(1 / (mean + 1), count) - 1,
}


def draw_lengths(rng: np.random.Generator, lengths: Lengths, count: int) -> Any:
    """``count`` lengths of arrays."""
    if lengths.kind == "uniform":
        return rng.integers(lengths.least, lengths.greatest + 1, count)
    mean = (lengths.least + lengths.greatest) / 2 if lengths.mean is None else lengths.mean
    return np.clip(_COUNTS[lengths.kind](rng, mean, count), lengths.least, lengths.greatest)


def check_size(path: str, wanted: int, size: int) -> None:
    """Raise :class:`SpecError` when fewer different values exist than are wanted."""
    if wanted > size:
        raise SpecError(path, f"{wanted} different values are wanted, but there are only {size}")
