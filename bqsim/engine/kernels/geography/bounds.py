"""Bounds of values in the space of the sphere, for joins: conservative and cheap."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from bqsim.engine.kernels.kernel import Kernel
from bqsim.types.geography.shapes import Shape, is_full, one_chunk, point_columns, unpack
from bqsim.types.geography.sphere import curvature, to_xyz, unit, vectors

Bounds = tuple[float, float, float, float, float, float]
_ALL: Bounds = (-1.0, 1.0, -1.0, 1.0, -1.0, 1.0)
# Caps wider than this many radians bound nothing.
_WIDEST = 1.5


@lru_cache(maxsize=65536)
def _bounds(data: bytes) -> Bounds:
    return bounds(unpack(data))


def bounds(shape: Shape) -> Bounds:
    """Lowest and highest x, y and z of a cap around a shape."""
    import numpy as np

    if not shape.count or any(is_full(polygon) for polygon in shape.polygons):
        return _ALL
    at = vectors(shape.vertices())
    total = at.sum(axis=0)
    if not float(total @ total):
        return _ALL
    centre = unit(total)
    reach = float(np.max(2 * np.arcsin(np.minimum(1, 0.5 * np.linalg.norm(at - centre, axis=1)))))
    outside_in = any(curvature(vectors(polygon[0])) < 0 for polygon in shape.polygons)
    if reach > _WIDEST or outside_in:
        return _ALL
    found = []
    for value in centre.tolist():
        turn = math.acos(max(-1.0, min(1.0, value)))
        found += [math.cos(min(math.pi, turn + reach)), math.cos(max(0.0, turn - reach))]
    return found[0], found[1], found[2], found[3], found[4], found[5]


def _bound(values: Any, numbers: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    columns = point_columns(values)
    wanted = np.asarray(numbers, np.int64)
    if columns is not None:
        return pa.array(to_xyz(*columns)[np.arange(len(wanted)), wanted // 2])
    rows = zip(one_chunk(values).to_pylist(), wanted.tolist(), strict=True)
    return pa.array([_bounds(data)[number] for data, number in rows], pa.float64())


KERNELS = (Kernel("bq_geo_bound", ("BLOB", "BIGINT"), "DOUBLE", _bound),)
