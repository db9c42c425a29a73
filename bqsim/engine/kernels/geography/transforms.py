"""Transformations: unions, intersections, hulls, centroids, grids."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bqsim.engine.kernels.kernel import Kernel
from bqsim.types.geography.cells import cell_ids, in_cell_order
from bqsim.types.geography.normal import normalised
from bqsim.types.geography.shapes import (
    FULL,
    BadGeography,
    Path,
    Shape,
    is_full,
    multipoint,
    one_chunk,
    pack,
    point_columns,
    points_array,
    shapes_of,
    unpack,
)
from bqsim.types.geography.sphere import closest_on_edges, orthogonal, to_xyz, unit, vectors, vertex

from .cells import cell_id_from_point, covering, geo
from .objects import binary, failing, object_of, shape_of
from .simplify import simplified

# S2's offset of the vertices around a hull of one point.
_HULL_OFFSET = 1e-15


def combined(name: str, a: Shape, b: Shape) -> Shape:
    """The union, intersection or difference of two shapes."""
    result = getattr(geo(), name)(object_of(a), object_of(b))
    return shape_of(result, a, b)


def union(shapes: list[Shape]) -> Shape:
    """The union of shapes, by halves."""
    if not shapes:
        return Shape()
    if all(shape.dimension <= 0 for shape in shapes):
        return Shape(points=in_cell_order([point for shape in shapes for point in shape.points]))
    objects = [object_of(shape) for shape in shapes]
    if len(objects) == 1:
        if shapes[0].count == 1:
            return shapes[0]
        objects.append(object_of(Shape()))
    while len(objects) > 1:
        odd = objects[-1:] if len(objects) % 2 else []
        objects = [geo().union(a, b) for a, b in zip(objects[::2], objects[1::2], strict=False)] + odd
    return shape_of(objects[0], *shapes)


def _pairwise(name: str) -> Callable[[Any, Any], Any]:
    def run(first: Any, second: Any) -> Any:
        pairs = zip(shapes_of(first), shapes_of(second), strict=True)
        return binary([combined(name, a, b) for a, b in pairs])

    return run


def _union(first: Any, second: Any) -> Any:
    return binary([union([a, b]) for a, b in zip(shapes_of(first), shapes_of(second), strict=True)])


def _union_list(lists: Any) -> Any:
    found: list[Shape | None] = []
    for row in lists.to_pylist():
        present = None if row is None else [unpack(data) for data in dict.fromkeys(row) if data is not None]
        found.append(None if present is None else union(present))
    return binary(found)


def _union_agg(lists: Any) -> Any:
    """ST_UNION_AGG: NULL of no values."""
    import pyarrow as pa

    found: list[bytes | None] = []
    for row in one_chunk(lists):
        values = None if not row.is_valid else row.values.drop_null()
        if values is None or not len(values):
            found.append(None)
            continue
        columns = point_columns(values)
        if columns is not None:
            found.append(_union_of_points(*columns))
            continue
        found.append(pack(union([unpack(data) for data in dict.fromkeys(values.to_pylist())])))
    return pa.array(found, pa.binary())


def _union_of_points(lng: Any, lat: Any) -> bytes:
    """The value of distinct points in the order of their cells."""
    import numpy as np

    pairs = np.unique(np.stack([lng, lat], axis=1) + 0.0, axis=0)
    if len(pairs) > 1:
        pairs = pairs[np.argsort(cell_ids(to_xyz(pairs[:, 0], pairs[:, 1])), kind="stable")]
    body = points_array(pairs[:, 0], pairs[:, 1]).buffers()[2].to_pybytes()
    return body if len(pairs) == 1 else multipoint(len(pairs), body)


def centroid(shape: Shape) -> Shape:
    """The centroid of the parts of highest dimension."""
    if shape.polygons:
        if any(is_full(polygon) for polygon in shape.polygons):
            return Shape(points=[(0.0, 90.0)])
        return shape_of(geo().centroid(object_of(Shape(polygons=shape.polygons))))
    if not shape.count:
        return shape
    if shape.lines:
        total = sum(_line_moment(vectors(line)) for line in shape.lines)
    else:
        total = vectors(shape.points).sum(axis=0)
    length = math.sqrt(float(total @ total))
    return Shape(points=[vertex(total / length)] if length > 1e-15 else [shape.vertices()[0]])


def _line_moment(line: Any) -> Any:
    """The sum of the edges' midpoints by their true weights, as S2 has it."""
    import numpy as np

    middles = line[:-1] + line[1:]
    across = np.linalg.norm(line[:-1] - line[1:], axis=1)
    along = np.linalg.norm(middles, axis=1)
    return (middles * (across / np.where(along == 0, 1, along))[:, None]).sum(axis=0)


