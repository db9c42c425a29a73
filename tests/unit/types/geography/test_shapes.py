from __future__ import annotations

import struct

import pyarrow as pa
import pytest

from bqsim.types.geography.shapes import (
    FULL,
    BadGeography,
    Shape,
    multipoint,
    pack,
    parse_wkb,
    point_columns,
    points_array,
    shapes_of,
    unpack,
)

POINT = Shape(points=[(1.0, 2.0)])
LINE = Shape(lines=[[(0.0, 0.0), (1.0, 1.0)]])
SHAPES = (
    Shape(),
    POINT,
    LINE,
    FULL,
    Shape(points=[(1.0, 2.0), (3.0, 4.0)]),
    Shape(polygons=[[[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0)], [(1.0, 1.0), (2.0, 2.0), (2.0, 1.0)]]]),
    Shape([(1.0, 2.0)], [[(0.0, 0.0), (1.0, 1.0)]], [[[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0)]]]),
)


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
def test_packed_and_unpacked(shape: Shape) -> None:
    assert unpack(pack(shape)) == shape


def test_parts() -> None:
    whole = SHAPES[-1]
    assert [part.dimension for part in whole.parts()] == [0, 1, 2]
    assert (whole.count, whole.dimension, Shape().dimension) == (3, 2, -1)
    assert len(whole.vertices()) == 6
    assert len(whole.edges()) == 1 + 1 + 3


@pytest.mark.parametrize(
    ("data", "text"),
    (
        (b"", "Unexpected end of WKB"),
        (b"\x02", "Unknown WKB byte order 2"),
        (b"\x01\x09\x00\x00\x00\x00\x00\x00\x00", "Unknown WKB geometry type 9"),
        (b"\x01\x02\x00\x00\x00\xff\xff\xff\xff", "Unexpected end of WKB"),
        (pack(POINT) + b"x", "Extra bytes after the WKB geometry"),
    ),
)
def test_bad_wkb(data: bytes, text: str) -> None:
    with pytest.raises(BadGeography, match=text):
        parse_wkb(data)


def test_wkb_of_the_other_byte_order() -> None:
    assert parse_wkb(struct.pack(">BI2d", 0, 1, 1.0, 2.0)) == POINT


def test_columns_of_points() -> None:
    column = pa.array([pack(POINT), pack(Shape(points=[(3.0, 4.0)]))], pa.binary())
    found = point_columns(column)
    assert found is not None
    assert [side.tolist() for side in found] == [[1.0, 3.0], [2.0, 4.0]]
    assert points_array(*found).equals(column)
    assert points_array(*found, pa.array([None, 1])).to_pylist() == [None, pack(Shape(points=[(3.0, 4.0)]))]
    sliced = point_columns(column.slice(1))
    assert sliced is not None and sliced[0].tolist() == [3.0]
    assert point_columns(pa.array([pack(POINT), pack(LINE)], pa.binary())) is None
    assert point_columns(pa.array([pack(POINT), None], pa.binary())) is None


def test_multipoint_of_points_one_after_another() -> None:
    points = [(1.0, 2.0), (3.0, 4.0)]
    assert multipoint(2, b"".join(pack(Shape(points=[p])) for p in points)) == pack(Shape(points=points))


def test_equal_neighbours_share_a_shape() -> None:
    first, second, third = shapes_of(pa.chunked_array([[pack(LINE)], [pack(LINE), pack(POINT)]]))
    assert first is second
    assert (first, third) == (LINE, POINT)
