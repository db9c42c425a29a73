"""Random numbers by the million: generators that follow from a seed and a purpose, and from nothing else."""

from __future__ import annotations

import hashlib

import numpy as np

from .lists import drawn

# The draws of a world as they are written: a few numbers are not worth compiling for.
_drawn = getattr(drawn, "py_func", drawn)


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


def of_world(seed: int) -> int:
    """What a world makes of a seed."""
    return seed % (2**31 - 1)


def picked(seed: int, user: int, turn: int, count: int) -> int:
    """Which of so many jobs a closed user submits in its turn, as in a world of that seed."""
    return int(_drawn(of_world(seed) + 7919, user, turn) * count)


def jittered(seed: int, row: int, attempt: int, at_ms: float) -> float:
    """The drawn part, in [0, 1), of the wait after an attempt of a job that came at ``at_ms``, as in a world
    of that seed."""
    # What was divided and multiplied since is a little less than it was.
    return float(_drawn(of_world(seed), row + 4 * attempt, int(at_ms + 1e-6)))
