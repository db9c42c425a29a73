"""What the kernels do with shapes that queries reach only with difficulty."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bqsim.engine.kernels.geography.bounds import bounds
from bqsim.engine.kernels.geography.boxes import bounding_box, extent, joined, touches_box
from bqsim.engine.kernels.geography.cells import s2_point, s2_polygon
from bqsim.engine.kernels.geography.clusters import clusters
from bqsim.engine.kernels.geography.geohash import decode, encode
from bqsim.engine.kernels.geography.kml import format_kml, parse_kml
from bqsim.engine.kernels.geography.measures import area
from bqsim.engine.kernels.geography.transforms import union
from bqsim.errors import BigQueryError
from bqsim.types.geography.cells import cell_ids
from bqsim.types.geography.normal import normalised
from bqsim.types.geography.parse import parse_any
from bqsim.types.geography.shapes import FULL, BadGeography, Shape, pack
from bqsim.types.geography.sphere import vectors

s2 = pytest.importorskip("s2geometry")


def test_cell_ids_are_those_of_the_library() -> None:
    points = [(1, 1), (-122, 37), (100, -50), (0, 90), (179, 0), (-90, -89), (45, 45), (-180, 0)]
    expected = [s2.S2CellId(s2_point(s2, p)).id() for p in points]
    assert cell_ids(vectors(points)).tolist() == expected


def test_areas_are_those_of_the_library() -> None:
    shape = parse_any("POLYGON((0 0, 40 0, 40 40, 0 40, 0 0), (10 10, 20 10, 20 20, 10 10))")
    made = s2_polygon(s2, shape.polygons[0])
    assert area(shape) == pytest.approx(made.GetArea() * 6371010.0**2, rel=1e-12)
    assert area(FULL) == pytest.approx(4 * math.pi * 6371010.0**2)


@pytest.mark.parametrize(
    ("spans", "around"),
    (
        ([(10, 20), (30, 40)], (10, 40)),
        ([(170, 175), (-170, -165)], (170, 195)),
        ([(-180, 180)], (-180, 180)),
        ([(0, 100), (90, 250), (240, 365)], (-180, 180)),
        ([(5, 5)], (5, 5)),
    ),
)
def test_joined_spans(spans: list[tuple[float, float]], around: tuple[float, float]) -> None:
    assert joined(spans) == around


def test_boxes_around_a_pole() -> None:
    assert bounding_box(parse_any("POLYGON((0 80, 120 80, -120 80, 0 80))")) == (-180.0, 80.0, 180.0, 90.0)
    assert bounding_box(parse_any("POINT(0 90)")) == (0.0, 90.0, 0.0, 90.0)
    assert extent([(-10, 0, 0, 5), (0, 1, 175, 9)]) == (-180.0, 0, 180.0, 9)


def test_a_box_inside_a_polygon_meets_it() -> None:
    assert touches_box(parse_any("POLYGON((0 0, 40 0, 40 40, 0 40, 0 0))"), 10, 10, 11, 11)
    assert touches_box(FULL, 10, 10, 11, 11)
    assert not touches_box(Shape(), 10, 10, 11, 11)
    assert touches_box(parse_any("LINESTRING(0 -10, 0 10)"), -1, 0, 1, 1)


def test_bounds_hold_the_vertices() -> None:
    shape = parse_any("POLYGON((0 0, 40 0, 40 40, 0 40, 0 0))")
    found = np.array(bounds(shape)).reshape(3, 2)
    at = vectors(shape.vertices())
    assert (at >= found[:, 0] - 1e-12).all() and (at <= found[:, 1] + 1e-12).all()
    assert bounds(FULL) == (-1.0, 1.0) * 3


def test_union_of_many_keeps_exact_vertices() -> None:
    squares = [parse_any(f"POLYGON(({i} 0, {i + 1} 0, {i + 1} 1, {i} 1, {i} 0))") for i in range(4)]
    found = union(squares)
    assert len(found.polygons) == 1
    assert set(found.vertices()) == {(float(x), float(y)) for x in range(5) for y in (0, 1)}
    assert union([]) == Shape()


def test_geohash() -> None:
    assert bytes(encode(np.array([-122.35]), np.array([47.62]))[0])[:10] == b"c22yzugqw7"
    assert decode("c22yzugqw7") == pytest.approx((-122.35, 47.62), abs=1e-5)
    with pytest.raises(BadGeography):
        decode("")


@pytest.mark.parametrize(
    "text",
    (
        "POINT(1 2)",
        "LINESTRING(0 0, 1 1)",
        "POLYGON((0 0, 4 0, 4 4, 0 0), (2 1, 3 2, 3 1, 2 1))",
        "GEOMETRYCOLLECTION(POINT(9 9), LINESTRING(0 0, 1 1))",
    ),
)
def test_kml(text: str) -> None:
    shape = parse_any(text)
    assert normalised(parse_kml(format_kml(shape))) == shape


@pytest.mark.parametrize("text", ("", "<Cube/>", "<Point/>", "<Polygon/>", "<!DOCTYPE x><Point/>"))
def test_bad_kml(text: str) -> None:
    with pytest.raises(BadGeography):
        parse_kml(text)


def test_clusters() -> None:
    points: list[bytes | None] = [pack(Shape(points=[(i / 1000, 0)])) for i in (0, 1, 2, 500, 900, 901, 902)]
    assert clusters([*points, None], 200, 2) == [0, 0, 0, None, 1, 1, 1, None]
    assert clusters(points, 200, 9) == [None] * 7
    with pytest.raises(BigQueryError, match="epsilon must be non-negative"):
        clusters(points, -1, 1)
