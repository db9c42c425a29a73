from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.rules.sqltext import normal_sql, sql_fingerprint, statement_type

NORMAL = [
    ("select a,b from d.t", "SELECT a , b FROM d . t"),
    ("SELECT  1 -- one\n+ 2.5e-3 # two\n/* three */ ;; ", "SELECT ? + ?"),
    ("SELECT 'it\\'s', r'\\d', b\"x\", rb'''y'z''' , 0xFF, .5", "SELECT ? , ? , ? , ? , ? , ?"),
    ("SELECT * FROM `p-1.d.t`", "SELECT * FROM p - 1 . d . t"),
    ("SELECT * FROM p-1.d.t", "SELECT * FROM p - 1 . d . t"),
    ("SELECT `b c`", "SELECT b c"),
    ("SELECT x.select, d.2024_events", "SELECT x . select , d . 2024_events"),
    ("WHERE a IN (1, 'b', 3)", "WHERE a IN ( ? )"),
    ("SELECT ARRAY<INT64>[1, 2], f(1, 2)", "SELECT ARRAY < INT64 > [ ? ] , f ( ? , ? )"),
    ("INSERT d.t (a, b) VALUES (1, 'x'), (2, 'y')", "INSERT d . t ( a , b ) VALUES ( ? , ? )"),
    ("SELECT @p, @@session_id, ?", "SELECT @p , @@session_id , ?"),
    ("SELECT date '2024-01-01' WHERE a<=b and c!=1", "SELECT DATE ? WHERE a <= b AND c != ?"),
    ("SELECT 'never ended", "SELECT ?"),
    ("SELECT /* never ended", "SELECT"),
    ("", ""),
]


@pytest.mark.parametrize(("sql", "normal"), NORMAL)
def test_normal_form(sql: str, normal: str) -> None:
    assert normal_sql(sql) == normal


SAME = [
    ("select 1", "SELECT\n2 -- two"),
    ("SELECT * FROM d.t WHERE x IN (1,2)", "select * from `d`.`t` where x in (7)"),
    ("SELECT * FROM d.t WHERE s = 'a'", 'SELECT * FROM `d.t` WHERE s="b";'),
]
OTHER = [
    ("SELECT * FROM d.t", "SELECT * FROM d.T"),
    ("SELECT a FROM d.t", "SELECT b FROM d.t"),
    ("SELECT f(1)", "SELECT f(1, 2)"),
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_texts_that_differ_in_literals_and_layout_share_a_fingerprint(one: str, two: str) -> None:
    assert sql_fingerprint(one) == sql_fingerprint(two)


@pytest.mark.parametrize(("one", "two"), OTHER)
def test_texts_about_other_things_do_not(one: str, two: str) -> None:
    assert sql_fingerprint(one) != sql_fingerprint(two)


def test_fingerprints_are_those_that_files_hold() -> None:
    assert sql_fingerprint("SELECT name FROM d.t WHERE id = 7") == "c37a8c90d2d1334c"


def test_a_long_text_has_the_same_form_as_a_short_one() -> None:
    long = "SELECT 1 FROM d.t WHERE x IN (" + ",".join(map(str, range(5000))) + ")"
    assert normal_sql(long) == normal_sql("SELECT 1 FROM d.t WHERE x IN (1, 2)")


OPEN = ["'\\", '"\\', "'''a\\", "`\\", "(?", "(?,?),", "/*", "1.", "1e", "AS ", "9"]


@pytest.mark.parametrize("piece", OPEN)
def test_texts_that_leave_things_open_are_read_once(piece: str) -> None:
    """Reading them anew from each place would take minutes."""
    text = "CREATE TABLE " + piece * 50_000
    assert normal_sql(text).startswith("CREATE TABLE")
    assert statement_type(text) in ("CREATE_TABLE", "SCRIPT")


STATEMENTS = [
    ("SELECT 1", "SELECT"),
    ("-- c\n(with x as (select 1) select * from x)", "SELECT"),
    ("FROM d.t |> WHERE x", "SELECT"),
    ("insert into d.t values (1)", "INSERT"),
    ("MERGE d.t USING d.s ON FALSE WHEN NOT MATCHED THEN INSERT ROW", "MERGE"),
    ("TRUNCATE TABLE d.t", "TRUNCATE_TABLE"),
    ("CREATE OR REPLACE TABLE d.t AS SELECT 1", "CREATE_TABLE_AS_SELECT"),
    ("CREATE TEMP TABLE t (x INT64)", "CREATE_TABLE"),
    ("CREATE TABLE IF NOT EXISTS d.t PARTITION BY x OPTIONS (a = 1) AS (SELECT 1)", "CREATE_TABLE_AS_SELECT"),
    ("CREATE MATERIALIZED VIEW d.v AS SELECT 1", "CREATE_MATERIALIZED_VIEW"),
    ("CREATE AGGREGATE FUNCTION d.f(x INT64) AS (SUM(x))", "CREATE_FUNCTION"),
    ("CREATE TABLE FUNCTION d.f() AS SELECT 1", "CREATE_TABLE_FUNCTION"),
    ("CREATE PROCEDURE d.p() BEGIN SELECT 1; SELECT 2; END", "CREATE_PROCEDURE"),
    ("DROP ROW ACCESS POLICY r ON d.t", "DROP_ROW_ACCESS_POLICY"),
    ("DROP ALL ROW ACCESS POLICIES ON d.t", "DROP_ROW_ACCESS_POLICY"),
    ("ALTER TABLE d.t ADD COLUMN x INT64", "ALTER_TABLE"),
    ("EXPORT DATA OPTIONS (uri='gs://b/*') AS SELECT 1", "EXPORT_DATA"),
    ("CALL d.p()", "CALL"),
    ("SELECT 1; SELECT 2", "SCRIPT"),
    ("DECLARE x INT64", "SCRIPT"),
    ("BEGIN TRANSACTION", "SCRIPT"),
    ("nonsense", ""),
]


@pytest.mark.parametrize(("sql", "type_"), STATEMENTS)
def test_statement_type(sql: str, type_: str) -> None:
    assert statement_type(sql) == type_


@given(st.text())
def test_every_text_has_a_normal_form_that_layout_does_not_change(sql: str) -> None:
    normal = normal_sql(sql)
    assert normal_sql("  " + sql) == normal
    assert "\n" not in normal
