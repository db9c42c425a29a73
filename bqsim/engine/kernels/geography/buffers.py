"""ST_BUFFER: points and polygons by S2's operation, linestrings as the union of their edges' buffers."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from bqsim.engine.kernels.kernel import Kernel
from bqsim.errors import invalid_query
from bqsim.types.geography.shapes import (
    FULL,
    Path,
    Shape,
    Vertex,
    is_full,
    one_chunk,
    unpack,
)
from bqsim.types.geography.sphere import EARTH_RADIUS, unit, vectors, vertex

from .cells import geo, s2_point, s2_polygon
from .objects import binary, failing
from .repair import polygons_of
from .transforms import union

CAPS, SIDES = ("ROUND", "FLAT"), ("BOTH", "LEFT", "RIGHT")
# Segments of a circle: least and most.
_FEWEST, _MOST = 3.0, 1570.0


def buffered(shape: Shape, radius: float, segments: float, cap: str = "ROUND", side: str = "BOTH") -> Shape:
    """The points within ``radius`` metres; of a negative radius polygons shrink.

    ``segments`` are those of a quarter of a circle.
    """
    circle = min(max(_FEWEST, 4 * segments), _MOST)
    # A little more, so that S2 does not round the number of segments up.
    fraction = (1 - math.cos(math.pi / circle)) * (1 + 1e-9)
    if radius == 0:
        return Shape(polygons=list(shape.polygons))
    if abs(radius) >= math.pi * EARTH_RADIUS:
        return FULL if radius > 0 and shape.count else Shape()
    parts = [_swollen(polygon, radius, fraction) for polygon in shape.polygons]
    if radius > 0:
        parts += [_disc(point, radius, fraction) for point in shape.points]
        for line in shape.lines:
            parts += _line(line, radius, circle, cap, side)
    return union([part for part in parts if part.count])


def _operation(s2: Any, radius: float, fraction: float, add: Callable[[Any], None]) -> Any:
    options = s2.S2BufferOperationOptions()
    options.set_buffer_radius(s2.S1Angle.Radians(radius / EARTH_RADIUS))
    options.set_error_fraction(fraction)
    made = s2.S2Polygon()
    operation = s2.S2BufferOperation(s2.S2PolygonLayer(made), options)
    add(operation)
    if not operation.Build():
        raise invalid_query("ST_Buffer failed: The buffer could not be built")
    return made


def _shape(made: Any) -> Shape:
    if made.num_loops() == 1 and made.loop(0).num_vertices() == 1:
        return FULL
    return polygons_of(made, {})


def _disc(point: Vertex, radius: float, fraction: float) -> Shape:
    s2 = geo("s2geometry")
    return _shape(_operation(s2, radius, fraction, lambda op: op.AddPoint(s2_point(s2, point))))


def _swollen(polygon: list[Path], radius: float, fraction: float) -> Shape:
    if is_full(polygon):
        return FULL
    s2 = geo("s2geometry")
    given = s2_polygon(s2, polygon)
    return _shape(_operation(s2, radius, fraction, lambda op: op.AddPolygon(given)))


def _line(line: Path, radius: float, circle: float, cap: str, side: str) -> list[Shape]:
    """What covers the buffer of a linestring: bands along its edges, sectors at its turns, round ends."""
    at = vectors(line)
    reach = radius / EARTH_RADIUS
    rings = [_band(a, b, reach, circle, side) for a, b in pairwise(at)]
    closed = line[0] == line[-1]
    turns = [(at[i - 1], at[i], at[i + 1]) for i in range(1, len(line) - 1)]
    if closed:
        turns.append((at[-2], at[0], at[1]))
    for before, here, after in turns:
        for one in ("LEFT", "RIGHT") if side == "BOTH" else (side,):
            sector = _sector(before, here, after, reach, circle, one)
            if sector is not None:
                rings.append(sector)
    if cap == "ROUND" and side == "BOTH" and not closed:
        rings += [_cap(at[-2], at[-1], reach, circle), _cap(at[1], at[0], reach, circle)]
    return [Shape(polygons=[[ring]]) for ring in rings]


def _cap(before: Any, at: Any, reach: float, circle: float) -> Path:
    """The half disc beyond the end of an edge."""
    import numpy as np

    right = -unit(np.cross(before, at))
    ahead = np.cross(at, right)
    steps = max(2, math.ceil(circle / 2))
    turns = [math.pi * i / steps for i in range(1, steps)]
    arc = [right * math.cos(turn) + ahead * math.sin(turn) for turn in turns]
    return [_offset(at, direction, reach) for direction in [right, *arc, -right]] + [vertex(at)]


def _offset(at: Any, direction: Any, reach: float) -> Vertex:
    return vertex(unit(at * math.cos(reach) + direction * math.sin(reach)))


def _band(a: Any, b: Any, reach: float, circle: float, side: str) -> Path:
    """The ring around an edge to one side or both, counterclockwise; far sides follow the small circle."""
    import numpy as np

    left = unit(np.cross(a, b))
    whole = math.atan2(float(np.linalg.norm(np.cross(a, b))), float(a @ b))
    tangent = np.cross(left, a)
    steps = max(1, math.ceil(whole / (2 * math.pi / circle)))
    turns = [whole * i / steps for i in range(1, steps)]
    # Neighbouring parts share edges, so their vertices must be the same to the last bit.
    between = [a, *(a * math.cos(turn) + tangent * math.sin(turn) for turn in turns), b]
    outer = [_offset(at, left, reach) for at in reversed(between)]
    lower = [_offset(at, -left, reach) for at in between]
    start, end = vertex(a), vertex(b)
    if side == "LEFT":
        return [start, end, *outer]
    if side == "RIGHT":
        return [*lower, end, start]
    return [*lower, end, *outer, start]


def _sector(before: Any, at: Any, after: Any, reach: float, circle: float, side: str) -> Path | None:
    """The part of the disc around a vertex between two edges' bands, on the outer side of the turn."""
    import numpy as np

    turn = float(np.cross(before, at) @ after)
    sign = 1.0 if side == "LEFT" else -1.0
    if turn * sign >= 0:
        return None
    first, last = sign * unit(np.cross(before, at)), sign * unit(np.cross(at, after))
    whole = math.atan2(float(np.linalg.norm(np.cross(first, last))), float(first @ last))
    steps = max(1, math.ceil(whole / (2 * math.pi / circle)))
    inner = [unit(first * (1 - i / steps) + last * (i / steps)) for i in range(1, steps)]
    directions = [first, *inner, last]
    arc = [_offset(at, direction, reach) for direction in directions]
    ring = [vertex(at), *arc]
    return ring if sign < 0 else ring[:1] + ring[:0:-1]


