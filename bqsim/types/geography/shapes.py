"""GEOGRAPHY values in the engine: little-endian WKB in degrees, in one normal form.

A value is a set of points, linestrings and polygons. Empty values are GEOMETRYCOLLECTION EMPTY; several
points MULTIPOINT and so on; parts of different kinds a collection of these, points first. Rings of polygons
are closed, their interior on the left: shells counterclockwise, holes clockwise. The polygon that covers the
whole Earth has one ring without vertices.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from bqsim.types.arrow import validity_bitmap

POINT, LINE, POLYGON, MULTIPOINT, MULTILINE, MULTIPOLYGON, COLLECTION = range(1, 8)
POINT_SIZE = 21
_POINT_HEAD = b"\x01\x01\x00\x00\x00"

# A vertex: longitude and latitude in degrees. A ring repeats no vertex at its end here.
Vertex = tuple[float, float]
Path = list[Vertex]


class BadGeography(ValueError):
    """Input that is no GEOGRAPHY: the text tells the user why."""


@dataclass(slots=True)
class Shape:
    """The parts of a GEOGRAPHY."""

    points: Path = field(default_factory=list)
    lines: list[Path] = field(default_factory=list)
    polygons: list[list[Path]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Points, linestrings and polygons together."""
        return len(self.points) + len(self.lines) + len(self.polygons)

    @property
    def dimension(self) -> int:
        """That of the part of highest dimension, -1 of nothing."""
        if self.polygons:
            return 2
        if self.lines:
            return 1
        return 0 if self.points else -1

    def add(self, other: Shape) -> None:
        self.points += other.points
        self.lines += other.lines
        self.polygons += other.polygons

    def moved(self, move: Callable[[Path], Path]) -> Shape:
        """A shape of the same parts, each path as ``move`` gives it."""
        return Shape(
            move(self.points),
            [move(line) for line in self.lines],
            [[move(ring) for ring in polygon] for polygon in self.polygons],
        )

    def parts(self) -> Iterator[Shape]:
        """Each point, linestring and polygon alone."""
        yield from (Shape(points=[point]) for point in self.points)
        yield from (Shape(lines=[line]) for line in self.lines)
        yield from (Shape(polygons=[polygon]) for polygon in self.polygons)

    def vertices(self) -> Path:
        """All vertices; a ring's first stands once."""
        found = list(self.points)
        for line in self.lines:
            found += line
        for polygon in self.polygons:
            for ring in polygon:
                found += ring
        return found

    def edges(self) -> list[tuple[Vertex, Vertex]]:
        """All edges of linestrings and rings; a lone point is an edge to itself."""
        found = [(point, point) for point in self.points]
        for line in self.lines:
            found += itertools.pairwise(line)
        for polygon in self.polygons:
            for ring in polygon:
                found += zip(ring, ring[1:] + ring[:1], strict=True)
        return found


FULL = Shape(polygons=[[[]]])


def is_full(polygon: list[Path]) -> bool:
    return len(polygon) == 1 and not polygon[0]


def pack(shape: Shape) -> bytes:
    """The WKB of a shape that is in normal form."""
    kinds = bool(shape.points) + bool(shape.lines) + bool(shape.polygons)
    if kinds != 1:
        return _group(COLLECTION, [_packed(part) for part in _kinds(shape)])
    return _packed(shape)


def _kinds(shape: Shape) -> Iterator[Shape]:
    groups = (Shape(points=shape.points), Shape(lines=shape.lines), Shape(polygons=shape.polygons))
    return (group for group in groups if group.count)


def _packed(shape: Shape) -> bytes:
    if shape.points:
        parts = [_POINT_HEAD + struct.pack("<2d", *point) for point in shape.points]
        return parts[0] if len(parts) == 1 else _group(MULTIPOINT, parts)
    if shape.lines:
        parts = [_head(LINE) + _path(line) for line in shape.lines]
        return parts[0] if len(parts) == 1 else _group(MULTILINE, parts)
    parts = [_polygon(polygon) for polygon in shape.polygons]
    return parts[0] if len(parts) == 1 else _group(MULTIPOLYGON, parts)


def _head(kind: int) -> bytes:
    return struct.pack("<BI", 1, kind)


def _path(path: Path) -> bytes:
    numbers = [number for vertex in path for number in vertex]
    return struct.pack(f"<I{len(numbers)}d", len(path), *numbers)


def _polygon(rings: list[Path]) -> bytes:
    return _head(POLYGON) + struct.pack("<I", len(rings)) + b"".join(_path(r + r[:1]) for r in rings)


