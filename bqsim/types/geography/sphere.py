"""Vectorised maths on the unit sphere: vectors (n, 3), degrees and radians."""

from __future__ import annotations

from typing import Any

# BigQuery's sphere, in metres.
EARTH_RADIUS = 6371010.0


def to_xyz(lng: Any, lat: Any) -> Any:
    """Unit vectors (…, 3) of degrees."""
    import numpy as np

    theta, phi = np.asarray(lng) * (np.pi / 180), np.asarray(lat) * (np.pi / 180)
    cosine = np.cos(phi)
    return np.stack([np.cos(theta) * cosine, np.sin(theta) * cosine, np.sin(phi)], axis=-1)


def vectors(path: Any) -> Any:
    """Unit vectors (n, 3) of vertices."""
    import numpy as np

    numbers = np.array(path, dtype=float).reshape(-1, 2)
    return to_xyz(numbers[:, 0], numbers[:, 1])


def to_degrees(xyz: Any) -> tuple[Any, Any]:
    """Longitudes and latitudes of unit vectors."""
    import numpy as np

    x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    scale = 180 / np.pi
    return scale * np.arctan2(y, x), scale * np.arctan2(z, np.sqrt(x * x + y * y))


def vertex(xyz: Any) -> tuple[float, float]:
    """One vector as a vertex."""
    lng, lat = to_degrees(xyz)
    return float(lng), float(lat)


def stored(lng: Any, lat: Any) -> tuple[Any, Any]:
    """Degrees after the way through unit vectors, which is how the service keeps coordinates."""
    return to_degrees(to_xyz(lng, lat))


def unit(v: Any) -> Any:
    import numpy as np

    length = np.linalg.norm(v, axis=-1, keepdims=True)
    return v / np.where(length == 0, 1, length)


def orthogonal(p: Any) -> Any:
    """Unit vectors at right angles to others, those that S2 takes."""
    import numpy as np

    at = np.atleast_2d(p)
    axis = np.tile(np.array([0.012, 0.0053, 0.00457]), (len(at), 1))
    axis[np.arange(len(at)), (np.argmax(np.abs(at), axis=1) + 2) % 3] = 1.0
    return unit(np.cross(at, axis)).reshape(np.shape(p))


def angle(a: Any, b: Any) -> Any:
    """Angles in radians between vectors, exact for small ones."""
    import numpy as np

    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1))


def chord_angle(a: Any, b: Any) -> Any:
    """Angles in radians by way of the chord, as the service measures distances."""
    import numpy as np

    return 2 * np.arcsin(np.minimum(1, 0.5 * np.sqrt(np.sum((a - b) ** 2, axis=-1))))


def interpolate(a: Any, b: Any, fraction: float) -> Any:
    """The vector at a fraction of the way from a to b."""
    import numpy as np

    whole = float(angle(a, b))
    if whole == 0:
        return a
    part = whole * fraction
    normal = np.cross(a, b)
    tangent = unit(np.cross(unit(normal), a)) if np.linalg.norm(normal) else a
    return unit(a * np.cos(part) + tangent * np.sin(part))


def curvature(ring: Any) -> float:
    """The sum of a ring's turning angles, in (-2π, 2π): positive when its left side is the smaller."""
    import numpy as np

    before, here = unit(np.cross(np.roll(ring, 1, 0), ring)), ring
    after = unit(np.cross(ring, np.roll(ring, -1, 0)))
    turned = np.cross(before, after)
    sizes = np.arctan2(np.linalg.norm(turned, axis=1), np.sum(before * after, axis=1))
    return float(np.sum(np.copysign(sizes, np.sum(turned * here, axis=1))))


def closest_on_edges(points: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """For each point and each edge: the squared chord to the edge, and the closest vector of the edge.

    ``points`` (n, 3), ``a`` and ``b`` (m, 3); results (n, m) and (n, m, 3).
    """
    import numpy as np

    normal = np.cross(a, b)
    length = np.linalg.norm(normal, axis=1)
    pole = normal / np.where(length == 0, 1, length)[:, None]
    projected = points[:, None, :] - (points @ pole.T)[:, :, None] * pole[None]
    projected = unit(projected)
    inside = (
        (np.sum(np.cross(pole, a)[None] * projected, axis=2) >= 0)
        & (np.sum(np.cross(b, pole)[None] * projected, axis=2) >= 0)
        & (length > 1e-300)[None]
    )
    to_a = np.sum((points[:, None] - a[None]) ** 2, axis=2)
    to_b = np.sum((points[:, None] - b[None]) ** 2, axis=2)
    to_line = np.sum((points[:, None] - projected) ** 2, axis=2)
    nearer_a = to_a <= to_b
    ends = np.where(nearer_a[:, :, None], a[None], b[None])
    inside &= to_line < np.minimum(to_a, to_b)
    squared = np.where(inside, to_line, np.minimum(to_a, to_b))
    return squared, np.where(inside[:, :, None], projected, ends)


def metres(squared_chord: float) -> float:
    """Metres on the Earth of a squared chord of the unit sphere."""
    import math

    return EARTH_RADIUS * 2 * math.asin(min(1.0, 0.5 * math.sqrt(squared_chord)))
