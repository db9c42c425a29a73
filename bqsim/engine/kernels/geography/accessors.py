"""Formatters and accessors: what a value is and what it is made of."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from bqsim.engine.kernels.kernel import Kernel
from bqsim.types.geography.geojson import format_geojson
from bqsim.types.geography.shapes import (
    BadGeography,
    Path,
    Shape,
    is_full,
    one_chunk,
    pack,
    point_columns,
    points_array,
    shapes_of,
    unpack,
)
from bqsim.types.geography.sphere import stored
from bqsim.types.geography.wkt import texts_of

from .geohash import LONGEST, encode
from .kml import format_kml
from .objects import failing

_TYPES = ("Point", "LineString", "Polygon")


def geometry_type(shape: Shape) -> str:
    counts = (len(shape.points), len(shape.lines), len(shape.polygons))
    present = [(name, count) for name, count in zip(_TYPES, counts, strict=True) if count]
    if len(present) != 1:
        return "ST_GeometryCollection"
    [(name, count)] = present
    return f"ST_{name}" if count == 1 else f"ST_Multi{name}"


def vertex_count(shape: Shape) -> int:
    """Vertices of all parts, a ring's first counted at its end again."""
    rings = sum(len(ring) + 1 for polygon in shape.polygons for ring in polygon if ring)
    return len(shape.points) + sum(map(len, shape.lines)) + rings


def is_closed(shape: Shape) -> bool:
    lines = all(line[0] == line[-1] for line in shape.lines)
    return shape.count > 0 and lines and all(map(is_full, shape.polygons))


def is_ring(shape: Shape) -> bool:
    if shape.count != 1 or not shape.lines:
        return False
    [line] = shape.lines
    if line[0] != line[-1] or len(line) < 4 or len(set(line[:-1])) != len(line) - 1:
        return False
    from .cells import geo, s2_point

    s2 = geo("s2geometry")
    ends = [s2_point(s2, v) for v in line]
    edges = list(itertools.pairwise(ends))
    return not any(s2.CrossingSign(*a, *b) > 0 for i, a in enumerate(edges) for b in edges[:i])


def boundary(shape: Shape) -> Shape:
    from bqsim.types.geography.cells import in_cell_order

    ends = [end for line in shape.lines if line[0] != line[-1] for end in (line[0], line[-1])]
    # An end that an even number of lines share is no end of them together.
    odd = [end for end in dict.fromkeys(ends) if ends.count(end) % 2]
    rings = [ring for polygon in shape.polygons for ring in polygon if ring]
    return Shape(points=in_cell_order(odd), lines=[ring + ring[:1] for ring in rings])


def _as_wkb(shape: Shape) -> bytes:
    def moved(path: Path) -> Path:
        import numpy as np

        numbers = np.array(path, float).reshape(-1, 2)
        lng, lat = stored(numbers[:, 0], numbers[:, 1])
        return list(zip(lng.tolist(), lat.tolist(), strict=True))

    return pack(shape.moved(moved))


def _binary(values: Any) -> Any:
    import pyarrow as pa

    columns = point_columns(values)
    if columns is not None:
        return points_array(*stored(*columns))
    return pa.array([_as_wkb(shape) for shape in shapes_of(values)], pa.binary())


def _mapped(function: Callable[[Shape], Any], type_: str) -> Callable[[Any], Any]:
    """The kernel of a function of one shape."""

    def run(values: Any) -> Any:
        import pyarrow as pa

        found = [function(shape) for shape in shapes_of(values)]
        if type_ == "binary":
            found = [None if shape is None else pack(shape) for shape in found]
        return pa.array(found, getattr(pa, type_)())

    return run


