from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.sql.lower.materialized import STATE, staleness_us
from bqsim.sql.statements import materialized
from tests.unit.sql.warehouse import Warehouse, values_of

pytestmark = [
    pytest.mark.fidelity("statement:ALTER MATERIALIZED VIEW", "exact"),
    pytest.mark.fidelity(
        "statement:CREATE MATERIALIZED VIEW",
        "approximated",
        "Queries of its tables are not rewritten to read it.",
    ),
]
TOTALS = "SELECT name, SUM(amount) AS total FROM d.t GROUP BY name"
READ = "SELECT name, total FROM d.mv ORDER BY name"
MV = TableRef("p", "d", "mv")


@pytest.fixture
def base(warehouse: Warehouse) -> Warehouse:
    """A table of three rows and the materialized view of its totals."""
    warehouse.run(
        "CREATE TABLE t AS SELECT 'a' AS name, 1 AS amount UNION ALL SELECT 'b', 2 UNION ALL SELECT 'a', 3"
    )
    warehouse.run(f"CREATE MATERIALIZED VIEW mv AS {TOTALS}")
    return warehouse


def refresh(warehouse: Warehouse, name: str = "p.d.mv") -> None:
    warehouse.script(f"CALL BQ.REFRESH_MATERIALIZED_VIEW('{name}')")


def reading(warehouse: Warehouse, sql: str = READ) -> tuple[list[list[object]], str | None, int]:
    """Rows, why stored rows were not read, bytes processed."""
    result = warehouse.run(sql)
    assert result.plan is not None
    return values_of(result), dict(result.plan.materialized)[MV], result.bytes_processed


def test_a_new_view_holds_its_rows_and_what_reads_it_at_once_reads_its_tables(base: Warehouse) -> None:
    view = base.table("mv")
    assert view.num_rows == 2
    assert view.metadata[STATE]["bases"].keys() == {"p:d.t"}
    assert reading(base) == ([["a", 4], ["b", 2]], "NO_DATA", 3 * (3 + 8))


def test_stored_rows_are_read_until_the_table_changes(base: Warehouse) -> None:
    refresh(base)
    assert reading(base) == ([["a", 4], ["b", 2]], None, 2 * (3 + 8))
    assert reading(base)[1] is None
    base.run("INSERT INTO t VALUES ('c', 9)")
    assert reading(base) == ([["a", 4], ["b", 2], ["c", 9]], "BASE_TABLE_DATA_CHANGE", 4 * (3 + 8))
    refresh(base)
    assert reading(base) == ([["a", 4], ["b", 2], ["c", 9]], None, 3 * (3 + 8))


def test_tables_of_a_read_are_the_view_and_its_tables(base: Warehouse) -> None:
    refresh(base)
    result = base.run(READ)
    assert set(result.tables) == {MV, TableRef("p", "d", "t")}


def test_with_max_staleness_old_rows_are_given(base: Warehouse) -> None:
    base.run(f"CREATE OR REPLACE MATERIALIZED VIEW mv OPTIONS (max_staleness=INTERVAL 4 HOUR) AS {TOTALS}")
    refresh(base)
    base.run("DELETE FROM t WHERE TRUE")
    assert reading(base) == ([["a", 4], ["b", 2]], None, 22)
    base.run("ALTER MATERIALIZED VIEW mv SET OPTIONS (max_staleness=INTERVAL 0 HOUR)")
    assert reading(base) == ([], "BASE_TABLE_TOO_STALE", 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0-0 0 4:0:0", 14_400_000_000), ("0-1 2 0:0:0.5", 32 * 86_400_000_000 + 500_000), (None, None)],
)
def test_max_staleness_as_microseconds(base: Warehouse, text: str | None, expected: int | None) -> None:
    from dataclasses import replace

    view = replace(base.table("mv"), metadata={"maxStaleness": text})
    assert staleness_us(view) == expected


def test_views_and_statements_read_materialized_views(base: Warehouse) -> None:
    refresh(base)
    base.run("CREATE VIEW v AS SELECT total FROM d.mv WHERE name = 'a'")
    assert reading(base, "SELECT total FROM d.v")[:2] == ([[4]], None)
    base.run("CREATE TABLE copy AS SELECT * FROM mv")
    assert base.rows("SELECT COUNT(*), SUM(total) FROM copy") == [[2, 6]]


def test_replacing_or_dropping_a_table_makes_the_view_compute(base: Warehouse) -> None:
    refresh(base)
    base.run("CREATE OR REPLACE TABLE t AS SELECT 'z' AS name, 5 AS amount")
    assert reading(base)[0] == [["z", 5]]
    base.run("DROP TABLE t")
    assert base.error(READ).startswith("Not found: Table p:d.t was not found")


def test_row_access_policies_are_kept(base: Warehouse) -> None:
    refresh(base)
    base.run("CREATE ROW ACCESS POLICY one ON t GRANT TO ('user:user@example.com') FILTER USING (name = 'b')")
    assert reading(base)[0] == [["b", 2]]


def test_in_a_transaction_the_query_is_computed(base: Warehouse) -> None:
    refresh(base)
    sql = f"BEGIN TRANSACTION; INSERT INTO d.t VALUES ('a', 10); {READ}; ROLLBACK TRANSACTION"
    base.script(sql)
    rows = [values_of(c.result) for c in base.children if c.result is not None and c.result.rows is not None]
    assert rows == [[["a", 14], ["b", 2]]]


