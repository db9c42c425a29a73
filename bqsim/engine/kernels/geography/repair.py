"""``make_valid``: polygons whose rings are open, cross themselves or one another."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

from bqsim.types.geography.normal import checked, normalised
from bqsim.types.geography.shapes import BadGeography, Path, Shape, Vertex, is_full
from bqsim.types.geography.sphere import vertex

from .cells import geo, s2_point
from .objects import validated


def repaired(shape: Shape, *, planar: bool) -> Shape:
    """A parsed shape in normal form; what an odd number of rings surrounds is inside."""
    found = normalised(Shape(shape.points, shape.lines), planar=planar)
    for polygon in shape.polygons:
        try:
            alone = Shape(polygons=[polygon])
            part = validated(normalised(alone, planar=planar, lenient=True))
        except BadGeography:
            part = _rebuilt(polygon)
        found.add(part)
    return found


def _rebuilt(polygon: list[Path]) -> Shape:
    s2 = geo("s2geometry")
    if is_full(polygon):
        return Shape(polygons=[polygon])
    edges: list[tuple[Vertex, Vertex]] = []
    for given in polygon:
        ring = [checked(v) for v in given]
        edges += [(a, b) for a, b in zip(ring, ring[1:] + ring[:1], strict=True) if a != b]
    pieces = _split_at_crossings(s2, edges)
    # Edges that occur twice cancel each other.
    single: dict[frozenset[Vertex], tuple[Vertex, Vertex]] = {}
    for a, b in pieces:
        if single.pop(frozenset((a, b)), None) is None:
            single[frozenset((a, b))] = (a, b)
    if not single:
        a, b = edges[0] if edges else (polygon[0][0], polygon[0][0])
        return normalised(Shape(lines=[[a, b]]))
    options = s2.S2PolygonLayerOptions()
    options.set_edge_type(s2.S2Builder.EdgeType_UNDIRECTED)
    made = s2.S2Polygon()
    builder = s2.S2Builder()
    builder.StartLayer(s2.S2PolygonLayer(made, options))
    known: dict[Vertex, Vertex] = {}
    for a, b in single.values():
        builder.AddEdge(s2_point(s2, a), s2_point(s2, b))
        known.update({_name(a): a, _name(b): b})
    if not builder.Build():
        raise BadGeography("The polygon could not be made valid")
    return polygons_of(made, known)


def polygons_of(made: Any, known: dict[Vertex, Vertex]) -> Shape:
    """The polygons of an S2Polygon; ``known`` has exact vertices by their rounded ones."""
    found: list[list[Path]] = []
    for number in range(made.num_loops()):
        loop = made.loop(number)
        corners = [loop.GetS2LatLngVertex(i) for i in range(loop.num_vertices())]
        ring = [(corner.lng().degrees(), corner.lat().degrees()) for corner in corners]
        ring = [known.get(_name(v), v) for v in ring]
        if loop.is_hole():
            found[-1].append(ring[::-1])
        else:
            found.append([ring])
    return Shape(polygons=found)


def _name(v: Vertex) -> Vertex:
    return round(v[0], 11) + 0.0, round(v[1], 11) + 0.0


def _split_at_crossings(s2: Any, edges: list[tuple[Vertex, Vertex]]) -> list[tuple[Vertex, Vertex]]:
    ends = [(s2_point(s2, a), s2_point(s2, b)) for a, b in edges]
    cuts: list[list[Vertex]] = [[] for _ in edges]
    for i, (a, b) in enumerate(ends):
        for j in range(i):
            c, d = ends[j]
            if s2.CrossingSign(a, b, c, d) > 0:
                at = s2.GetIntersection(a, b, c, d)
                cut = _vertex(at)
                cuts[i].append(cut)
                cuts[j].append(cut)
    found = []
    for (a, b), between in zip(edges, cuts, strict=True):
        stops = [a, *sorted(between, key=partial(_distance, a)), b]
        found += [(p, q) for p, q in itertools.pairwise(stops) if p != q]
    return found


def _vertex(at: Any) -> Vertex:
    import numpy as np

    lng, lat = vertex(np.array([at.x(), at.y(), at.z()]))
    return round(lng, 13) + 0.0, round(lat, 13) + 0.0


def _distance(a: Vertex, b: Vertex) -> float:
    from bqsim.types.geography.sphere import chord_angle, vectors

    ends = vectors([a, b])
    return float(chord_angle(ends[0], ends[1]))
