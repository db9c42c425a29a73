"""Random numbers by the million: generators that follow from a seed and a purpose, and from nothing else."""

from __future__ import annotations

import hashlib

import numpy as np


def key(seed: int, *purpose: object) -> int:
    """128 bits by which the generator of a purpose is keyed; all kinds of ``purpose`` count by their text."""
    # Each text by its length, so that no two purposes read the same.
    parts = [str(seed), *(str(one) for one in purpose)]
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def generator(seed: int, *purpose: object) -> np.random.Generator:
    """The generator of a purpose under a seed, from its begin: the same numbers in every run, process and
    order of calls, with one version of numpy. ``generator(1, "arrivals", 3)`` is independent of
    ``generator(1, "arrivals", 4)``."""
    return np.random.Generator(np.random.Philox(key=key(seed, *purpose)))
