"""Measures in metres, square metres and radians."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bqsim.engine.kernels.kernel import Kernel
from bqsim.types.geography.shapes import (
    BadGeography,
    Shape,
    is_full,
    one_chunk,
    point_columns,
    shapes_of,
    unpack,
)
from bqsim.types.geography.sphere import (
    EARTH_RADIUS,
    angle,
    chord_angle,
    closest_on_edges,
    metres,
    to_xyz,
    vectors,
)

from .boxes import Box, bounding_box, extent
from .cells import geo
from .objects import failing, filled, object_of, objects_of

# Vertices of one side that are compared with all edges of the other at once.
_BLOCK = 256


def path_metres(path: Any) -> float:
    """The length of a path."""
    if len(path) < 2:
        return 0.0
    ends = vectors(path)
    return EARTH_RADIUS * float(angle(ends[:-1], ends[1:]).sum())


def length(shape: Shape) -> float:
    return sum((path_metres(line) for line in shape.lines), 0.0)


def perimeter(shape: Shape) -> float:
    rings = [ring for polygon in shape.polygons for ring in polygon]
    return sum((path_metres(ring + ring[:1]) for ring in rings), 0.0)


def area(shape: Shape) -> float:
    if not shape.polygons:
        return 0.0
    if any(is_full(polygon) for polygon in shape.polygons):
        return 4 * math.pi * EARTH_RADIUS**2
    return float(geo().area(object_of(Shape(polygons=shape.polygons)), radius=EARTH_RADIUS))


def max_distance(a: Shape, b: Shape) -> float | None:
    """The greatest distance between a vertex of one and a vertex of the other."""
    import numpy as np

    if not a.count or not b.count:
        return None
    first, second = vectors(a.vertices()), vectors(b.vertices())
    squared = 0.0
    for start in range(0, len(first), _BLOCK):
        block = first[start : start + _BLOCK]
        squared = max(squared, float(np.max(np.sum((block[:, None] - second[None]) ** 2, axis=2))))
    return metres(squared)


def hausdorff_metres(a: Shape, b: Shape, directed: bool) -> float | None:
    """The greatest distance from a vertex of one to the other; of both directions unless ``directed``."""
    if not a.count or not b.count:
        return None
    found = _directed(a, b)
    return found if directed else max(found, _directed(b, a))


def _directed(a: Shape, b: Shape) -> float:
    import numpy as np

    points = vectors(a.vertices())
    edges = b.edges()
    if not edges:
        return 0.0
    starts, ends = vectors([e[0] for e in edges]), vectors([e[1] for e in edges])
    inside = np.zeros(len(points), bool)
    if b.polygons:
        solid = object_of(Shape(polygons=b.polygons))
        lng_lat = np.array(a.vertices())
        inside = np.asarray(geo().intersects(solid, geo().points(lng_lat[:, 0], lng_lat[:, 1])))
    squared = 0.0
    for start in range(0, len(points), _BLOCK):
        nearest = closest_on_edges(points[start : start + _BLOCK], starts, ends)[0].min(axis=1)
        nearest[inside[start : start + _BLOCK]] = 0
        squared = max(squared, float(nearest.max()))
    return metres(squared)


def _pairs(function: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel of a measure of two shapes and further arguments."""

    def run(first: Any, second: Any, *more: Any) -> Any:
        import pyarrow as pa

        columns = [column.to_pylist() for column in more]
        rows = [one_chunk(first).to_pylist(), one_chunk(second).to_pylist(), *columns]
        return pa.array([_measured(function, row) for row in zip(*rows, strict=True)], pa.float64())

    return run


def _measured(function: Callable[..., Any], row: tuple[Any, ...]) -> Any:
    if None in row:
        return None
    return function(unpack(row[0]), unpack(row[1]), *row[2:])


def _single(function: Callable[[Shape], float]) -> Callable[[Any], Any]:
    def run(values: Any) -> Any:
        import numpy as np
        import pyarrow as pa

        if point_columns(values) is not None:
            return pa.array(np.zeros(len(values)))
        return pa.array([function(shape) for shape in shapes_of(values)], pa.float64())

    return run


def distances(first: Any, second: Any) -> Any:
    """Metres between the values of two columns, NaN where one is empty."""
    import numpy as np

    a, b = point_columns(first), point_columns(second)
    if a is not None and b is not None:
        return EARTH_RADIUS * chord_angle(to_xyz(*a), to_xyz(*b))
    present = filled(first) & filled(second)
    found = np.full(len(present), np.nan)
    if present.any():
        x, y = objects_of(first)[present], objects_of(second)[present]
        found[present] = geo().distance(x, y, radius=EARTH_RADIUS)
    return found


def _distance(first: Any, second: Any) -> Any:
    """ST_DISTANCE; NULL where one is empty."""
    import numpy as np
    import pyarrow as pa

    a, b = one_chunk(first), one_chunk(second)
    if a.null_count or b.null_count:
        valid = np.asarray(a.is_valid()) & np.asarray(b.is_valid())
        found = np.full(len(a), np.nan)
        keep = pa.array(valid)
        found[valid] = distances(a.filter(keep), b.filter(keep))
    else:
        found = distances(a, b)
    return pa.array(found, from_pandas=True)


def _points_of(columns: tuple[Any, ...]) -> tuple[list[Any], Any]:
    """Vectors of columns of single points, and which rows have no NULL."""
    import numpy as np
    import pyarrow as pa

    arrays = [one_chunk(column) for column in columns]
    valid = np.ones(len(arrays[0]), bool)
    for array in arrays:
        valid &= np.asarray(array.is_valid())
    found = []
    for array in arrays:
        numbers = point_columns(array.filter(pa.array(valid)))
        if numbers is None:
            raise BadGeography("Input geographies must each be a single point")
        found.append(to_xyz(*numbers))
    return found, valid