def _group(kind: int, parts: list[bytes]) -> bytes:
    return _head(kind) + struct.pack("<I", len(parts)) + b"".join(parts)


def multipoint(count: int, points: bytes) -> bytes:
    """The value of ``count`` > 1 points of which the values stand one after another."""
    return _head(MULTIPOINT) + struct.pack("<I", count) + points


def unpack(data: bytes) -> Shape:
    """The shape of WKB in normal form."""
    return _Reader(data).shape()


class _Reader:
    """Reads WKB of either byte order; of 2 dimensions only."""

    def __init__(self, data: bytes, closed: bool = True) -> None:
        self.data = data
        self.at = 0
        self.closed = closed

    def take(self, form: str) -> tuple[Any, ...]:
        try:
            found = struct.unpack_from(form, self.data, self.at)
        except struct.error:
            raise BadGeography("Unexpected end of WKB") from None
        self.at += struct.calcsize(form)
        return found

    def path(self, order: str) -> Path:
        [count] = self.take(f"{order}I")
        if count * 16 > len(self.data) - self.at:
            raise BadGeography("Unexpected end of WKB")
        numbers = self.take(f"{order}{2 * count}d")
        return list(zip(numbers[::2], numbers[1::2], strict=True))

    def shape(self) -> Shape:
        [byte] = self.take("<B")
        if byte not in (0, 1):
            raise BadGeography(f"Unknown WKB byte order {byte}")
        order = "<" if byte else ">"
        [kind] = self.take(f"{order}I")
        if kind == POINT:
            x, y = self.take(f"{order}2d")
            return Shape() if x != x and y != y else Shape(points=[(x, y)])
        if kind == LINE:
            path = self.path(order)
            return Shape(lines=[path]) if path else Shape()
        [count] = self.take(f"{order}I")
        if kind == POLYGON:
            rings = [self.path(order) for _ in range(count)]
            if self.closed:
                rings = [ring[:-1] for ring in rings]
            return Shape(polygons=[rings]) if rings else Shape()
        if not MULTIPOINT <= kind <= COLLECTION:
            raise BadGeography(f"Unknown WKB geometry type {kind}")
        found = Shape()
        for _ in range(count):
            found.add(self.shape())
        return found


def parse_wkb(data: bytes) -> Shape:
    """The shape of any WKB as it stands: rings with the vertex that closes them."""
    reader = _Reader(data, closed=False)
    shape = reader.shape()
    if reader.at != len(data):
        raise BadGeography("Extra bytes after the WKB geometry")
    return shape


def one_chunk(values: Any) -> Any:
    """A column as one Arrow array."""
    if isinstance(values, pa.ChunkedArray):
        return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
    return values


def point_columns(values: Any) -> tuple[Any, Any] | None:
    """Longitudes and latitudes of a column without NULLs that holds single points only, else None."""
    import numpy as np

    array = one_chunk(values)
    count = len(array)
    if array.null_count:
        return None
    if count == 0:
        return np.empty(0), np.empty(0)
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + count + 1]
    if offsets[-1] - offsets[0] != count * POINT_SIZE or (np.diff(offsets) != POINT_SIZE).any():
        return None
    data = np.frombuffer(array.buffers()[2], np.uint8)[offsets[0] : offsets[-1]].reshape(count, POINT_SIZE)
    if (data[:, 1] != POINT).any():
        return None
    numbers = np.ascontiguousarray(data[:, 5:]).view(np.float64)
    return numbers[:, 0], numbers[:, 1]


def points_array(lng: Any, lat: Any, like: Any = None) -> Any:
    """A column of points; NULL where ``like`` is."""
    import numpy as np

    count = len(lng)
    data = np.empty((count, POINT_SIZE), np.uint8)
    data[:, :5] = np.frombuffer(_POINT_HEAD, np.uint8)
    numbers = np.empty((count, 2))
    numbers[:, 0], numbers[:, 1] = lng, lat
    data[:, 5:] = numbers.view(np.uint8).reshape(count, 16)
    offsets = np.arange(0, (count + 1) * POINT_SIZE, POINT_SIZE, dtype=np.int32)
    valid = None if like is None else validity_bitmap(like)
    nulls = 0 if like is None else like.null_count
    return pa.Array.from_buffers(
        pa.binary(), count, [valid, pa.py_buffer(offsets), pa.py_buffer(data)], nulls
    )


def shapes_of(values: Any) -> list[Shape]:
    """The shapes of a column without NULLs; equal neighbours share one."""
    found: list[Shape] = []
    last: bytes | None = None
    for data in one_chunk(values).to_pylist():
        if data != last:
            shape, last = unpack(data), data
        found.append(shape)
    return found
