"""ST_CLUSTERDBSCAN."""

from __future__ import annotations

import threading
from typing import Any

from bqsim.engine.kernels.kernel import Kernel
from bqsim.errors import invalid_query
from bqsim.types.geography.shapes import Shape, one_chunk, unpack
from bqsim.types.geography.sphere import EARTH_RADIUS, vectors

from .cells import geo
from .objects import object_of


def clusters(values: list[bytes | None], reach: float, least: int) -> list[int | None]:
    """The cluster of each value, from 0 in the order of the values; None of noise, empties and NULLs.

    ``reach`` in metres; a core value has ``least`` values within reach, itself among them.
    """
    if reach < 0 or reach != reach:
        raise invalid_query("ST_CLUSTERDBSCAN: epsilon must be non-negative")
    if least < 0:
        raise invalid_query("ST_CLUSTERDBSCAN: minimum_geographies must be non-negative")
    shapes = [Shape() if data is None else unpack(data) for data in values]
    near = _neighbours(shapes, reach)
    core = [bool(shape.count) and len(near[i]) >= least for i, shape in enumerate(shapes)]
    found: list[int | None] = [None] * len(shapes)
    count = 0
    for start, is_core in enumerate(core):
        if not is_core or found[start] is not None:
            continue
        found[start] = count
        reached = [start]
        while reached:
            for other in near[reached.pop()]:
                if found[other] is None:
                    found[other] = count
                    if core[other]:
                        reached.append(other)
        count += 1
    return found


def _neighbours(shapes: list[Shape], reach: float) -> list[list[int]]:
    """For each shape the shapes within reach, itself included."""
    if all(shape.dimension <= 0 and shape.count <= 1 for shape in shapes):
        return _near_points(shapes, reach)
    filled = [i for i, shape in enumerate(shapes) if shape.count]
    return _near_shapes(shapes, filled, reach)


def _near_points(shapes: list[Shape], reach: float) -> list[list[int]]:
    """By a grid of cubes as wide as the reach."""
    import numpy as np

    filled = [i for i, shape in enumerate(shapes) if shape.count]
    found: list[list[int]] = [[] for _ in shapes]
    if not filled:
        return found
    at = vectors([shapes[i].points[0] for i in filled])
    chord = 2 * np.sin(min(reach / EARTH_RADIUS, np.pi) / 2) + 1e-15
    grid = np.floor(at / max(chord, 1e-9)).astype(np.int64)
    cubes: dict[tuple[int, int, int], list[int]] = {}
    for row, cube in enumerate(map(tuple, grid.tolist())):
        cubes.setdefault(cube, []).append(row)
    steps = [(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)]
    for cube, rows in cubes.items():
        around = [r for x, y, z in steps for r in cubes.get((cube[0] + x, cube[1] + y, cube[2] + z), ())]
        others = np.array(sorted(around))
        for row in rows:
            squared = np.sum((at[others] - at[row]) ** 2, axis=1)
            found[filled[row]] = [filled[i] for i in others[squared <= chord * chord].tolist()]
    return found


def _near_shapes(shapes: list[Shape], filled: list[int], reach: float) -> list[list[int]]:
    import numpy as np

    found: list[list[int]] = [[] for _ in shapes]
    objects = np.empty(len(filled), object)
    objects[:] = [object_of(shapes[i]) for i in filled]
    for row, i in enumerate(filled):
        apart = geo().distance(objects[row:], objects[row], radius=EARTH_RADIUS)
        for j in (np.flatnonzero(apart <= reach) + row).tolist():
            found[i].append(filled[j])
            if j != row:
                found[filled[j]].append(i)
    return [sorted(others) for others in found]


class _Last:
    """The clusters of the last list: the engine hands over the same one for every row of a partition."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: Any = None
        self._found: list[int | None] = []

    def get(self, values: list[bytes | None], reach: float, least: int) -> list[int | None]:
        key = (values, reach, least)
        with self._lock:
            if key != self._key:
                self._found, self._key = clusters(values, reach, least), key
            return self._found


def _cluster(lists: Any, reaches: Any, leasts: Any, places: Any) -> Any:
    """The cluster of the value at a place (from 1) of each row's list."""
    import pyarrow as pa

    array = one_chunk(lists)
    rows = zip(reaches.to_pylist(), leasts.to_pylist(), places.to_pylist(), strict=True)
    last = _Last()
    before: Any = None
    values: list[bytes | None] = []
    found: list[int | None] = []
    for number, (reach, least, place) in enumerate(rows):
        here = array[number].values
        if place is None or reach is None or least is None:
            found.append(None)
            continue
        if before is None or place == 1 or not here.equals(before):
            values, before = here.to_pylist(), here
        found.append(last.get(values, reach, least)[place - 1])
    return pa.array(found, pa.int64())


KERNELS = (
    Kernel(
        "bq_geo_cluster",
        ("BLOB[]", "DOUBLE", "BIGINT", "BIGINT"),
        "BIGINT",
        _cluster,
        null_in_null_out=False,
    ),
)
