from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.storage.read.restriction import MAX_RESTRICTION_BYTES, is_closed

from .conftest import Reader

NAME = "p:d.t"


@pytest.fixture
def table(reader: Reader) -> str:
    reader.warehouse.run(
        """CREATE TABLE d.t AS
        SELECT x, CAST(x AS STRING) AS s, DATE_ADD(DATE '2024-01-01', INTERVAL x DAY) AS d,
        STRUCT(x AS a, [x, -x] AS l) AS st, BIGNUMERIC '1.5' AS b, IF(MOD(x, 3) = 0, NULL, x) AS n,
        TIMESTAMP_SECONDS(x) AS ts
        FROM UNNEST(GENERATE_ARRAY(0, 99)) AS x"""
    )
    return "t"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x BETWEEN 3 AND 5", [3, 4, 5]),
        ("X = 7 OR (s = '8')", [7, 8]),
        ("d > DATE '2024-04-07' AND d < '2024-04-09'", [98]),
        ("st.a = 4 OR 9 IN UNNEST(st.l)", [4, 9]),
        ("`t`.x = 2", [2]),
        ("b = 1.5 AND x = 3", [3]),
        ("n IS NULL AND x < 7", [0, 3, 6]),
        ("n < 3", [1, 2]),
        ("CAST(s AS INT64) IN (1, 99)", [1, 99]),
        ("s LIKE '9_' AND MOD(x, 2) = 0", [90, 92, 94, 96, 98]),
        ("x = 3 -\n1", [2]),
        ("s = '(' OR s = '5' OR s = \"-- no comment\"", [5]),
        ("ts < CURRENT_TIMESTAMP() AND x = 1", [1]),
        ("TRUE", list(range(100))),
        (" ", list(range(100))),
        ("NULL", []),
    ],
)
def test_conditions(reader: Reader, table: str, text: str, expected: list[int]) -> None:
    session = reader.session(table, row_restriction=text)
    assert reader.all(session) == expected
    assert session.read_options.row_restriction == text
    assert session.estimated_row_count == 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope = 1", "Query error: Unrecognized name: nope at [1:1]"),
        (
            "x",
            "Query error: WHERE clause should return type BOOL, but returns INT64 at [1:1]",
        ),
        (
            "x = 1 AND\n  s = 1",
            "Query error: No matching signature for operator = for argument types: STRING, INT64",
        ),
        ("COUNT(*) > 1", "Query error: Aggregate function COUNT(*) not allowed in WHERE clause at [1:1]"),
        ("x = @p", "Query error: Query parameter 'p' not found at [1:5]"),
        ("x = ?", "Query error: Query parameter number 1 is not defined (0 provided) at [1:5]"),
        ("x =", "Query error: Syntax error"),
        ("x = 'a", "Query error: Syntax error: Unclosed string literal at [1:5]"),
        ("ROW_NUMBER() OVER () = 1", "Query error: Analytic function not allowed in WHERE clause at [1:1]"),
        ("d.nofunction(x)", "Query error: Function not found: d.nofunction at [1:1]"),
    ],
)
def test_what_the_analysis_refuses(reader: Reader, table: str, text: str, message: str) -> None:
    error = reader.failure(table, row_restriction=text)
    assert error.status == "INVALID_ARGUMENT"
    assert error.message.startswith(f"request failed: {message}")


@pytest.mark.parametrize(
    "text",
    [
        "x = 1) OR (TRUE",
        "TRUE) OR (x = 1",
        "x = 1 -- a comment",
        "x = 1 # a comment",
        "x /* a comment */ = 1",
        "x = 1;",
        "x = 1) LIMIT (1",
        "(x = 1",
        "x = 1)",
        "x IN (1]",
        "x = (SELECT 1)",
        "EXISTS(SELECT 1)",
        "x IN (SELECT y.x FROM p.d.t AS y)",
        "@@time_zone = 'UTC'",
    ],
)
def test_what_is_not_one_condition_on_a_row(reader: Reader, table: str, text: str) -> None:
    error = reader.failure(table, row_restriction=text)
    assert error.status == "INVALID_ARGUMENT"
    invalid = f"request failed: Row filter for table {NAME} is invalid. Filter is '{text}'"
    assert error.message == invalid


@pytest.mark.parametrize("text", ["RAND() < 0.5", "GENERATE_UUID() = s"])
def test_what_cannot_be_computed(reader: Reader, table: str, text: str) -> None:
    error = reader.failure(table, row_restriction=text)
    assert error.message == (
        f"request failed: row filter '{text}' is too complex to be processed in filtering; "
        "consider executing a query instead"
    )


