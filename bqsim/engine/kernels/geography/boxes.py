"""Boxes of longitude and latitude: bounds of shapes, shapes that meet a box."""

from __future__ import annotations

import itertools
import math
from typing import Any

from bqsim.types.geography.shapes import Shape, is_full
from bqsim.types.geography.sphere import interpolate, vectors

from .cells import geo
from .objects import object_of

Box = tuple[float, float, float, float]
WORLD: Box = (-180.0, -90.0, 180.0, 90.0)


def bounding_box(shape: Shape) -> Box | None:
    """xmin, ymin, xmax, ymax in degrees: xmax over 180 past the antimeridian. None of nothing."""
    if not shape.count:
        return None
    if any(is_full(polygon) for polygon in shape.polygons):
        return WORLD
    spans, south, north = _edge_bounds(shape)
    for at, pole in ((-90.0, "POINT(0 -90)"), (90.0, "POINT(0 90)")):
        if shape.polygons and geo().covers(object_of(Shape(polygons=shape.polygons)), geo().from_wkt(pole)):
            spans = [(-180.0, 180.0)]
            south, north = min(south, at), max(north, at)
    west, east = joined(spans)
    return west, south, east, north


def _edge_bounds(shape: Shape) -> tuple[list[tuple[float, float]], float, float]:
    spans = []
    latitudes = [vertex[1] for vertex in shape.vertices()]
    for a, b in shape.edges():
        if a == b:
            spans.append((a[0], a[0]))
            continue
        spans.append(_edge_span(a[0], b[0]) if abs(a[1]) < 90 and abs(b[1]) < 90 else _at_pole(a, b))
        latitudes += _extremes(a, b)
    return spans, min(latitudes), max(latitudes)


def _at_pole(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    lng = b[0] if abs(a[1]) == 90 else a[0]
    return lng, lng


def _edge_span(a: float, b: float) -> tuple[float, float]:
    west, east = min(a, b), max(a, b)
    return (west, east) if east - west <= 180 else (east, west + 360)


def _extremes(a: tuple[float, float], b: tuple[float, float]) -> list[float]:
    """The latitude where the edge is nearest to a pole, when that is inside it."""
    import numpy as np

    ends = vectors([a, b])
    normal = np.cross(ends[0], ends[1])
    length = np.linalg.norm(normal)
    if not length:
        return []
    normal /= length
    for sign in (1.0, -1.0):
        top = np.array([0, 0, sign]) - sign * normal[2] * normal
        if not np.linalg.norm(top):
            return []
        inside = np.cross(normal, ends[0]) @ top > 0 and np.cross(ends[1], normal) @ top > 0
        if inside:
            return [sign * math.degrees(math.acos(min(1.0, abs(normal[2]))))]
    return []


def joined(spans: list[tuple[float, float]]) -> tuple[float, float]:
    """The smallest span of longitudes around all; the whole Earth is (-180, 180)."""
    turned = sorted((west % 360, west % 360 + (east - west)) for west, east in spans)
    merged: list[list[float]] = []
    for west, east in turned:
        if merged and west <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], east)
        else:
            merged.append([west, east])
    # What runs past 360 covers the first spans too.
    while len(merged) > 1 and merged[-1][1] - 360 >= merged[0][0]:
        merged[-1][1] = max(merged[-1][1], merged[0][1] + 360)
        merged.pop(0)
    gaps = [
        (following[0] - here[1], number)
        for number, (here, following) in enumerate(itertools.pairwise(merged))
    ]
    gaps.append((merged[0][0] + 360 - merged[-1][1], len(merged) - 1))
    widest, after = max(gaps)
    if widest <= 0:
        return -180.0, 180.0
    west = merged[(after + 1) % len(merged)][0]
    east = merged[after][1]
    while east < west:
        east += 360
    if west > 180:
        west, east = west - 360, east - 360
    return _exact(west, spans), _exact(east, spans)


def _exact(lng: float, spans: list[tuple[float, float]]) -> float:
    """The bound as it was given, which turning may have rounded."""
    for given in (bound + turn for span in spans for bound in span for turn in (0.0, 360.0, -360.0)):
        if abs(given - lng) < 1e-12:
            return given
    return lng


def extent(boxes: list[Box]) -> Box:
    """The box of boxes; at 180 degrees and wider it is (-180, 180)."""
    west, east = joined([(box[0], box[2]) for box in boxes])
    if east - west >= 180:
        west, east = -180.0, 180.0
    return west, min(box[1] for box in boxes), east, max(box[3] for box in boxes)


def touches_box(shape: Shape, west: float, south: float, east: float, north: float) -> bool:
    """Whether a shape meets a box whose sides are meridians and parallels."""
    if not shape.count or south > north:
        return False
    if any(is_full(polygon) for polygon in shape.polygons):
        return True
    across = 360.0 if east - west >= 360 else (east - west) % 360

    def inside(lng: float, lat: float) -> bool:
        return south <= lat <= north and (abs(lat) == 90 or (lng - west) % 360 <= across)

    if any(inside(*vertex) for vertex in shape.vertices()):
        return True
    if shape.polygons:
        corner = geo().create_point(((west + 180) % 360) - 180, south)
        if geo().intersects(object_of(Shape(polygons=shape.polygons)), corner):
            return True
    return any(_edge_meets(a, b, west, south, across, north) for a, b in shape.edges() if a != b)


def _edge_meets(a: Any, b: Any, west: float, south: float, across: float, north: float) -> bool:
    import numpy as np

    ends = vectors([a, b])
    whole = math.atan2(float(np.linalg.norm(np.cross(ends[0], ends[1]))), float(ends[0] @ ends[1]))
    if not whole:
        return False
    tangent = interpolate(ends[0], ends[1], math.pi / 2 / whole)
    for lat in (south, north):
        for t in _at_height(ends[0][2], tangent[2], math.sin(math.radians(lat))):
            if 0 <= t <= whole:
                at = ends[0] * math.cos(t) + tangent * math.sin(t)
                if (math.degrees(math.atan2(at[1], at[0])) - west) % 360 <= across:
                    return True
    for lng in (west, west + across):
        theta = math.radians(lng)
        side = np.array([-math.sin(theta), math.cos(theta), 0.0])
        first = math.atan2(-float(side @ ends[0]), float(side @ tangent))
        for t in (first, first + math.pi, first - math.pi):
            at = ends[0] * math.cos(t) + tangent * math.sin(t)
            ahead = at[0] * math.cos(theta) + at[1] * math.sin(theta) >= 0
            if (
                0 <= t <= whole
                and ahead
                and south <= math.degrees(math.asin(max(-1, min(1, at[2])))) <= north
            ):
                return True
    return False


def _at_height(u: float, v: float, height: float) -> list[float]:
    """Where u·cos t + v·sin t is ``height``, in (-π, 2π)."""
    reach = math.hypot(u, v)
    if reach == 0 or abs(height) > reach:
        return []
    middle, half = math.atan2(v, u), math.acos(height / reach)
    found = [(middle - half) % (2 * math.pi), (middle + half) % (2 * math.pi)]
    return [*found, *(t - 2 * math.pi for t in found)]