def _kernel(name: str, by_tolerance: bool) -> Callable[..., Any]:
    def run(values: Any, *more: Any) -> Any:
        found: list[Shape | None] = []
        columns = [column.to_pylist() for column in more]
        for row in zip(one_chunk(values).to_pylist(), *columns, strict=True):
            found.append(None if None in row else _row(name, by_tolerance, *row))
        return binary(found)

    return run


def _segments(radius: float, tolerance: float) -> float:
    """Segments of a quarter of a circle that stray by a tolerance at most."""
    if not radius:
        return 1.0
    fraction = min(0.5, max(1e-6, tolerance / abs(radius)))
    return math.pi / math.acos(1 - fraction) / 4


def _row(
    name: str, by_tolerance: bool, data: bytes, radius: float, detail: float, _: bool, cap: str, side: str
) -> Shape:
    cap, side = cap.upper(), side.upper()
    for what, word, known in (("endcap", cap, CAPS), ("side", side, SIDES)):
        if word not in known:
            raise invalid_query(f"{name} failed: Invalid {what} style: {word}")
    if not math.isfinite(radius):
        raise invalid_query(f"{name} failed: Buffer radius must be finite")
    if by_tolerance:
        if not detail > 0:
            raise invalid_query(f"{name} failed: tolerance_meters must be positive")
        detail = _segments(radius, detail)
    elif not detail > 0:
        raise invalid_query(f"{name} failed: num_seg_quarter_circle must be positive")
    return buffered(unpack(data), radius, detail, cap, side)


_ARGUMENTS = ("BLOB", "DOUBLE", "DOUBLE", "BOOLEAN", "VARCHAR", "VARCHAR")
KERNELS = tuple(
    Kernel(kernel, _ARGUMENTS, "BLOB", failing(name, _kernel(name, tolerance)), null_in_null_out=False)
    for kernel, name, tolerance in (
        ("bq_geo_buffer", "ST_Buffer", False),
        ("bq_geo_buffer_tolerance", "ST_BufferWithTolerance", True),
    )
)
