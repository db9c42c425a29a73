"""Between stored values and the objects of the S2 library."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from bqsim.errors import BigQueryError, invalid_query
from bqsim.types.geography.cells import in_cell_order
from bqsim.types.geography.normal import oriented_ring
from bqsim.types.geography.shapes import (
    FULL,
    POINT_SIZE,
    BadGeography,
    Path,
    Shape,
    Vertex,
    one_chunk,
    pack,
    point_columns,
    shapes_of,
    unpack,
)

from .cells import geo

_FULL = pack(FULL)
_EMPTY = pack(Shape())
# Of the coordinates that name a vertex in a result again.
_DIGITS = 12
# S2's words, and the service's.
_WORDS = (
    ("Loop 0 is not valid: ", "Invalid polygon loop: "),
    ("Loop ", "Invalid polygon: Loop "),
    ("Inconsistent loop orientations", "Invalid polygon: Inconsistent loop orientations"),
)


@cache
def full_globe() -> Any:
    """The object of the whole Earth: the union of two hemispheres."""
    s = geo()
    halves = ("POLYGON((0 0, 90 0, 180 0, -90 0, 0 0))", "POLYGON((0 0, -90 0, 180 0, 90 0, 0 0))")
    return s.union(*(s.from_wkt(half, oriented=True) for half in halves))


@lru_cache(maxsize=16384)
def _large(data: bytes) -> Any:
    return _object(data)


def _object(data: bytes) -> Any:
    s = geo()
    if data == _FULL:
        return full_globe()
    try:
        return s.from_wkb(data, oriented=True)
    except RuntimeError as error:
        raise BadGeography(worded(str(error))) from None


def worded(text: str) -> str:
    """What is wrong with a shape, as the service says it."""
    for theirs, ours in _WORDS:
        if text.startswith(theirs):
            return ours + text[len(theirs) :]
    return "Invalid geography"


def object_of(shape: Shape) -> Any:
    return _object(pack(shape))


def objects_of(values: Any) -> Any:
    """The objects of a column without NULLs, as a numpy array; those of large values are kept a while."""
    import numpy as np
    import pyarrow.compute as pc

    columns = point_columns(values)
    if columns is not None:
        return np.asarray(geo().points(*columns))
    encoded = pc.dictionary_encode(one_chunk(values))
    distinct = encoded.dictionary.to_pylist()
    made = np.empty(len(distinct), object)
    for i, data in enumerate(distinct):
        made[i] = _object(data) if len(data) == POINT_SIZE else _large(data)
    return made[encoded.indices.to_numpy(zero_copy_only=False)]


def shape_of(result: Any, *inputs: Shape) -> Shape:
    """The shape of an object; vertices of ``inputs`` keep their exact coordinates."""
    found = unpack(geo().to_wkb(result))
    if any(len(ring) == 1 for polygon in found.polygons for ring in polygon):
        return FULL
    known = {_name(v): v for shape in inputs for v in shape.vertices()}

    def exact(path: Path) -> Path:
        return [known.get(_name(v), v) for v in path]

    points = [p for p in found.points if p[0] == p[0]]
    return Shape(
        in_cell_order(exact(points)),
        [exact(line) for line in found.lines if line],
        [rings for polygon in found.polygons if (rings := _rings([exact(ring) for ring in polygon]))],
    )


def _rings(rings: list[Path]) -> list[Path]:
    """Rings without repeated neighbours, and without what is no ring then."""
    thinned = [[v for i, v in enumerate(ring) if v != ring[i - 1]] for ring in rings]
    return [ring for ring in thinned if len(ring) > 2] if thinned and len(thinned[0]) > 2 else []


def _name(vertex: Vertex) -> Vertex:
    return round(vertex[0], _DIGITS) + 0.0, round(vertex[1], _DIGITS) + 0.0


def validated(shape: Shape) -> Shape:
    """A normal shape after S2's check of its polygons. Raises :class:`BadGeography`."""
    if shape.polygons and shape != FULL:
        for polygon in shape.polygons:
            _check_holes(polygon)
        object_of(Shape(polygons=shape.polygons))
    return shape


def _check_holes(polygon: list[Path]) -> None:
    s = geo()
    if len(polygon) == 1:
        return
    shell = object_of(Shape(polygons=[polygon[:1]]))
    for number, hole in enumerate(polygon[1:], 2):
        filled = object_of(Shape(polygons=[[oriented_ring(hole, hole=False)]]))
        if s.covers(shell, filled):
            continue
        if s.covers(filled, shell):
            raise BadGeography(f"Polygon's first loop must be shell. It is nested in loop {number}")
        raise BadGeography(f"Polygon's loop {number} must be nested in its first loop")


def failing(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel whose bad geographies fail as the service's function ``name`` does."""

    def run(*columns: Any) -> Any:
        try:
            return function(*columns)
        except BadGeography as bad:
            raise failure(name, str(bad)) from None

    return run


def failure(name: str, text: str) -> BigQueryError:
    return invalid_query(f"{name} failed: {text}")


def binary(shapes: list[Shape | None]) -> Any:
    """The column of shapes, None as NULL."""
    import pyarrow as pa

    return pa.array([None if shape is None else pack(shape) for shape in shapes], pa.binary())


def filled(values: Any) -> Any:
    """Which values of a column are not empty."""
    import numpy as np

    if point_columns(values) is not None:
        return np.ones(len(values), bool)
    return np.array([shape.count > 0 for shape in shapes_of(values)], bool)
