from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.errors import BigQueryError
from bqsim.sql.googlesql import resolved
from bqsim.sql.lower import LoweredQuery, Lowering, Unsupported, nodes
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("statement:SELECT", "exact", tests="test_a_simple_* test_a_query_*")


def _lowering(warehouse: Warehouse, sql: str) -> Lowering:
    ctx = warehouse.context()
    analyzed = warehouse.googlesql.analyze(sql, ctx)
    return Lowering(analyzed, ctx, warehouse.catalog, lambda *_: analyzed)


def _query(warehouse: Warehouse, sql: str) -> LoweredQuery:
    return _lowering(warehouse, sql).query()


def test_a_simple_query_is_one_select(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (a INT64, b STRING)")
    warehouse.run("CREATE TABLE u (a INT64, c STRING)")
    lowered = _query(
        warehouse, "SELECT b, c FROM t JOIN u ON t.a = u.a WHERE b > 'x' AND c < 'y' ORDER BY b LIMIT 3"
    )
    assert lowered.sql.count("SELECT") == 1
    assert lowered.ordered


def test_a_query_tells_what_it_reads(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (a INT64, b STRING, c INT64)")
    lowered = _query(warehouse, "SELECT a FROM t WHERE c > 1")
    assert lowered.tables == (TableRef("p", "d", "t"),)
    assert sorted(lowered.columns_read[TableRef("p", "d", "t")]) == ["a", "c"]
    assert (lowered.views, lowered.inputs, lowered.ordered, lowered.deterministic) == ((), {}, False, True)
    assert [f.name for f in lowered.schema] == ["a"]


def test_what_depends_on_more_than_data_is_not_deterministic(warehouse: Warehouse) -> None:
    assert not _query(warehouse, "SELECT x FROM UNNEST([1]) x WHERE RAND() > 2").deterministic
    assert not _query(warehouse, "SELECT table_name FROM d.INFORMATION_SCHEMA.TABLES").deterministic
    assert _query(warehouse, "SELECT x + 1 FROM UNNEST([1]) x").deterministic


@pytest.mark.parametrize(
    ("sql", "missing"),
    [
        ("SELECT SUM(MAX(x) GROUP BY x) FROM UNNEST([1]) x", "GROUP BY inside sum"),
        ("SELECT STRUCT()", "STRUCT without fields"),
    ],
)
def test_what_the_engine_lacks_is_named(warehouse: Warehouse, sql: str, missing: str) -> None:
    with pytest.raises(Unsupported, match=missing):
        _query(warehouse, sql)


def test_target_scans_give_the_rows_identifiers_and_bind_their_columns(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT x AS a, x * 10 AS b FROM UNNEST([1, 2, 3]) x")
    warehouse.run("DELETE FROM t WHERE a = 2")
    low = _lowering(warehouse, "DELETE FROM t WHERE b > 10")
    statement: Any = low.analyzed.statement
    rows = nodes.render(low.target_scan(statement.table_scan))
    low.bind(statement.table_scan, "m")
    condition = nodes.render(low.expression(statement.where_expr))
    assert warehouse.session.scalar(f"SELECT count(_rowid) FROM ({rows}) m") == 2
    assert warehouse.session.scalar(f"SELECT count(*) FROM ({rows}) m WHERE {condition}") == 1


def test_scans_label_columns_by_their_id(warehouse: Warehouse) -> None:
    low = _lowering(warehouse, "SELECT x AS a FROM UNNEST([5]) x")
    scan = resolved.unwrap(low.analyzed.statement.query)
    [column] = resolved.get(scan, "column_list")
    sql = nodes.render(low.scan(low.analyzed.statement.query))
    assert warehouse.session.scalar(f"SELECT k{column.column_id} FROM ({sql})") == 5


def test_deep_nesting_is_refused_as_too_complex(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    low = _lowering(warehouse, "SELECT 1")

    def deeper(*_: Any) -> Any:
        return deeper()

    monkeypatch.setattr(low, "relation", deeper)
    with pytest.raises(BigQueryError, match="too complex") as caught:
        low.query()
    assert caught.value.reason.name == "resourcesExceeded"