def _centroid_agg(lists: Any) -> Any:
    found: list[Shape | None] = []
    for row in one_chunk(lists):
        values = None if not row.is_valid else row.values.drop_null()
        if values is None or not len(values):
            found.append(None)
            continue
        columns = point_columns(values)
        if columns is not None:
            total = to_xyz(*columns).sum(axis=0)
            found.append(Shape(points=[vertex(unit(total))]))
            continue
        whole = Shape()
        for shape in shapes_of(values):
            whole.add(Shape(list(shape.points), list(shape.lines), list(shape.polygons)))
        found.append(centroid(whole))
    return binary(found)


def convex_hull(shape: Shape) -> Shape | None:
    """The hull; None of nothing."""
    vertices = shape.vertices()
    if not shape.count:
        return None
    distinct = list(dict.fromkeys(vertices))
    if len(distinct) == 1:
        return Shape(points=[_beside(distinct[0])])
    if any(is_full(polygon) for polygon in shape.polygons):
        return FULL
    straight = _straight(distinct)
    if straight is not None:
        return straight
    return shape_of(geo().convex_hull(object_of(shape)), shape)


def _beside(point: tuple[float, float]) -> tuple[float, float]:
    """The corner that is left of the tiny triangle which S2 lays around a point."""
    p = vectors([point])[0]
    return vertex(unit(p + _HULL_OFFSET * orthogonal(p)))


def _straight(points: Path) -> Shape | None:
    """The line through points that lie on one great circle, with its middle as a vertex."""
    import numpy as np

    at = vectors(points)
    far = int(np.argmax(np.sum((at - at[0]) ** 2, axis=1)))
    normal = np.cross(at[0], at[far])
    length = float(np.linalg.norm(normal))
    if length < 1e-15 or float(np.max(np.abs(at @ (normal / length)))) > 2e-15:
        return None
    other = int(np.argmax(np.sum((at - at[far]) ** 2, axis=1)))
    ends = [points[other], points[far]]
    middle = vertex(unit(at[other] + at[far]))
    known = min(points, key=lambda v: abs(v[0] - middle[0]) + abs(v[1] - middle[1]))
    if abs(known[0] - middle[0]) + abs(known[1] - middle[1]) < 1e-11:
        middle = known
    if points.index(ends[0]) < points.index(ends[1]):
        ends.reverse()
    return Shape(lines=[[ends[0], middle, ends[1]]])


def closest_point(a: Shape, b: Shape) -> Shape | None:
    """A point of ``a`` nearest to ``b``; None when one is empty."""
    import numpy as np

    if not a.count or not b.count:
        return None
    if geo().intersects(object_of(a), object_of(b)):
        shared = combined("intersection", a, b)
        if shared.count:
            return Shape(points=shared.vertices()[:1])
    (a_starts, a_ends), (b_starts, b_ends) = _edge_vectors(a), _edge_vectors(b)
    a_points, b_points = a.vertices(), b.vertices()
    from_a = closest_on_edges(vectors(a_points), b_starts, b_ends)[0].min(axis=1)
    squared, nearest = closest_on_edges(vectors(b_points), a_starts, a_ends)
    row, edge = np.unravel_index(int(np.argmin(squared)), squared.shape)
    if from_a.min() <= squared[row, edge] + 1e-30:
        return Shape(points=[a_points[int(np.argmin(from_a))]])
    return Shape(points=[vertex(nearest[row, edge])])


