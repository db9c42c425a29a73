"""Ids of S2 cells, and the order in which values keep their points."""

from __future__ import annotations

from functools import cache
from typing import Any

from .shapes import Path
from .sphere import vectors

MAX_LEVEL = 30
# The order of the four children along the curve, by orientation, and how each turns it.
_IJ_TO_POSITION = ((0, 1, 3, 2), (0, 3, 1, 2), (2, 3, 1, 0), (2, 1, 3, 0))
_TURNS = (1, 0, 0, 3)


@cache
def _tables() -> tuple[Any, Any]:
    import numpy as np

    positions = np.array(_IJ_TO_POSITION, np.int64)
    turned = np.array([[o ^ _TURNS[positions[o][ij]] for ij in range(4)] for o in range(4)], np.int64)
    return positions, turned


def cell_ids(xyz: Any) -> Any:
    """Ids (uint64) of the leaf cells of unit vectors (n, 3)."""
    import numpy as np

    count = len(xyz)
    rows = np.arange(count)
    axis = np.argmax(np.abs(xyz), axis=1)
    face = axis + 3 * (xyz[rows, axis] < 0)
    x, y, z = xyz[:, 0], xyz[:, 1], xyz[:, 2]
    numerators = {
        0: (y, z, x), 1: (-x, z, y), 2: (-x, -y, z), 3: (z, y, x), 4: (z, -x, y), 5: (-y, -x, z)
    }  # fmt: skip
    u, v = np.zeros(count), np.zeros(count)
    for number, (first, second, by) in numerators.items():
        here = face == number
        u[here], v[here] = first[here] / by[here], second[here] / by[here]
    i, j = (_leaf(_stretched(side)) for side in (u, v))
    positions, turned = _tables()
    orientation = face & 1
    position = np.zeros(count, np.uint64)
    for bit in range(MAX_LEVEL - 1, -1, -1):
        ij = (((i >> bit) & 1) << 1) | ((j >> bit) & 1)
        position = (position << np.uint64(2)) | positions[orientation, ij].astype(np.uint64)
        orientation = turned[orientation, ij]
    return (face.astype(np.uint64) << np.uint64(61)) | (position << np.uint64(1)) | np.uint64(1)


def _stretched(side: Any) -> Any:
    """S2's quadratic projection, from [-1, 1] to [0, 1]."""
    import numpy as np

    root = np.sqrt(1 + 3 * np.abs(side))
    return np.where(side >= 0, 0.5 * root, 1 - 0.5 * root)


def _leaf(side: Any) -> Any:
    import numpy as np

    size = 1 << MAX_LEVEL
    return np.clip(np.floor(size * side).astype(np.int64), 0, size - 1)


def in_cell_order(points: Path) -> Path:
    """Distinct points in the order of their cells, in which the service keeps them."""
    if len(points) < 2:
        return points
    distinct = list(dict.fromkeys(points))
    ids = cell_ids(vectors(distinct)).tolist()
    return [point for _, point in sorted(zip(ids, distinct, strict=True))]


def at_level(ids: Any, level: Any) -> Any:
    """The ancestors of leaf cells at a level."""
    import numpy as np

    lowest = np.uint64(1) << (2 * (MAX_LEVEL - level)).astype(np.uint64)
    return (ids & ~(lowest - np.uint64(1)) & ~lowest) | lowest
