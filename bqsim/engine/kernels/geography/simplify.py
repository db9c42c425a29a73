"""ST_SIMPLIFY: chains of short edges become single edges within a tolerance."""

from __future__ import annotations

from typing import Any

from bqsim.types.geography.cells import in_cell_order
from bqsim.types.geography.normal import normalised
from bqsim.types.geography.shapes import FULL, BadGeography, Path, Shape, is_full
from bqsim.types.geography.sphere import EARTH_RADIUS, closest_on_edges, metres, vectors

_GREATEST_METRES = 7_800_000.0


def simplified(shape: Shape, tolerance: float) -> Shape:
    """A shape whose removed vertices were within ``tolerance`` metres of the edges that remain."""
    if not 0 <= tolerance <= _GREATEST_METRES:
        raise BadGeography(f"Tolerance must be between 0 and {_GREATEST_METRES:.0f} meters")
    if not tolerance:
        return shape
    sites = _sites(shape.vertices(), tolerance)
    found = Shape(points=in_cell_order([sites[point] for point in shape.points]))
    for line in shape.lines:
        _add_line(found, _chain([sites[v] for v in line], tolerance))
    for polygon in shape.polygons:
        if is_full(polygon):
            return FULL
        _add_polygon(found, [[sites[v] for v in ring] for ring in polygon], tolerance)
    return normalised(Shape(found.points, found.lines, []), oriented=True) if not found.polygons else found


def _sites(vertices: Path, tolerance: float) -> dict[Any, Any]:
    """For each vertex the one that stands for all within the tolerance, chosen in the order of cells."""
    import numpy as np

    limit = (2 * np.sin(tolerance / EARTH_RADIUS / 2)) ** 2
    order = in_cell_order(vertices)
    kept: Path = []
    at = np.empty((0, 3))
    for v in order:
        here = vectors([v])
        if not len(at) or float(np.min(np.sum((at - here) ** 2, axis=1))) > limit:
            kept.append(v)
            at = np.concatenate([at, here])
    return {v: kept[int(np.argmin(np.sum((at - vectors([v])) ** 2, axis=1)))] for v in order}


def _chain(path: Path, tolerance: float) -> Path:
    """A path without the vertices that are near the edge between those that stay."""
    import numpy as np

    path = [v for i, v in enumerate(path) if i == 0 or v != path[i - 1]]
    if len(path) < 3:
        return path
    at = vectors(path)
    keep = {0, len(path) - 1}
    open_spans = [(0, len(path) - 1)]
    while open_spans:
        first, last = open_spans.pop()
        if last - first < 2:
            continue
        squared = closest_on_edges(at[first + 1 : last], at[first : first + 1], at[last : last + 1])[0][:, 0]
        farthest = int(np.argmax(squared))
        if metres(float(squared[farthest])) > tolerance:
            middle = first + 1 + farthest
            keep.add(middle)
            open_spans += [(first, middle), (middle, last)]
    return [path[i] for i in sorted(keep)]


def _add_line(found: Shape, path: Path) -> None:
    if len(set(path)) == 1:
        found.points = in_cell_order([*found.points, path[0]])
    elif path:
        found.lines.append(path)


def _add_polygon(found: Shape, rings: list[Path], tolerance: float) -> None:
    kept: list[Path] = []
    for number, ring in enumerate(rings):
        path = _ring(ring, tolerance)
        if len(path) >= 3:
            kept.append(path)
        elif number == 0:
            _add_line(found, path)
            return
    found.polygons.append(kept)


def _ring(ring: Path, tolerance: float) -> Path:
    import numpy as np

    closed = ring + ring[:1]
    at = vectors(ring)
    far = int(np.argmax(np.sum((at - at[0]) ** 2, axis=1)))
    first, second = _chain(closed[: far + 1], tolerance), _chain(closed[far:], tolerance)
    return first[:-1] + second[:-1] if far else first