def test_routines_are_refused(reader: Reader, table: str) -> None:
    reader.warehouse.run("CREATE FUNCTION d.plus(x INT64) AS (x + 1)")
    assert "is invalid. Filter is" in reader.failure(table, row_restriction="d.plus(x) = 2").message


def test_the_length_of_restrictions(reader: Reader, table: str) -> None:
    error = reader.failure(table, row_restriction=f"s = '{'ä' * (MAX_RESTRICTION_BYTES // 2)}'")
    assert error.status == "INVALID_ARGUMENT"
    assert error.message == (
        "read_session.read_options.row_restriction exceeded maximum allowed length. "
        "Maximum bytes allowed: 1048576"
    )
    long = f"s = '{'a' * 500_000}' OR x = 4"
    assert reader.all(reader.session(table, row_restriction=long)) == [4]


def test_errors_of_rows(reader: Reader, table: str) -> None:
    session = reader.session(table, row_restriction="1 / (x - 50) > 0.1")
    with pytest.raises(Exception, match="request failed: Query error: division by zero") as caught:
        reader.all(session)
    assert caught.value.status == "INVALID_ARGUMENT"  # type: ignore[attr-defined]


def test_dead_rows_cannot_fail(reader: Reader, table: str) -> None:
    reader.warehouse.run("DELETE FROM d.t WHERE x = 50")
    session = reader.session(table, row_restriction="1 / (x - 50) > 0.1")
    assert reader.all(session) == list(range(51, 60))
    before = reader.session(table, row_restriction="1 / (x + 7) > 0.1")
    reader.warehouse.run("INSERT INTO d.t (x) VALUES (-7)")
    assert reader.all(before) == [0, 1, 2]


def test_now_is_the_moment_of_the_snapshot(reader: Reader, table: str) -> None:
    session = reader.session(
        table, row_restriction="TIMESTAMP_ADD(ts, INTERVAL 3000 DAY) < CURRENT_TIMESTAMP()"
    )
    assert len(reader.all(session)) == 100
    last = reader.session(table, row_restriction="CURRENT_TIMESTAMP() > CURRENT_TIMESTAMP()")
    assert reader.all(last) == []


# Partitions


def test_partition_columns(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.t (x INT64) PARTITION BY _PARTITIONDATE")
    reader.warehouse.run("INSERT INTO d.t (x) VALUES (1), (2)")
    today = reader.session(
        "t", row_restriction="_PARTITIONTIME >= TIMESTAMP_TRUNC(CURRENT_TIMESTAMP(), DAY) AND x = 2"
    )
    assert reader.all(today) == [2]
    assert reader.all(reader.session("t", row_restriction="_PARTITIONDATE < '2020-01-01'")) == []
    session = reader.session("t", selected_fields=["_partitiontime", "x", "_PARTITIONDATE"])
    rows = reader.rows(session)
    assert [r[0] for r in rows] == [1, 2]
    assert {r[1].date() for r in rows} == {r[2] for r in rows}
    assert session.estimated_total_bytes_scanned == 2 * 24
    assert len(reader.rows(reader.session("t"))[0]) == 1


def test_a_required_partition_filter(reader: Reader) -> None:
    reader.warehouse.run(
        "CREATE TABLE d.t (day DATE, x INT64) PARTITION BY day OPTIONS (require_partition_filter = TRUE)"
    )
    reader.warehouse.run("INSERT INTO d.t VALUES ('2024-01-01', 1), ('2024-01-02', 2)")
    for text in ("", "x = 1"):
        error = reader.failure("t", row_restriction=text)
        assert error.status == "INVALID_ARGUMENT"
        assert error.message == (
            "request failed: Query error: Cannot query over table 'p.d.t' without a filter over column(s)"
            " 'day' that can be used for partition elimination"
        )
    assert len(reader.rows(reader.session("t", row_restriction="day = '2024-01-02'"))) == 1


# The structure of texts


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("", True),
        ("(a)", True),
        ("')'", True),
        ("`)`", True),
        ("a[OFFSET(0)] = ''')'''", True),
        (")(", False),
        ("(", False),
        ("([)]", False),
        ("a -- b", False),
        ("a # b", False),
        ("a /* b", False),
        ("a; b", False),
        ("'a -- b'", True),
        ('"""a\n)"""', True),
        ("r'\\' OR (')", False),
    ],
)
def test_closed_texts(text: str, closed: bool) -> None:
    assert is_closed(text) is closed


@given(st.text(alphabet="()[]{},a ", max_size=12))
def test_a_closed_text_ends_where_its_parentheses_do(text: str) -> None:
    if is_closed(text):
        depths = [0]
        for character in f"({text})":
            depths.append(depths[-1] + (character in "([{") - (character in ")]}"))
        assert depths[-1] == 0
        assert all(depth > 0 for depth in depths[1:-1])
