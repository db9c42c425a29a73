"""Parts of linestrings by fractions of their length."""

from __future__ import annotations

from typing import Any

from bqsim.engine.kernels.kernel import Kernel
from bqsim.types.geography.shapes import BadGeography, Path, Shape, shapes_of
from bqsim.types.geography.sphere import angle, interpolate, vectors, vertex

from .objects import binary, failing


def _line(shape: Shape) -> Path:
    if shape.count != 1 or not shape.lines:
        raise BadGeography("Input geography must be a single linestring")
    return shape.lines[0]


def _fraction(value: float, name: str = "Fraction") -> float:
    if not 0 <= value <= 1:
        raise BadGeography(f"{name} must be between 0 and 1")
    return value


def point_along(path: Path, fraction: float) -> tuple[int, tuple[float, float]]:
    """The number of the edge on which a fraction of the length ends, and the vertex there."""
    import numpy as np

    if fraction == 0:
        return 0, path[0]
    if fraction == 1:
        return len(path) - 2, path[-1]
    at = vectors(path)
    sums = np.cumsum(angle(at[:-1], at[1:]))
    wanted = fraction * float(sums[-1])
    edge = min(int(np.searchsorted(sums, wanted)), len(path) - 2)
    before = float(sums[edge - 1]) if edge else 0.0
    whole = float(sums[edge]) - before
    if wanted >= float(sums[edge]):
        return edge, path[edge + 1]
    return edge, vertex(interpolate(at[edge], at[edge + 1], (wanted - before) / whole))


def _interpolate(values: Any, fractions: Any) -> Any:
    found: list[Shape | None] = []
    for shape, fraction in zip(shapes_of(values), fractions.to_pylist(), strict=True):
        if not shape.count:
            found.append(shape)
            continue
        found.append(Shape(points=[point_along(_line(shape), _fraction(fraction))[1]]))
    return binary(found)


def _substring(values: Any, starts: Any, ends: Any) -> Any:
    found: list[Shape | None] = []
    for shape, start, end in zip(shapes_of(values), starts.to_pylist(), ends.to_pylist(), strict=True):
        if not shape.count:
            found.append(shape)
            continue
        path = _line(shape)
        _fraction(start, "Start fraction")
        _fraction(end, "End fraction")
        if start > end:
            raise BadGeography("Start fraction must be less than or equal to the end fraction")
        first, last = point_along(path, start), point_along(path, end)
        if start == end:
            found.append(Shape(points=[first[1]]))
            continue
        between = path[first[0] + 1 : last[0] + 1]
        part = [first[1], *between, last[1]]
        found.append(Shape(lines=[[v for i, v in enumerate(part) if i == 0 or v != part[i - 1]]]))
    return binary(found)


KERNELS = (
    Kernel(
        "bq_geo_interpolate", ("BLOB", "DOUBLE"), "BLOB", failing("ST_LineInterpolatePoint", _interpolate)
    ),
    Kernel("bq_geo_substring", ("BLOB", "DOUBLE", "DOUBLE"), "BLOB", failing("ST_LineSubstring", _substring)),
)
