"""What queries of the evaluator are charged for."""

from __future__ import annotations

import pytest

from bqsim.sql.plan import BytesRead, Route
from tests.unit.sql.warehouse import Warehouse

# No form in the engine.
WINDOW = "SUM({0}) OVER (ORDER BY {0} RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)"


@pytest.fixture
def tables(warehouse: Warehouse) -> Warehouse:
    warehouse.run(
        "CREATE TABLE t AS SELECT 1.5 AS x, STRUCT(2.5 AS a, 'abcdef' AS b, [STRUCT(1 AS c)] AS l) AS s"
    )
    warehouse.run(
        "CREATE TABLE days PARTITION BY d AS SELECT DATE '2024-01-01' + x AS d, CAST(x AS FLOAT64) AS x,"
        " 'a' AS s FROM UNNEST([0, 1, 2]) AS x"
    )
    warehouse.run("CREATE VIEW v AS SELECT x AS y, s, d FROM d.days")
    return warehouse


def read(warehouse: Warehouse, sql: str) -> BytesRead:
    result = warehouse.run(sql)
    assert result.route is Route.REFERENCE
    dry = warehouse.executor.dry_run(sql, warehouse.context(), warehouse.session)
    assert dry.read.estimate == result.read.estimate
    return result.read


@pytest.mark.parametrize(
    ("sql", "size"),
    [
        (f"SELECT {WINDOW.format('x')} FROM t", 8),
        (f"SELECT {WINDOW.format('s.a')} FROM t", 8),
        (f"SELECT {WINDOW.format('x')}, s.b FROM t", 16),
        (f"SELECT {WINDOW.format('x')}, s FROM t", 8 + 24),
        (f"SELECT {WINDOW.format('x')}, (SELECT SUM(c) FROM UNNEST(s.l)) FROM t", 16),
        (f"SELECT {WINDOW.format('x')} FROM (SELECT x, s FROM t)", 8),
    ],
)
def test_fields_that_are_used(tables: Warehouse, sql: str, size: int) -> None:
    assert read(tables, sql).tables == (size,)


@pytest.mark.parametrize(
    ("sql", "size", "partitions"),
    [
        (f"SELECT {WINDOW.format('x')} FROM days", 24, 3),
        (f"SELECT {WINDOW.format('x')} FROM days WHERE d = '2024-01-02'", 16, 1),
        (f"SELECT {WINDOW.format('y')} FROM v", 24, 3),
        (f"SELECT {WINDOW.format('y')} FROM v WHERE d > '2024-01-01'", 32, 2),
        (f"SELECT {WINDOW.format('y')}, (SELECT MAX(s) FROM days) FROM v", 33, 3),
    ],
)
def test_partitions_and_views(tables: Warehouse, sql: str, size: int, partitions: int) -> None:
    found = read(tables, sql)
    assert (found.total, found.partitions) == (size, partitions)


def test_files_and_views_of_the_catalog(tables: Warehouse) -> None:
    tables.executor.objects.put("gs://reads/a.csv", "x\n1.5\n2.5\n")
    options = "OPTIONS (format='CSV', uris=['gs://reads/a.csv'], skip_leading_rows=1)"
    tables.run(f"CREATE EXTERNAL TABLE e (x FLOAT64) {options}")
    assert tables.run(f"SELECT {WINDOW.format('x')} FROM e").read.tables == (10,)
    schema = "INFORMATION_SCHEMA.COLUMNS"
    position = "CAST(ordinal_position AS FLOAT64)"
    assert read(tables, f"SELECT {WINDOW.format(position)} FROM d.{schema}").total == 10 << 20


def test_a_view_that_refers_to_itself(tables: Warehouse) -> None:
    tables.run("CREATE VIEW w AS SELECT 1.5 AS x")
    tables.run("CREATE VIEW u AS SELECT x FROM d.w")
    tables.run("CREATE OR REPLACE VIEW w AS SELECT x FROM d.u")
    assert "refers to itself" in tables.error(f"SELECT {WINDOW.format('x')} FROM d.w")
