"""Scripts measured statement by statement, each on what those before it leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bqsim.cost.bench import Bench, bench, fingerprinted
from bqsim.cost.model import Estimate, Query
from bqsim.cost.rehearsal import Copied, copied

ORDERS = "SELECT amount FROM sales.orders WHERE day = "
CUSTOMERS = 10_000_000 * 8


@pytest.fixture(scope="module")
def shop() -> Iterator[Bench]:
    with bench([Path(__file__).parent / "warehouse.yaml"], project="shop") as one:
        yield one


def measured(shop: Bench, sql: str) -> Estimate:
    one = shop.estimates([fingerprinted(Query("q", sql))])[0]
    assert not one.error
    return one


@pytest.mark.parametrize(
    ("script", "processed"),
    [
        ("CREATE VIEW sales.w AS SELECT id FROM sales.customers; SELECT id FROM sales.w;", CUSTOMERS),
        (
            "CREATE TABLE FUNCTION sales.f(c STRING) AS (SELECT id FROM sales.customers);"
            "SELECT id FROM sales.f('x');",
            CUSTOMERS,
        ),
        ("CREATE TABLE sales.c CLONE sales.customers; SELECT id FROM sales.c;", CUSTOMERS),
        ("CREATE SNAPSHOT TABLE sales.c CLONE sales.customers; SELECT id FROM sales.c;", CUSTOMERS),
        ("CREATE TABLE sales.c COPY sales.customers; SELECT id FROM sales.c;", CUSTOMERS),
        ("CREATE OR REPLACE TABLE sales.n AS SELECT 1 AS n, 'ab' AS s; SELECT n, s FROM sales.n;", 12),
        ("CREATE TEMP TABLE n AS SELECT 1 AS n; INSERT INTO n VALUES (2); SELECT n FROM n;", 16),
        (
            "CREATE TEMP TABLE c AS SELECT * FROM sales.customers; SELECT id FROM c;",
            CUSTOMERS + 940_000_000,
        ),
        ("IF FALSE THEN SELECT id FROM sales.customers; ELSE SELECT 1; END IF;", 0),
        ("IF 1 < 2 THEN SELECT id FROM sales.customers; END IF;", CUSTOMERS),
        (
            "CASE 2 WHEN 1 THEN SELECT 1; WHEN 2 THEN SELECT id FROM sales.customers; END CASE;",
            CUSTOMERS,
        ),
        (
            "DECLARE n INT64 DEFAULT 0;"
            "WHILE n < 3 DO SET n = n + 1; SELECT id FROM sales.customers; END WHILE;",
            3 * CUSTOMERS,
        ),
        (
            "DECLARE n INT64 DEFAULT 0;"
            "LOOP SET n = n + 1; IF n = 1 THEN CONTINUE; END IF; SELECT id FROM sales.customers;"
            " IF n > 2 THEN BREAK; END IF; END LOOP;",
            2 * CUSTOMERS,
        ),
        (
            "DECLARE n INT64 DEFAULT 0;"
            "REPEAT SET n = n + 1; SELECT id FROM sales.customers; UNTIL n = 2 END REPEAT;",
            2 * CUSTOMERS,
        ),
        ("BEGIN SELECT id FROM sales.customers; RETURN; SELECT id FROM sales.customers; END;", CUSTOMERS),
    ],
)
def test_what_a_script_reads_is_known(shop: Bench, script: str, processed: int) -> None:
    one = measured(shop, script)
    assert (one.bytes_processed, one.accuracy, one.notes) == (processed, "PRECISE", ())


@pytest.mark.parametrize(
    "script",
    [
        f"DECLARE d DATE DEFAULT '2026-01-02'; {ORDERS}d;",
        f"DECLARE d DATE; SET d = DATE_ADD('2026-01-01', INTERVAL 1 DAY); {ORDERS}d;",
    ],
)
def test_variables_prune_as_constants_do(shop: Bench, script: str) -> None:
    one, constant = measured(shop, script), measured(shop, f"{ORDERS}'2026-01-02'")
    assert (one.bytes_processed, one.partitions, one.accuracy) == (constant.bytes_processed, 1, "PRECISE")


@pytest.mark.parametrize(
    ("script", "processed", "told"),
    [
        (
            "IF (SELECT COUNT(id) FROM sales.customers) > 5 THEN SELECT sku FROM sales.items; END IF;"
            "SELECT 1;",
            0,
            "depend on rows",
        ),
        ("FOR r IN (SELECT id FROM sales.customers) DO SELECT r.id; END FOR;", CUSTOMERS, "depend on rows"),
        ("LOOP SELECT 1; END LOOP;", 0, "has not ended"),
        (
            "CREATE TEMP TABLE t AS SELECT id FROM sales.customers WHERE id > 5; SELECT id FROM t;",
            CUSTOMERS,
            "1 of 2 statements read tables of the script",
        ),
    ],
)
def test_what_is_not_known_is_a_lower_bound_and_said(
    shop: Bench, script: str, processed: int, told: str
) -> None:
    one = measured(shop, script)
    assert one.accuracy == "LOWER_BOUND"
    assert one.bytes_processed >= processed
    assert any(told in note for note in one.notes)


def test_a_shadow_that_is_changed_keeps_its_size_and_that_is_said(shop: Bench) -> None:
    one = measured(shop, "DELETE FROM sales.customers WHERE id = 1; SELECT id FROM sales.customers;")
    assert one.accuracy == "UNKNOWN"
    assert one.notes == ("statements read what earlier ones change: their sizes are those before",)


def test_the_tables_are_as_they_were_and_names_of_sessions_are_not_told(shop: Bench) -> None:
    script = "DROP TABLE sales.items; CREATE TEMP TABLE t AS SELECT 1 AS n; SELECT n FROM t;"
    assert measured(shop, script).tables == ()
    assert measured(shop, "SELECT sku FROM sales.items").bytes_processed == 7_200_000_000
    assert measured(shop, script) == measured(shop, script)
    assert "t" not in shop.api.control("GET", "shadows?project=shop")["tables"]


def test_nothing_is_run_that_may_call_others(shop: Bench) -> None:
    script = (
        "CREATE FUNCTION sales.far(x INT64) RETURNS INT64 REMOTE WITH CONNECTION `shop.us.c`"
        " OPTIONS (endpoint = 'http://127.0.0.1:1/');"
        "CREATE TEMP TABLE t AS SELECT sales.far(1) AS x; SELECT id FROM sales.customers;"
    )
    one = measured(shop, script)
    assert (one.bytes_processed, one.accuracy) == (CUSTOMERS, "LOWER_BOUND")
    assert any("remote functions" in note for note in one.notes)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("CREATE TABLE d.a CLONE d.b", Copied("d.a", "d.b")),
        ("create or replace table `p.d.a` copy d.b", Copied("p.d.a", "d.b", " OR REPLACE")),
        ("CREATE SNAPSHOT TABLE d.a CLONE d.b", Copied("d.a", "d.b")),
        ("CREATE TEMP TABLE a AS SELECT * FROM d.b", Copied("a", "d.b", " TEMP")),
        ("CREATE TABLE d.a CLONE d.b FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01'", None),
        ("CREATE TABLE d.a AS SELECT * EXCEPT (x) FROM d.b", None),
        ("CREATE TABLE d.a AS SELECT * FROM d.b WHERE x = 1", None),
        ("CREATE TABLE d.a AS SELECT * FROM d.b LIMIT 1", None),
        ("CREATE TABLE d.a AS SELECT * FROM d.b, d.c", None),
        ("CREATE TABLE d.a AS SELECT DISTINCT * FROM d.b", None),
        ("CREATE VIEW d.a AS SELECT * FROM d.b", None),
        ("SELECT * FROM d.b", None),
    ],
)
def test_statements_that_copy_tables(sql: str, found: Copied | None) -> None:
    assert copied(sql) == found
