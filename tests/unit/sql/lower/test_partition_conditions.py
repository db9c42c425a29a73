"""What dropping whole partitions is charged for."""

from __future__ import annotations

import pytest

from tests.unit.sql.lower.test_pruning import SETUP, dry
from tests.unit.sql.warehouse import Warehouse, new_warehouse

pytestmark = [pytest.mark.fidelity("bytes:DELETE of whole partitions", "exact", tests="test_delete_*")]


@pytest.fixture(scope="module")
def days() -> Warehouse:
    found = new_warehouse()
    for statement in SETUP:
        found.run(statement)
    return found


@pytest.mark.parametrize(
    ("sql", "size"),
    [
        ("DELETE d.days WHERE d = '2024-01-03'", 0),
        ("DELETE d.days WHERE d IN ('2024-01-03', '2024-01-05')", 0),
        ("DELETE d.days WHERE NOT d < '2024-01-03' OR d IS NULL", 0),
        ("DELETE d.days WHERE TRUE", 0),
        ("DELETE d.days WHERE d = '2024-01-03' AND n = 2", 16),
        ("DELETE d.days WHERE d = (SELECT MAX(x.d) FROM p.d.days AS x)", 160),
        ("DELETE d.hours WHERE ts >= '2024-01-01 05:00:00+00'", 0),
        ("DELETE d.hours WHERE ts > '2024-01-01 05:00:00+00'", 16),
        ("DELETE d.hours WHERE DATE(ts) = '2024-01-02'", 0),
        ("DELETE d.hours WHERE ts < '2024-01-01 05:31:00+00'", 16),
        ("DELETE d.hours WHERE ts BETWEEN '2024-01-01 05:31:00+00' AND '2024-01-01 07:00:00+00'", 32),
        ("DELETE d.months WHERE DATE(dt) < '2023-03-01'", 0),
        ("DELETE d.ranges WHERE k < 40", 0),
        ("DELETE d.ranges WHERE k < 42", 16),
        ("DELETE d.ranges WHERE k IS NULL", 0),
        ("UPDATE d.days SET n = 1 WHERE d = '2024-01-03'", 16),
    ],
)
def test_delete_of_whole_partitions_reads_nothing(days: Warehouse, sql: str, size: int) -> None:
    assert dry(days, sql).bytes_processed == size


def test_delete_drops_the_rows(days: Warehouse) -> None:
    days.run("CREATE TABLE d.gone PARTITION BY d AS SELECT * FROM d.days")
    result = days.run("DELETE d.gone WHERE d <= '2024-01-03'")
    assert result.dml is not None
    assert (result.dml.deleted, result.read.total, result.read.partitions) == (3, 0, 0)
    assert days.rows("SELECT COUNT(*) FROM d.gone") == [[7]]
