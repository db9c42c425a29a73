from __future__ import annotations

from typing import Any

import pytest

from bqsim.sql.lower import spatial
from tests.unit.sql.warehouse import Warehouse


@pytest.mark.parametrize(
    ("source", "condition", "bounded"),
    (
        ("d.spots AS a JOIN d.spots AS b ON", "ST_DWITHIN(a.p, b.p, 10)", True),
        ("d.spots AS a JOIN d.spots AS b ON", "a.i < b.i AND ST_INTERSECTS(a.p, b.p)", True),
        ("d.spots AS a, d.spots AS b WHERE", "ST_DWITHIN(a.p, ST_CENTROID(b.p), a.i)", True),
        ("d.spots AS a JOIN d.spots AS b ON", "ST_DWITHIN(a.p, b.p, a.i + b.i)", False),
        ("d.spots AS a JOIN d.spots AS b ON", "ST_DWITHIN(a.p, b.p, 10) OR a.i = 1", False),
        ("d.spots AS a LEFT JOIN d.spots AS b ON", "ST_DWITHIN(a.p, b.p, 10)", False),
        ("d.spots AS a WHERE", "ST_DWITHIN(a.p, ST_GEOGPOINT(1, 1), 10)", False),
        ("d.spots AS a JOIN d.spots AS b ON", "ST_DISJOINT(a.p, b.p)", False),
    ),
)
def test_conditions(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, source: str, condition: str, bounded: bool
) -> None:
    found: list[bool] = []
    original = spatial._of_call

    def watched(*arguments: Any) -> list[Any]:
        conditions = original(*arguments)
        found.append(bool(conditions))
        return conditions

    monkeypatch.setattr(spatial, "_of_call", watched)
    warehouse.run("CREATE TABLE d.spots AS SELECT i, ST_GEOGPOINT(i, i) AS p FROM UNNEST([1, 2, 3]) AS i")
    warehouse.rows(f"SELECT COUNT(*) FROM {source} {condition}")
    assert any(found) is bounded
