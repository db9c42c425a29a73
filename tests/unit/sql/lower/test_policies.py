from __future__ import annotations

from bqsim.sql.plan import QueryPlan
from tests.unit.sql.warehouse import Warehouse


def plan(warehouse: Warehouse, sql: str) -> QueryPlan:
    found = warehouse.run(sql).plan
    assert found is not None
    return found


def test_conditions_of_the_query_stay_outside(warehouse: Warehouse) -> None:
    """A limit that no table reaches keeps the engine from moving them below the filter."""
    warehouse.run("CREATE TABLE t AS SELECT n FROM UNNEST(GENERATE_ARRAY(0, 9)) AS n")
    warehouse.run("CREATE ROW ACCESS POLICY p ON t GRANT TO ('allUsers') FILTER USING (n > 0)")
    found = plan(warehouse, "SELECT n FROM t WHERE 1 / n > 0.5")
    assert found.engine_sql is not None
    assert "LIMIT 9223372036854775807" in found.engine_sql
    assert found.policies_used == 1
    assert not found.deterministic
    assert warehouse.rows("SELECT n FROM t WHERE 1 / n > 0.5") == [[1]]


def test_full_access_costs_nothing(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS n")
    warehouse.run("CREATE ROW ACCESS POLICY p ON t GRANT TO ('allUsers') FILTER USING (TRUE)")
    found = plan(warehouse, "SELECT n FROM t")
    assert found.engine_sql is not None
    assert "LIMIT" not in found.engine_sql
    assert found.policies_used == 1


def test_tables_without_policies_are_as_before(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS n")
    found = plan(warehouse, "SELECT n FROM t")
    assert (found.policies_used, found.deterministic) == (None, True)
