"""Maths of the sphere, and cells."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bqsim.types.geography.cells import at_level, cell_ids, in_cell_order
from bqsim.types.geography.sphere import (
    EARTH_RADIUS,
    angle,
    chord_angle,
    closest_on_edges,
    curvature,
    interpolate,
    metres,
    orthogonal,
    stored,
    to_degrees,
    to_xyz,
    vectors,
)


def test_degrees_after_the_way_through_vectors() -> None:
    lng, lat = stored(np.array([1.0, 1.25]), np.array([1.0, 2.5]))
    assert (lng.tolist(), lat.tolist()) == ([0.9999999999999998, 1.25], [1.0, 2.5])


def test_distances_as_the_service_measures_them() -> None:
    a, b = to_xyz(-73.9857, 40.7580), to_xyz(-73.9857, 40.8480)
    assert float(chord_angle(a, b)) * EARTH_RADIUS == pytest.approx(10007.559105973656, rel=1e-15)
    assert float(angle(a, b)) * EARTH_RADIUS == pytest.approx(10007.559105973372, rel=1e-15)


def test_middle_of_an_edge() -> None:
    ends = vectors([(1, 1), (2, 2)])
    assert [float(x) for x in to_degrees(interpolate(ends[0], ends[1], 0.5))] == pytest.approx(
        [1.49988573656168, 1.5000570914792]
    )
    assert interpolate(ends[0], ends[0], 0.5) is not None


def test_curvature_tells_the_smaller_side() -> None:
    ring = [(0, 0), (1, 0), (1, 1), (0, 1)]
    assert curvature(vectors(ring)) > 6 > 0 > -6 > curvature(vectors(ring[::-1]))


def test_closest_on_edges() -> None:
    squared, nearest = closest_on_edges(vectors([(5, 5), (-5, 0)]), vectors([(0, 0)]), vectors([(10, 0)]))
    assert [metres(s) for s in squared[:, 0]] == pytest.approx([math.radians(5) * EARTH_RADIUS] * 2)
    assert np.allclose(nearest[:, 0], vectors([(5, 0), (0, 0)]))


def test_orthogonal_vectors() -> None:
    at = vectors([(0, 0), (10, 50), (0, 90)])
    assert np.allclose(np.sum(orthogonal(at) * at, axis=1), 0)
    assert orthogonal(at[0]).shape == (3,)


def test_cell_ids_and_their_ancestors() -> None:
    ids = cell_ids(vectors([(-122, 47)]))
    assert ids.tolist() == [6093613931972369317]
    assert at_level(ids, np.array([10])).tolist() == [6093613287902019584]


@pytest.mark.parametrize(
    ("given", "ordered"),
    (
        ([(1, 1), (2, 2), (4, 4), (5, 2)], [(1, 1), (2, 2), (5, 2), (4, 4)]),
        ([(2, 11), (4, 12), (0, 15), (1, 9), (1, 12)], [(1, 9), (4, 12), (2, 11), (1, 12), (0, 15)]),
        ([(1, 1), (1, 1)], [(1, 1)]),
    ),
)
def test_order_of_points(given: list[tuple[float, float]], ordered: list[tuple[float, float]]) -> None:
    assert in_cell_order(given) == ordered