def test_what_is_due(base: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = base.catalog
    assert materialized.due(catalog) == []
    base.run("INSERT INTO t VALUES ('c', 9)")
    assert materialized.due(catalog) == []
    monkeypatch.setattr(materialized, "INTERVAL_MS", 0)
    assert materialized.due(catalog) == [MV]
    base.executor.refresh_due(base.session)
    assert materialized.due(catalog) == []
    assert reading(base)[1:] == (None, 33)
    base.run("ALTER MATERIALIZED VIEW mv SET OPTIONS (enable_refresh=false)")
    base.run("INSERT INTO t VALUES ('d', 9)")
    assert materialized.due(catalog) == []


def test_a_refresh_that_fails_is_told_and_the_read_fails(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 'a' AS name, 0 AS amount")
    warehouse.run(
        "CREATE MATERIALIZED VIEW mv AS SELECT name, SUM(CAST(DIV(1, amount)"
        " AS INT64)) AS s FROM t GROUP BY name"
    )
    assert warehouse.table("mv").metadata[STATE]["error"]["message"] == "division by zero: 1 / 0"
    assert warehouse.error("SELECT * FROM mv") == "division by zero: 1 / 0"
    rows = warehouse.rows(
        "SELECT last_refresh_time, last_refresh_status.message FROM d.INFORMATION_SCHEMA.MATERIALIZED_VIEWS"
    )
    assert rows == [[None, "division by zero: 1 / 0"]]


def test_information_schema_tells_the_refresh(base: Warehouse) -> None:
    refresh(base)
    found = base.rows(
        "SELECT table_name, last_refresh_time = refresh_watermark, last_refresh_status IS NULL"
        " FROM d.INFORMATION_SCHEMA.MATERIALIZED_VIEWS"
    )
    assert found == [["mv", True, True]]


def charged(base: Warehouse) -> int:
    """The bytes of a refresh."""
    base.script("CALL BQ.REFRESH_MATERIALIZED_VIEW('p.d.mv')")
    (child,) = base.children
    assert child.result is not None
    return child.result.read.total


def test_a_refresh_is_charged_for_what_came_and_for_the_rows_of_the_view(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS id, 'a' AS label UNION ALL SELECT 2, 'b'")
    warehouse.run("CREATE MATERIALIZED VIEW mv AS SELECT label, COUNT(*) AS n FROM t GROUP BY label")
    warehouse.run("INSERT INTO t VALUES (3, 'a'), (4, 'b'), (5, 'c'), (6, 'a')")
    assert charged(warehouse) == 4 * 3 + 2 * (3 + 8)
    warehouse.run("DELETE FROM t WHERE id = 6")
    assert charged(warehouse) == 5 * 3
    warehouse.run("CREATE OR REPLACE TABLE t AS SELECT 1 AS id, 'abc' AS label")
    assert charged(warehouse) == 5


NOT_SUPPORTED = "Materialized view query contains unsupported feature: {}."


@pytest.mark.parametrize(
    ("query", "feature"),
    [
        ("SELECT name, ROW_NUMBER() OVER () AS n FROM t", "analytic functions"),
        ("SELECT name FROM t ORDER BY name", "ORDER BY"),
        ("SELECT name FROM t LIMIT 1", "LIMIT"),
        ("SELECT name, CURRENT_DATE() AS d FROM t", "non-deterministic function CURRENT_DATE"),
        ("SELECT name, RAND() AS d FROM t", "non-deterministic function RAND"),
        ("SELECT STDDEV(amount) AS s FROM t", "aggregate function STDDEV_SAMP"),
        ("SELECT COUNT(DISTINCT name) AS s FROM t", "DISTINCT in aggregate functions"),
        ("SELECT ARRAY(SELECT 1) AS s FROM t", "subqueries in expressions"),
    ],
    ids=lambda v: v if isinstance(v, str) and " " not in v else None,
)
def test_queries_that_are_not_incremental(base: Warehouse, query: str, feature: str) -> None:
    assert base.error(f"CREATE MATERIALIZED VIEW other AS {query}") == NOT_SUPPORTED.format(feature)


def test_other_queries_need_max_staleness(base: Warehouse) -> None:
    create = "CREATE MATERIALIZED VIEW other OPTIONS ({}) AS SELECT name FROM t ORDER BY name LIMIT 1"
    non_incremental = "allow_non_incremental_definition=true"
    assert base.error(create.format(non_incremental)) == (
        "Materialized views with non-incremental definitions must set max_staleness"
    )
    base.run(create.format(f"{non_incremental}, max_staleness=INTERVAL 1 DAY"))
    assert base.rows("SELECT * FROM other") == [["a"]]


def test_what_a_view_cannot_be_of(base: Warehouse) -> None:
    assert base.error("CREATE MATERIALIZED VIEW other AS SELECT name FROM mv") == (
        "Materialized views cannot reference p.d.mv: its type MATERIALIZED_VIEW is not supported"
    )
    assert base.error("CREATE MATERIALIZED VIEW other AS SELECT name FROM `p.d.t*`") == (
        "Materialized views cannot reference wildcard tables"
    )


def test_refresh_is_of_materialized_views(base: Warehouse) -> None:
    assert base.script_error("CALL BQ.REFRESH_MATERIALIZED_VIEW('p.d.t')") == (
        "Query error: p:d.t is not allowed for this operation because it is currently a TABLE. at [1:1]"
    )
    assert base.script_error("CALL BQ.REFRESH_MATERIALIZED_VIEW('p.d.none')") == ("Not found: Table p:d.none")
