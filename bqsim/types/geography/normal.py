"""The normal form of what a user gives: ranges, closed rings, orientation, edges of the plane."""

from __future__ import annotations

import itertools
from typing import Any

from .cells import in_cell_order
from .shapes import FULL, BadGeography, Path, Shape, Vertex, is_full
from .sphere import EARTH_RADIUS, curvature, vectors

# How far an edge may stray from the planar one, in metres.
PLANAR_TOLERANCE = 10.0
# S2's bound on the error between the points where it measures it.
_FRACTION, _SCALE = 0.31215691082248312, 0.83829992569888509


def checked(vertex: Vertex) -> Vertex:
    """A vertex with its longitude in [-180, 180]. Raises for a latitude beyond a pole."""
    lng, lat = vertex
    if not -90 <= lat <= 90:
        raise BadGeography("Latitude must be between -90 and 90 degrees.")
    if lng - lng != 0:
        raise BadGeography("Longitude must be a finite number.")
    return (lng if -180 <= lng <= 180 else (lng + 180) % 360 - 180), lat


def normalised(shape: Shape, *, oriented: bool = False, planar: bool = False, lenient: bool = False) -> Shape:
    """A parsed shape in normal form.

    ``oriented``: rings have the interior on their left; else the smaller side is meant. ``planar``: edges are
    straight on the map. ``lenient``: rings need not be closed. Raises :class:`BadGeography`.
    """
    found = Shape(points=[checked(point) for point in shape.points])
    for line in shape.lines:
        path = _distinct([checked(vertex) for vertex in line])
        if planar:
            path = _split(path, to_plane=False)
        _check_edges(path)
        if len(path) == 1:
            found.points += path
        elif path:
            found.lines.append(path)
    for polygon in shape.polygons:
        found.polygons.append(polygon if is_full(polygon) else _polygon(polygon, oriented, planar, lenient))
    found.points = in_cell_order(found.points)
    if any(is_full(polygon) for polygon in found.polygons):
        return FULL
    return found


def _polygon(rings: list[Path], oriented: bool, planar: bool, lenient: bool) -> list[Path]:
    found: list[Path] = []
    for number, given in enumerate(rings):
        ring = _distinct([checked(vertex) for vertex in given])
        if len(ring) > 1 and ring[0] == ring[-1]:
            ring = ring[:-1]
        elif len(given) > 1 and not lenient and given[0] != given[-1]:
            raise BadGeography("Invalid polygon loop: First and last vertices of the loop must be the same")
        if planar:
            ring = _split(ring + ring[:1], to_plane=False)[:-1]
        if len(ring) < 3:
            raise BadGeography("Invalid polygon loop: Loops must have at least 3 different vertices")
        _check_edges(ring + ring[:1])
        found.append(ring if oriented else oriented_ring(ring, hole=number > 0))
    return found


def oriented_ring(ring: Path, *, hole: bool) -> Path:
    """A ring so that its smaller side is the inside of a shell, the outside of a hole."""
    smaller = ring if curvature(vectors(ring)) >= 0 else ring[::-1]
    return smaller[::-1] if hole else smaller


def _distinct(path: Path) -> Path:
    """Without repetitions of a vertex by its successor."""
    return [v for i, v in enumerate(path) if i == 0 or v != path[i - 1]]


def _check_edges(path: Path) -> None:
    for number, (a, b) in enumerate(itertools.pairwise(path)):
        across = abs(a[0] - b[0])
        if a[1] == -b[1] and (across == 180 or abs(a[1]) == 90):
            raise BadGeography(f"Edge {number} has antipodal vertices: it must span less than 180 degrees")


def to_planar(shape: Shape) -> Shape:
    """A shape with vertices added so that planar edges stay near its own; rings with the closing vertex."""
    return Shape(
        shape.points,
        [_split(line, to_plane=True) for line in shape.lines],
        [
            [[(-180.0, -90.0), (180.0, -90.0), (180.0, 90.0), (-180.0, 90.0), (-180.0, -90.0)]]
            if is_full(polygon)
            else [_split(ring + ring[:1], to_plane=True) for ring in polygon]
            for polygon in shape.polygons
        ],
    )


def _split(path: Path, *, to_plane: bool) -> Path:
    """A path with its edges split until planar and spherical edges are near each other.

    ``to_plane``: the edges given are spherical, else planar.
    """
    found = path[:1]
    for a, b in itertools.pairwise(path):
        found += _edge(a, b, to_plane, 0)
    return found


def _edge(a: Vertex, b: Vertex, to_plane: bool, depth: int) -> Path:
    if depth > 20 or _strays(a, b) <= _SCALE * PLANAR_TOLERANCE / EARTH_RADIUS:
        return [b]
    middle = _spherical_middle(a, b) if to_plane else ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    return _edge(a, middle, to_plane, depth + 1) + _edge(middle, b, to_plane, depth + 1)


def _strays(a: Vertex, b: Vertex) -> float:
    """About the greatest angle between the spherical and the planar edge."""
    if a[0] == b[0] or a[1] == b[1] == 0:
        return 0.0
    ends = vectors([a, b])
    cosine = float(ends[0] @ ends[1])
    if cosine < -1e-14:
        return 4.0
    return max(_apart(a, b, ends, fraction) for fraction in (_FRACTION, 1 - _FRACTION))


def _apart(a: Vertex, b: Vertex, ends: Any, fraction: float) -> float:
    from .sphere import angle, interpolate

    on_sphere = interpolate(ends[0], ends[1], fraction)
    on_plane = vectors([(a[0] + (b[0] - a[0]) * fraction, a[1] + (b[1] - a[1]) * fraction)])[0]
    return float(angle(on_sphere, on_plane))


def _spherical_middle(a: Vertex, b: Vertex) -> Vertex:
    from .sphere import unit, vertex

    ends = vectors([a, b])
    lng, lat = vertex(unit(ends[0] + ends[1]))
    # On the same side of the antimeridian as the edge's start.
    return lng + 360 * round((a[0] - lng) / 360), lat
