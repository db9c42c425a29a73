"""S2 cells: ids of points, coverings of shapes."""

from __future__ import annotations

from typing import Any

from bqsim.engine.extras import require
from bqsim.errors import invalid_query
from bqsim.types.geography.cells import MAX_LEVEL, at_level, cell_ids
from bqsim.types.geography.shapes import Path, Shape, is_full, point_columns, shapes_of
from bqsim.types.geography.sphere import to_xyz, vectors


def geo(name: str = "spherely") -> Any:
    """A library of the extra ``geo``."""
    return require(name, extra="geo", what="GEOGRAPHY functions")


def cell_id_from_point(values: Any, levels: Any) -> Any:
    """Kernel of S2_CELLIDFROMPOINT."""
    import numpy as np
    import pyarrow as pa

    wanted = np.asarray(levels.combine_chunks() if hasattr(levels, "combine_chunks") else levels)
    if ((wanted < 0) | (wanted > MAX_LEVEL)).any():
        raise invalid_query(f"S2_CELLIDFROMPOINT: level must be between 0 and {MAX_LEVEL}")
    columns = point_columns(values)
    if columns is None:
        found: list[int | None] = []
        for shape, level in zip(shapes_of(values), wanted, strict=True):
            if shape.count > 1 or shape.dimension > 0:
                raise invalid_query("S2_CELLIDFROMPOINT: input geography must be a single point")
            ids = cell_ids(vectors(shape.points)) if shape.count else None
            found.append(None if ids is None else int(at_level(ids, np.array([level])).view(np.int64)[0]))
        return pa.array(found, pa.int64())
    ids = at_level(cell_ids(to_xyz(*columns)), wanted)
    return pa.array(ids.view(np.int64), pa.int64())


def covering(shape: Shape, min_level: int, max_level: int, max_cells: int, buffer: float) -> list[int]:
    """Ids of the cells that cover a shape, by S2's coverer."""
    s2 = geo("s2geometry")
    if not shape.count:
        return []
    if not 0 <= min_level <= MAX_LEVEL or not 0 <= max_level <= MAX_LEVEL:
        raise invalid_query(f"S2_COVERINGCELLIDS: levels must be between 0 and {MAX_LEVEL}")
    if min_level > max_level:
        raise invalid_query("S2_COVERINGCELLIDS: min_level must not be greater than max_level")
    coverer = s2.S2RegionCoverer()
    coverer.set_min_level(min_level)
    coverer.set_max_level(max_level)
    coverer.set_max_cells(max(1, max_cells))
    ids: list[Any] = []
    for region in regions(s2, shape, buffer):
        ids += coverer.GetCovering(region)
    if shape.count > 1:
        union = s2.S2CellUnion()
        union.Init([cell.id() for cell in ids])
        ids = coverer.GetCovering(union)
    return sorted(_signed(cell.id()) for cell in ids)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def regions(s2: Any, shape: Shape, buffer: float) -> list[Any]:
    """S2's regions of a shape's parts, each widened by a distance in metres."""
    if buffer:
        from .buffers import buffered

        shape = buffered(shape, buffer, 8.0)
    found = [s2.S2Cell(s2.S2CellId(s2_point(s2, vertex))) for vertex in shape.points]
    for line in shape.lines:
        polyline = s2.S2Polyline()
        polyline.InitFromS2Points([s2_point(s2, vertex) for vertex in line])
        found.append(polyline)
    for polygon in shape.polygons:
        found.append(s2.S2Cap.Full() if is_full(polygon) else s2_polygon(s2, polygon))
    return found


def s2_point(s2: Any, vertex: tuple[float, float]) -> Any:
    return s2.S2LatLng.FromDegrees(vertex[1], vertex[0]).ToPoint()


def s2_polygon(s2: Any, rings: list[Path]) -> Any:
    """An S2Polygon of rings that have the interior on their left."""
    loops = []
    for number, ring in enumerate(rings):
        loop = s2.S2Loop()
        loop.Init([s2_point(s2, vertex) for vertex in (reversed(ring) if number else ring)])
        loops.append(loop)
    polygon = s2.S2Polygon()
    polygon.InitNested(loops)
    return polygon
