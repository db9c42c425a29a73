"""Predicates on pairs of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bqsim.engine.kernels.kernel import Kernel
from bqsim.errors import invalid_query
from bqsim.types.geography.shapes import Shape, point_columns, shapes_of
from bqsim.types.geography.sphere import EARTH_RADIUS

from .boxes import touches_box
from .cells import geo
from .measures import distances, hausdorff_metres
from .objects import filled, objects_of

# Distances in radians that count as none: S2's error of an edge's distance.
_ROUNDING = 1e-15


def _pairwise(name: str, *, swapped: bool = False) -> Callable[[Any, Any], Any]:
    """The kernel of a predicate of the library."""

    def run(first: Any, second: Any) -> Any:
        import pyarrow as pa

        a, b = objects_of(first), objects_of(second)
        return pa.array(getattr(geo(), name)(*((b, a) if swapped else (a, b))))

    return run


def _without_empty(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A predicate that is false of an empty value."""

    def run(first: Any, second: Any) -> Any:
        import numpy as np
        import pyarrow as pa

        found = np.asarray(function(first, second))
        return pa.array(found & filled(first) & filled(second))

    return run


def _disjoint(first: Any, second: Any) -> Any:
    import pyarrow as pa

    return pa.array(~geo().intersects(objects_of(first), objects_of(second)))


def _equals(first: Any, second: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    s = geo()
    a, b = objects_of(first), objects_of(second)
    both = ~filled(first) & ~filled(second)
    found = np.asarray(s.covers(a, b)) & np.asarray(s.covers(b, a)) & filled(first) & filled(second)
    return pa.array(found | both)


def _contains(first: Any, second: Any) -> Any:
    """No point outside, and the interiors meet; points and lines have themselves as interior."""
    import numpy as np
    import pyarrow as pa

    s = geo()
    a, b = objects_of(first), objects_of(second)
    covered = np.asarray(s.covers(a, b)) & filled(second) & filled(first)
    if not covered.any():
        return pa.array(covered)
    touching = np.zeros(len(covered), bool)
    touching[covered] = s.touches(a[covered], b[covered])
    return pa.array(covered & ~touching)


def _within(first: Any, second: Any) -> Any:
    return _contains(second, first)


def _near(first: Any, second: Any, limits: Any) -> Any:
    """ST_DWITHIN in metres; false of an empty value."""
    import numpy as np
    import pyarrow as pa

    metres = np.asarray(limits, float)
    if (metres < 0).any() or np.isnan(metres).any():
        raise invalid_query("ST_DWithin failed: Distance must be non-negative")
    apart = distances(first, second)
    return pa.array(apart <= metres + _ROUNDING * EARTH_RADIUS)


def _hausdorff_near(first: Any, second: Any, limits: Any, directed: Any) -> Any:
    import pyarrow as pa

    rows = zip(shapes_of(first), shapes_of(second), limits.to_pylist(), directed.to_pylist(), strict=True)
    return pa.array([_hausdorff_row(*row) for row in rows], pa.bool_())


def _hausdorff_row(a: Shape, b: Shape, limit: float, directed: bool) -> bool:
    found = hausdorff_metres(a, b, directed)
    return found is not None and found <= limit


def _in_box(values: Any, *bounds: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    west, south, east, north = (np.asarray(bound, float) for bound in bounds)
    _check_box(west, south, east, north)
    columns = point_columns(values)
    if columns is not None:
        lng, lat = columns
        across = np.where(east - west >= 360, 360.0, (east - west) % 360)
        inside = (lat >= south) & (lat <= north) & ((lng - west) % 360 <= across)
        return pa.array(inside)
    rows = zip(shapes_of(values), west, south, east, north, strict=True)
    return pa.array([touches_box(shape, *map(float, box)) for shape, *box in rows], pa.bool_())


def _check_box(west: Any, south: Any, east: Any, north: Any) -> None:
    for lat in (south, north):
        if not ((lat >= -90) & (lat <= 90)).all():
            raise invalid_query("ST_IntersectsBox failed: Latitude must be between -90 and 90 degrees.")
    inside = [(lng >= -180) & (lng <= 180) for lng in (west, east)]
    span = (east - west >= 0) & (east - west <= 360)
    if not ((inside[0] & inside[1]) | ((inside[0] | inside[1]) & span)).all():
        raise invalid_query(
            "ST_IntersectsBox failed: Longitudes must be between -180 and 180 degrees, or one of them must "
            "be and the box must span between 0 and 360 degrees."
        )


_PAIR = ("BLOB", "BLOB")
KERNELS = (
    Kernel("bq_geo_contains", _PAIR, "BOOLEAN", _contains),
    Kernel("bq_geo_within", _PAIR, "BOOLEAN", _within),
    Kernel("bq_geo_covers", _PAIR, "BOOLEAN", _without_empty(_pairwise("covers"))),
    Kernel("bq_geo_covered_by", _PAIR, "BOOLEAN", _without_empty(_pairwise("covers", swapped=True))),
    Kernel("bq_geo_disjoint", _PAIR, "BOOLEAN", _disjoint),
    Kernel("bq_geo_intersects", _PAIR, "BOOLEAN", _pairwise("intersects")),
    Kernel("bq_geo_touches", _PAIR, "BOOLEAN", _pairwise("touches")),
    Kernel("bq_geo_equals", _PAIR, "BOOLEAN", _equals),
    Kernel("bq_geo_near", (*_PAIR, "DOUBLE"), "BOOLEAN", _near),
    Kernel("bq_geo_hausdorff_near", (*_PAIR, "DOUBLE", "BOOLEAN"), "BOOLEAN", _hausdorff_near),
    Kernel("bq_geo_in_box", ("BLOB", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE"), "BOOLEAN", _in_box),
)