def _constant(value: Any, otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The kernel of a function whose value of every point is ``value``."""

    def run(values: Any) -> Any:
        import pyarrow as pa

        if point_columns(values) is not None:
            return pa.array([value] * len(values))
        return otherwise(values)

    return run


def _coordinate(side: int, name: str) -> Callable[[Any], Any]:
    """ST_X and ST_Y."""

    def run(values: Any) -> Any:
        import pyarrow as pa

        columns = point_columns(values)
        if columns is None:
            raise BadGeography(f"{name} requires a single point geography")
        return pa.array(stored(*columns)[side])

    return run


def _nullable(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A kernel that may answer NULL, from one of columns without NULLs."""

    def run(values: Any, others: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        first, second = one_chunk(values), one_chunk(others)
        if not first.null_count and not second.null_count:
            return function(first, second)
        valid = pc.and_(first.is_valid(), second.is_valid())
        found = function(first.filter(valid), second.filter(valid))
        places = pc.if_else(valid, pc.subtract(pc.cumulative_sum(valid.cast(pa.int64())), 1), None)
        return found.take(places)

    return run


def _geohash(values: Any, lengths: Any) -> Any:
    """ST_GEOHASH: NULL of an empty value; a length out of 1 … 20 counts as 20."""
    import numpy as np
    import pyarrow as pa

    columns = point_columns(values)
    present = np.ones(len(values), bool)
    if columns is None:
        shapes = shapes_of(values)
        if any(shape.count and (shape.count != 1 or not shape.points) for shape in shapes):
            raise BadGeography("Input geography must be a single point")
        present = np.array([shape.count > 0 for shape in shapes], bool)
        columns = _columns([shape.points[0] for shape in shapes if shape.count])
    digits = np.zeros((len(present), LONGEST), np.uint8)
    digits[present] = encode(*columns)
    wanted = np.asarray(lengths, np.int64)
    wanted = np.where((wanted < 1) | (wanted > LONGEST), LONGEST, wanted)
    kept = (np.arange(LONGEST) < wanted[:, None]) & present[:, None]
    offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    buffers = [pa.py_buffer(np.packbits(present, bitorder="little")), pa.py_buffer(offsets)]
    text = pa.py_buffer(np.ascontiguousarray(digits[kept]))
    return pa.Array.from_buffers(pa.string(), len(present), [*buffers, text])


def _dump(values: Any, dimensions: Any) -> Any:
    import pyarrow as pa

    rows: list[list[bytes] | None] = []
    for data, dimension in zip(one_chunk(values).to_pylist(), dimensions.to_pylist(), strict=True):
        if data is None or dimension is None:
            rows.append(None)
            continue
        if not -1 <= dimension <= 2:
            raise BadGeography(f"Dimension must be between -1 and 2, but is {dimension}")
        parts = unpack(data).parts()
        rows.append([pack(part) for part in parts if dimension in (-1, part.dimension)])
    return pa.array(rows, pa.list_(pa.binary()))


def _dump_points(values: Any) -> Any:
    import pyarrow as pa

    rows = []
    for shape in shapes_of(values):
        found = list(shape.points)
        for line in shape.lines:
            found += line
        for polygon in shape.polygons:
            for ring in polygon:
                found += ring + ring[:1]
        rows.append([pack(Shape(points=[vertex])) for vertex in found])
    return pa.array(rows, pa.list_(pa.binary()))


def _single_line(shape: Shape) -> Path:
    if shape.count != 1 or not shape.lines:
        raise BadGeography("Input geography must be a single linestring")
    return shape.lines[0]


def _point_at(values: Any, places: Any) -> Any:
    found = []
    for shape, place in zip(shapes_of(values), places.to_pylist(), strict=True):
        line = _single_line(shape)
        if place == 0 or abs(place) > len(line):
            raise BadGeography(f"Index {place} is out of bounds for a linestring of {len(line)} vertices")
        found.append(line[place - 1 if place > 0 else place])
    return points_array(*_columns(found))


def _columns(path: Path) -> tuple[Any, Any]:
    import numpy as np

    numbers = np.array(path, float).reshape(-1, 2)
    return numbers[:, 0], numbers[:, 1]


def _single_polygon(shape: Shape) -> list[Path]:
    if shape.count != 1 or not shape.polygons:
        raise BadGeography("Input geography must be a single polygon")
    return shape.polygons[0]


def _exterior_ring(shape: Shape) -> Shape:
    shell = _single_polygon(shape)[0]
    return Shape(lines=[shell + shell[:1]] if shell else [])


def _interior_rings(values: Any) -> Any:
    import pyarrow as pa

    rows = []
    for shape in shapes_of(values):
        holes = [hole[::-1] for hole in _single_polygon(shape)[1:]]
        rows.append([pack(Shape(lines=[hole + hole[:1]])) for hole in holes])
    return pa.array(rows, pa.list_(pa.binary()))


_G = ("BLOB",)
KERNELS = (
    Kernel("bq_geo_text", _G, "VARCHAR", texts_of),
    Kernel("bq_geo_geojson", _G, "VARCHAR", _mapped(format_geojson, "string")),
    Kernel("bq_geo_kml", _G, "VARCHAR", _mapped(format_kml, "string")),
    Kernel("bq_geo_wkb", _G, "BLOB", _binary),
    Kernel(
        "bq_geo_geohash",
        ("BLOB", "BIGINT"),
        "VARCHAR",
        failing("ST_GeoHash", _nullable(_geohash)),
        null_in_null_out=False,
    ),
    Kernel("bq_geo_type", _G, "VARCHAR", _constant("ST_Point", _mapped(geometry_type, "string"))),
    Kernel("bq_geo_dimension", _G, "BIGINT", _constant(0, _mapped(lambda s: s.dimension, "int64"))),
    Kernel("bq_geo_count", _G, "BIGINT", _constant(1, _mapped(lambda s: s.count, "int64"))),
    Kernel("bq_geo_vertices", _G, "BIGINT", _constant(1, _mapped(vertex_count, "int64"))),
    Kernel("bq_geo_closed", _G, "BOOLEAN", _constant(True, _mapped(is_closed, "bool_"))),
    Kernel("bq_geo_ring", _G, "BOOLEAN", _constant(False, _mapped(is_ring, "bool_"))),
    Kernel("bq_geo_boundary", _G, "BLOB", _mapped(boundary, "binary")),
    Kernel("bq_geo_x", _G, "DOUBLE", failing("ST_X", _coordinate(0, "ST_X"))),
    Kernel("bq_geo_y", _G, "DOUBLE", failing("ST_Y", _coordinate(1, "ST_Y"))),
    Kernel("bq_geo_dump", ("BLOB", "BIGINT"), "BLOB[]", failing("ST_Dump", _dump), null_in_null_out=False),
    Kernel("bq_geo_dump_points", _G, "BLOB[]", _dump_points),
    *(
        Kernel(f"bq_geo_{kernel}", ("BLOB", "BIGINT"), "BLOB", failing(name, _point_at))
        for kernel, name in (
            ("point_n", "ST_PointN"),
            ("start_point", "ST_StartPoint"),
            ("end_point", "ST_EndPoint"),
        )
    ),
    Kernel("bq_geo_exterior_ring", _G, "BLOB", failing("ST_ExteriorRing", _mapped(_exterior_ring, "binary"))),
    Kernel("bq_geo_interior_rings", _G, "BLOB[]", failing("ST_InteriorRings", _interior_rings)),
)

__all__ = ["KERNELS", "LONGEST", "boundary", "geometry_type", "vertex_count"]