def _edge_vectors(shape: Shape) -> tuple[Any, Any]:
    edges = shape.edges()
    return vectors([e[0] for e in edges]), vectors([e[1] for e in edges])


def snapped(shape: Shape, size: float) -> Shape:
    """Vertices on a grid of a power of ten of degrees."""
    if size <= 0 or size != size:
        raise BadGeography("Grid size must be positive")
    digits = min(10, max(0, -round(math.log10(size))))

    def moved(path: Path) -> Path:
        return [(round(x, digits) + 0.0, round(y, digits) + 0.0) for x, y in path]

    return degenerate_free(shape.moved(moved))


def degenerate_free(shape: Shape) -> Shape:
    """A shape whose moved rings may have lost their inside: lines and points are what is left of those."""
    from .repair import repaired

    found = normalised(Shape(shape.points, shape.lines))
    for polygon in shape.polygons:
        if is_full(polygon):
            return FULL
        found.add(repaired(Shape(polygons=[[ring + ring[:1] for ring in polygon]]), planar=False))
    return found


def _rows(function: Callable[..., Shape | None]) -> Callable[..., Any]:
    """The kernel of a function of one shape and further arguments."""

    def run(values: Any, *more: Any) -> Any:
        import pyarrow as pa

        columns = [column.to_pylist() for column in more]
        found = []
        for row in zip(one_chunk(values).to_pylist(), *columns, strict=True):
            shape = None if None in row else function(unpack(row[0]), *row[1:])
            found.append(None if shape is None else pack(shape))
        return pa.array(found, pa.binary())

    return run


def _closest(first: Any, second: Any) -> Any:
    rows = zip(one_chunk(first).to_pylist(), one_chunk(second).to_pylist(), strict=True)
    return binary([None if None in r else closest_point(unpack(r[0]), unpack(r[1])) for r in rows])


def _covering(values: Any, *more: Any) -> Any:
    import pyarrow as pa

    rows = zip(one_chunk(values).to_pylist(), *(column.to_pylist() for column in more), strict=True)
    found = [None if None in row else covering(unpack(row[0]), *row[1:]) for row in rows]
    return pa.array(found, pa.list_(pa.int64()))


_G, _PAIR, _LIST = ("BLOB",), ("BLOB", "BLOB"), ("BLOB[]",)
KERNELS = (
    Kernel("bq_geo_union", _PAIR, "BLOB", failing("ST_Union", _union)),
    Kernel("bq_geo_union_list", _LIST, "BLOB", failing("ST_Union", _union_list), null_in_null_out=False),
    Kernel("bq_geo_union_agg", _LIST, "BLOB", failing("ST_Union_Agg", _union_agg), null_in_null_out=False),
    Kernel("bq_geo_intersection", _PAIR, "BLOB", failing("ST_Intersection", _pairwise("intersection"))),
    Kernel("bq_geo_difference", _PAIR, "BLOB", failing("ST_Difference", _pairwise("difference"))),
    Kernel("bq_geo_centroid", _G, "BLOB", _rows(centroid)),
    Kernel("bq_geo_centroid_agg", _LIST, "BLOB", _centroid_agg, null_in_null_out=False),
    Kernel("bq_geo_hull", _G, "BLOB", failing("ST_ConvexHull", _rows(convex_hull)), null_in_null_out=False),
    Kernel("bq_geo_closest", _PAIR, "BLOB", failing("ST_ClosestPoint", _closest), null_in_null_out=False),
    Kernel("bq_geo_snap", ("BLOB", "DOUBLE"), "BLOB", failing("ST_SnapToGrid", _rows(snapped))),
    Kernel("bq_geo_simplify", ("BLOB", "DOUBLE"), "BLOB", failing("ST_Simplify", _rows(simplified))),
    Kernel(
        "bq_geo_cell",
        ("BLOB", "BIGINT"),
        "BIGINT",
        cell_id_from_point,
    ),
    Kernel(
        "bq_geo_covering",
        ("BLOB", "BIGINT", "BIGINT", "BIGINT", "DOUBLE"),
        "BIGINT[]",
        failing("S2_CoveringCellIds", _covering),
        null_in_null_out=False,
    ),
)