def _spread(values: Any, valid: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    found = np.full(len(valid), np.nan)
    found[valid] = values
    return pa.array(found, from_pandas=True)


def _degenerate(a: Any, b: Any) -> Any:
    """Whether two vectors are the same or opposite."""
    import numpy as np

    same = np.sum((a - b) ** 2, axis=1)
    opposite = np.sum((a + b) ** 2, axis=1)
    return (same < 1e-30) | (opposite < 1e-30)


def _angle(*columns: Any) -> Any:
    """ST_ANGLE: clockwise from the line to the first point to the line to the third."""
    import numpy as np

    (a, b, c), valid = _points_of(columns)
    found = np.where(_degenerate(a, b) | _degenerate(b, c), np.nan, _clockwise(a, b, c))
    return _spread(found, valid)


def _clockwise(a: Any, b: Any, c: Any) -> Any:
    import numpy as np

    first, second = np.cross(b, a), np.cross(b, c)
    turned = np.arctan2(np.sum(np.cross(first, second) * b, axis=1), np.sum(first * second, axis=1))
    clockwise = -turned
    return np.where(clockwise < -1e-15, clockwise + 2 * np.pi, np.abs(clockwise))


def _azimuth(*columns: Any) -> Any:
    """ST_AZIMUTH: clockwise from north."""
    import numpy as np

    (a, b), valid = _points_of(columns)
    # East and north at the first point; at a pole those of longitude 0.
    flat = np.hypot(a[:, 0], a[:, 1])[:, None]
    east = np.where(flat > 1e-15, np.stack([-a[:, 1], a[:, 0], 0 * a[:, 0]], 1), np.array([0.0, 1.0, 0.0]))
    north = np.cross(a, east)
    found = np.arctan2(np.sum(b * east, axis=1), np.sum(b * north, axis=1))
    found = np.where(found < -1e-15, found + 2 * np.pi, np.abs(found))
    return _spread(np.where(_degenerate(a, b), np.nan, found), valid)


def _boxes(boxes: list[Box | None]) -> Any:
    import pyarrow as pa

    names = ("_1", "_2", "_3", "_4")
    rows = [None if box is None else dict(zip(names, box, strict=True)) for box in boxes]
    return pa.array(rows, pa.struct([(name, pa.float64()) for name in names]))


def _bounding_box(values: Any) -> Any:
    rows = one_chunk(values).to_pylist()
    return _boxes([None if data is None else bounding_box(unpack(data)) for data in rows])


def _extent(lists: Any) -> Any:
    """The extent of lists of values."""
    found: list[Box | None] = []
    for row in lists.to_pylist():
        boxes = [bounding_box(unpack(data)) for data in dict.fromkeys(row or ()) if data is not None]
        present = [box for box in boxes if box is not None]
        found.append(extent(present) if present else None)
    return _boxes(found)


def locate(line: Any, point: Any) -> float:
    """The fraction of a line (vectors) at which it is nearest to a point."""
    import numpy as np

    lengths = angle(line[:-1], line[1:])
    squared, nearest = closest_on_edges(point[None], line[:-1], line[1:])
    edge = int(np.argmin(squared[0]))
    whole = float(lengths.sum())
    done = float(lengths[:edge].sum()) + float(angle(line[edge], nearest[0, edge]))
    return min(1.0, max(0.0, done / whole)) if whole else 0.0


def _locate(a: Shape, b: Shape) -> float:
    if a.count != 1 or not a.lines:
        raise BadGeography("First input geography must be a single linestring")
    if b.count != 1 or not b.points:
        raise BadGeography("Second input geography must be a single point")
    return locate(vectors(a.lines[0]), vectors(b.points)[0])


_G, _PAIR = ("BLOB",), ("BLOB", "BLOB")
BOX = "STRUCT(_1 DOUBLE, _2 DOUBLE, _3 DOUBLE, _4 DOUBLE)"
KERNELS = (
    Kernel("bq_geo_area", _G, "DOUBLE", _single(area)),
    Kernel("bq_geo_length", _G, "DOUBLE", _single(length)),
    Kernel("bq_geo_perimeter", _G, "DOUBLE", _single(perimeter)),
    Kernel("bq_geo_distance", _PAIR, "DOUBLE", _distance, null_in_null_out=False),
    Kernel("bq_geo_max_distance", _PAIR, "DOUBLE", _pairs(max_distance), null_in_null_out=False),
    Kernel(
        "bq_geo_hausdorff",
        (*_PAIR, "BOOLEAN"),
        "DOUBLE",
        _pairs(hausdorff_metres),
        null_in_null_out=False,
    ),
    Kernel("bq_geo_angle", (*_PAIR, "BLOB"), "DOUBLE", failing("ST_Angle", _angle), null_in_null_out=False),
    Kernel("bq_geo_azimuth", _PAIR, "DOUBLE", failing("ST_Azimuth", _azimuth), null_in_null_out=False),
    Kernel("bq_geo_box", _G, BOX, _bounding_box, null_in_null_out=False),
    Kernel("bq_geo_extent", ("BLOB[]",), BOX, _extent, null_in_null_out=False),
    Kernel(
        "bq_geo_locate",
        _PAIR,
        "DOUBLE",
        failing("ST_LineLocatePoint", _pairs(_locate)),
        null_in_null_out=False,
    ),
)
