"""Which blocks of clustered tables queries are charged for, by what their filters say."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.sql.lower.block_conditions import block_columns, ordered_by
from bqsim.sql.plan import Filtering, Pruning
from bqsim.types import INT64, STRING, Type, TypeKind
from tests.unit.sql.warehouse import Warehouse, new_warehouse, typed

# Most have rows of 32 bytes, of which a block holds ten.
SETUP = (
    "CREATE TABLE d.t CLUSTER BY n, s, b AS SELECT x AS n, FORMAT('k%04d', x) AS s, x > 49 AS b, x AS v,"
    " 'abcdef' AS w FROM UNNEST(GENERATE_ARRAY(0, 99)) AS x",
    "CREATE TABLE d.few CLUSTER BY a, s AS SELECT DIV(x, 50) AS a, FORMAT('k%04d', x) AS s, x AS v,"
    " 'abcdefg' AS w"
    " FROM UNNEST(GENERATE_ARRAY(0, 99)) AS x",
    "CREATE TABLE d.texts CLUSTER BY s AS SELECT IF(x < 10, NULL, FORMAT('k%04d', x)) AS s, x AS n, x AS v,"
    " REPEAT('x', IF(x < 10, 14, 7)) AS w FROM UNNEST(GENERATE_ARRAY(0, 99)) AS x",
    "CREATE TABLE d.long CLUSTER BY s AS SELECT REPEAT(IF(x < 50, 'a', 'b'), 2000) || x AS s, x AS n"
    " FROM UNNEST(GENERATE_ARRAY(0, 99)) AS x",
    "CREATE TABLE d.flags CLUSTER BY b AS SELECT x > 49 AS b, x AS n FROM UNNEST(GENERATE_ARRAY(0, 99)) AS x",
    "CREATE TABLE d.places CLUSTER BY g AS SELECT ST_GEOGPOINT(x, 0) AS g, x AS n"
    " FROM UNNEST(GENERATE_ARRAY(0, 99)) AS x",
    "CREATE TABLE d.large CLUSTER BY n AS SELECT CAST(x AS BIGNUMERIC) AS n"
    " FROM UNNEST(GENERATE_ARRAY(0, 99)) AS x",
    "CREATE VIEW d.v AS SELECT n AS m, v FROM d.t",
)


@pytest.fixture(scope="module")
def clustered() -> Warehouse:
    found = new_warehouse()
    found.executor._services.sizes.statistics.blocks.block_bytes = 320
    for statement in SETUP:
        found.run(statement)
    return found


def pruned(warehouse: Warehouse, sql: str, **more: Any) -> Pruning:
    [found] = warehouse.run(sql, **more).read.pruning
    return found


def blocks(warehouse: Warehouse, sql: str, **more: Any) -> int:
    """How many of ten blocks a query reads."""
    found = pruned(warehouse, sql, **more).blocks
    if found is None:
        return 10
    read, total = found
    assert total == 10
    return read


@pytest.mark.parametrize(
    ("condition", "read"),
    [
        ("n = 5", 1),
        ("5 = n", 1),
        ("n = 1000", 0),
        ("n < 20", 2),
        ("n <= 20", 3),
        ("20 > n", 2),
        ("n > 89", 1),
        ("n >= 89", 2),
        ("n BETWEEN 15 AND 34", 3),
        ("n IN (1, 2, 99)", 2),
        ("n IN UNNEST([1, 55])", 2),
        ("n = 1 OR n = 99", 2),
        ("n = 1 OR v = 99", 10),
        ("n IS NULL", 0),
        ("n IS NOT NULL", 10),
        ("n = 5 + 20", 1),
        ("n > 9 AND n < 30 AND v = 1", 2),
        # Functions over the column tell nothing of blocks.
        ("n + 1 = 5", 10),
        ("CAST(n AS STRING) = '5'", 10),
        ("MOD(n, 10) = 5", 10),
        ("n = v", 10),
        ("n = (SELECT 5)", 10),
        ("NOT n = 5", 10),
        # Filters count from the first clustering column on.
        ("s = 'k0005'", 10),
        ("n < 50 AND s = 'k0005'", 1),
        ("n < 50 AND s LIKE 'k000%'", 1),
        ("n < 50 AND s > 'k0025'", 3),
        ("n < 50 AND b", 5),
        ("n < 50 AND s < 'z' AND b", 0),
        ("n < 50 AND s < 'z' AND NOT b", 5),
        # Alternatives say something of each of their columns.
        ("(n = 5 AND s = 'k0005') OR (n = 95 AND s = 'k0095')", 2),
        ("(n = 5 AND v = 1) OR n > 89", 2),
        # A constant that cannot be computed leaves no block out, nor does one that is no constant.
        ("n = CAST(RAND() * 100 AS INT64)", 10),
    ],
)
def test_blocks(clustered: Warehouse, condition: str, read: int) -> None:
    assert blocks(clustered, f"SELECT v FROM d.t WHERE {condition}") == read


@pytest.mark.parametrize(
    ("condition", "read"),
    [
        ("s = 'k0015'", 1),
        ("s IS NULL", 1),
        ("s LIKE 'k001%'", 1),
        ("s LIKE 'k%5'", 9),
        ("s LIKE '%5'", 9),
        ("s LIKE 'k00_5'", 9),
        (r"s LIKE 'k\\_%'", 9),
        ("STARTS_WITH(s, 'k002')", 1),
        ("STARTS_WITH(s, 'z')", 0),
        ("s IN ('k0015', 'k0095')", 2),
        ("s IN UNNEST(['k0015', 'zz'])", 1),
        ("s BETWEEN 'k0015' AND 'k0020'", 2),
        ("UPPER(s) = 'K0015'", 10),
        ("ENDS_WITH(s, '5')", 10),
        ("COLLATE(s, 'und:ci') = 'K0015'", 10),
    ],
)
def test_blocks_of_texts(clustered: Warehouse, condition: str, read: int) -> None:
    found = pruned(clustered, f"SELECT n FROM d.texts WHERE {condition}").blocks
    assert (found[0] if found else 10) == read


@pytest.mark.parametrize(
    ("condition", "reads"),
    [
        ("s = CONCAT(REPEAT('a', 2000), '7')", "a"),
        ("s > REPEAT('b', 1500)", "b"),
        ("s >= REPEAT('a', 1500)", "ab"),
        ("s < REPEAT('b', 1500)", "ab"),
        ("s < 'b'", "a"),
        ("STARTS_WITH(s, REPEAT('b', 1999))", "b"),
        ("s IN UNNEST([CONCAT(REPEAT('b', 2000), '77')])", "b"),
    ],
)
def test_strings_are_told_apart_by_their_first_characters(
    clustered: Warehouse, condition: str, reads: str
) -> None:
    # Blocks are cut at equal bytes: each letter has its half of them.
    found = pruned(clustered, f"SELECT n FROM d.long WHERE {condition}").blocks
    read, total = found if found is not None else (1, 1)
    assert round(2 * read / total) == len(reads)


def test_the_second_column_counts_where_the_first_has_a_filter(clustered: Warehouse) -> None:
    for condition, read in (("a = 1", 5), ("a = 1 AND s = 'k0060'", 1), ("s = 'k0060'", 10)):
        assert blocks(clustered, f"SELECT v FROM d.few WHERE {condition}") == read


def test_parameters_and_variables(clustered: Warehouse) -> None:
    five = {"parameters": {"x": typed(INT64, 5)}}
    assert blocks(clustered, "SELECT v FROM d.t WHERE n = @x", **five) == 1
    assert blocks(clustered, "SELECT v FROM d.t WHERE n = ?", positional=(typed(INT64, None),)) == 0
    some = {"parameters": {"x": typed(Type(TypeKind.ARRAY, element=INT64), [5, 6, 99])}}
    assert blocks(clustered, "SELECT v FROM d.t WHERE n IN UNNEST(@x)", **some) == 2
    prefix = {"parameters": {"x": typed(STRING, "k001%")}}
    assert blocks(clustered, "SELECT v FROM d.t WHERE n > 0 AND s LIKE @x", **prefix) == 1


def test_texts_that_differ_in_literals_have_blocks_of_their_own(clustered: Warehouse) -> None:
    for value in range(5, 100, 10):
        assert blocks(clustered, f"SELECT w FROM d.t WHERE n < {value}") == value // 10 + 1


def test_conditions_reach_tables_through_views_and_queries(clustered: Warehouse) -> None:
    assert blocks(clustered, "SELECT v FROM d.v WHERE m = 5") == 1
    assert blocks(clustered, "WITH x AS (SELECT * FROM d.t) SELECT v FROM x WHERE n = 5") == 1
    assert blocks(clustered, "SELECT v FROM (SELECT * FROM d.t LIMIT 50) WHERE n = 5") == 10


def test_booleans_and_decimals(clustered: Warehouse) -> None:
    for condition in ("b", "NOT b", "b = TRUE"):
        read, total = pruned(clustered, f"SELECT n FROM d.flags WHERE {condition}").blocks or (0, 0)
        assert total / 2 <= read < total
    assert (pruned(clustered, "SELECT n FROM d.large WHERE n = 5").blocks or (0, 0))[0] == 1


def test_columns_without_an_order_have_no_blocks(clustered: Warehouse) -> None:
    sql = "SELECT n FROM d.places WHERE ST_DWITHIN(g, ST_GEOGPOINT(1, 0), 10)"
    found = pruned(clustered, sql)
    assert (found.blocks, found.filters) == (None, ((("g", Filtering.NOT_COMPARABLE),),))
    assert ordered_by(clustered.table("places")) == []
    assert ordered_by(clustered.table("t")) == [0, 1, 2]
    assert block_columns(1) == ("c5", "c6", "c7")


def test_what_filters_do_is_told(clustered: Warehouse) -> None:
    assert pruned(clustered, "SELECT v FROM d.t WHERE n = 5 AND UPPER(s) = 'x' AND b").filters == (
        (("n", Filtering.PRUNES), ("s", Filtering.NOT_COMPARABLE), ("b", Filtering.NO_PREFIX)),
    )
    assert pruned(clustered, "SELECT v FROM d.t WHERE s = 'x'").filters == (
        (("n", Filtering.NO_FILTER), ("s", Filtering.NO_PREFIX), ("b", Filtering.NO_FILTER)),
    )
