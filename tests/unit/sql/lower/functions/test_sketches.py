from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity(
    "sql:sketches",
    "approximated",
    "HLL_COUNT sketches are those of the service (those of NUMERIC and BIGNUMERIC bear value types of their "
    "own); large counts are estimated without its table of biases, KLL_QUANTILES sketches have a form of "
    "their own",
)

Rows = Callable[..., list[list[Any]]]

FIRST = "08701003180220088207121003180f2014320aacfc20eaa60debfea101"
MERGED = "087010061802200882071a1006180f20143212a3a605c1d102c88419e2af0c8877ebfea101"


def test_sketches_are_those_of_the_service(rows: Rows) -> None:
    assert rows("SELECT TO_HEX(HLL_COUNT.INIT(n)) FROM UNNEST([1, 2, 3]) n") == [[FIRST]]
    both = " UNION ALL ".join(
        f"SELECT HLL_COUNT.INIT(n) s FROM UNNEST({n}) n" for n in ([1, 2, 3], [4, 5, 6])
    )
    assert rows(f"SELECT TO_HEX(HLL_COUNT.MERGE_PARTIAL(s)) FROM ({both})") == [[MERGED]]
    assert rows(f"SELECT HLL_COUNT.EXTRACT(FROM_HEX('{MERGED}')), HLL_COUNT.EXTRACT(NULL)") == [[6, 0]]


@pytest.mark.parametrize("type_", ["INT64", "NUMERIC", "BIGNUMERIC", "STRING", "BYTES"])
@pytest.mark.parametrize("precision", ["", ", 10", ", 24"])
def test_few_values_are_counted_exactly(rows: Rows, type_: str, precision: str) -> None:
    texts = (f"'{n}'" if type_ in ("STRING", "BYTES") else str(n) for n in range(20))
    literal = {"STRING": "{}", "INT64": "{}", "BYTES": "b{}"}.get(type_, f"{type_} '{{}}'")
    value = f"[{', '.join(map(literal.format, texts))}][OFFSET(MOD(n, 20))]"
    sql = f"""SELECT g, HLL_COUNT.MERGE(s), HLL_COUNT.EXTRACT(HLL_COUNT.MERGE_PARTIAL(s)) FROM (
        SELECT MOD(n, 2) AS g, HLL_COUNT.INIT({value}{precision}) AS s
        FROM UNNEST(GENERATE_ARRAY(1, 100)) n GROUP BY g, MOD(n, 10)
        UNION ALL SELECT 0, NULL) GROUP BY g ORDER BY g"""
    assert rows(sql) == [[0, 10, 10], [1, 10, 10]]


def test_null_is_not_counted(rows: Rows) -> None:
    nothing = "(SELECT CAST(NULL AS BYTES) s)"
    merged = "HLL_COUNT.MERGE(s), HLL_COUNT.MERGE_PARTIAL(s)"
    assert rows(f"SELECT {merged} FROM {nothing}") == [[0, None]]
    assert rows(f"SELECT {merged} FROM {nothing} WHERE FALSE") == [[0, None]]
    assert rows("SELECT HLL_COUNT.INIT(n) FROM UNNEST([CAST(NULL AS INT64)]) n") == [[None]]
    assert rows("SELECT HLL_COUNT.EXTRACT(HLL_COUNT.INIT(n)) FROM UNNEST([7, NULL, 7, 8]) n") == [[2]]


def test_sketches_survive_a_table(warehouse: Warehouse, rows: Rows) -> None:
    warehouse.run(
        "CREATE TABLE d.sketches AS SELECT MOD(n, 7) k, HLL_COUNT.INIT(n, 12) s "
        "FROM UNNEST(GENERATE_ARRAY(1, 50000)) n GROUP BY k"
    )
    [[found]] = rows("SELECT HLL_COUNT.MERGE(s) FROM d.sketches")
    [[direct]] = rows(
        "SELECT HLL_COUNT.EXTRACT(HLL_COUNT.INIT(n, 12)) FROM UNNEST(GENERATE_ARRAY(1, 50000)) n"
    )
    assert found == direct
    assert abs(found - 50_000) < 2_500


HUNDRED = "(SELECT KLL_QUANTILES.INIT_INT64(x) k FROM UNNEST(GENERATE_ARRAY(1, 100)) x)"


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("KLL_QUANTILES.EXTRACT_INT64(k, 1)", [1, 100]),
        ("KLL_QUANTILES.EXTRACT_INT64(k, 2)", [1, 50, 100]),
        ("KLL_QUANTILES.EXTRACT_INT64(k, 3)", [1, 34, 67, 100]),
        ("KLL_QUANTILES.EXTRACT_INT64(k, 4)", [1, 25, 50, 75, 100]),
        ("KLL_QUANTILES.EXTRACT_INT64(k, 6)", [1, 17, 34, 50, 67, 84, 100]),
        ("KLL_QUANTILES.EXTRACT_POINT_INT64(k, 0)", 1),
        ("KLL_QUANTILES.EXTRACT_POINT_INT64(k, .07)", 7),
        ("KLL_QUANTILES.EXTRACT_POINT_INT64(k, .8)", 80),
        ("KLL_QUANTILES.EXTRACT_POINT_INT64(k, 1)", 100),
        ("KLL_QUANTILES.EXTRACT_INT64(NULL, 2)", None),
        ("KLL_QUANTILES.EXTRACT_POINT_INT64(k, IF(k IS NULL, 0.1, NULL))", None),
        ("ARRAY_LENGTH(KLL_QUANTILES.EXTRACT_INT64(k, 100000))", 100_001),
    ],
)
def test_quantiles_of_few_values_are_exact(rows: Rows, expression: str, wanted: Any) -> None:
    assert rows(f"SELECT {expression} FROM {HUNDRED}") == [[wanted]]


def test_quantiles_of_merged_sketches(rows: Rows) -> None:
    parts = """(SELECT KLL_QUANTILES.INIT_FLOAT64(CAST(x AS FLOAT64), 200) k
        FROM UNNEST(GENERATE_ARRAY(1, 100000)) x GROUP BY MOD(x, 9) UNION ALL SELECT NULL)"""
    [[quarters, half, again]] = rows(
        "SELECT KLL_QUANTILES.MERGE_FLOAT64(k, 4), KLL_QUANTILES.MERGE_POINT_FLOAT64(k, 0.5), "
        f"KLL_QUANTILES.EXTRACT_FLOAT64(KLL_QUANTILES.MERGE_PARTIAL(k), 4) FROM {parts}"
    )
    assert quarters == again
    assert quarters[0] == 1 and quarters[4] == 100_000
    assert all(abs(found - 25_000 * i) < 500 for i, found in enumerate(quarters))
    assert half == quarters[2]


def test_weights_count_values_several_times(rows: Rows) -> None:
    weighted = "KLL_QUANTILES.INIT_INT64(x, 1000, weight => x)"
    repeated = "KLL_QUANTILES.INIT_INT64(x, 1000)"
    sql = """SELECT KLL_QUANTILES.EXTRACT_INT64({}, 10)
        FROM UNNEST([5, 3, 9, 1]) x"""
    [[left]] = rows(sql.format(weighted))
    [[right]] = rows(sql.format(repeated) + ", UNNEST(GENERATE_ARRAY(1, x))")
    assert left == right == [1, 3, 3, 5, 5, 5, 9, 9, 9, 9, 9]


def test_quantiles_of_nothing(rows: Rows) -> None:
    none = "(SELECT KLL_QUANTILES.INIT_INT64(x) k FROM UNNEST([CAST(NULL AS INT64)]) x)"
    sql = f"SELECT k, KLL_QUANTILES.EXTRACT_INT64(k, 2) FROM {none}"
    assert rows(sql) == [[None, None]]
    calls = ("MERGE_INT64(k, 2)", "MERGE_PARTIAL(k)", "MERGE_POINT_INT64(k, .5)")
    merged = ", ".join(f"KLL_QUANTILES.{call}" for call in calls)
    assert rows(f"SELECT {merged} FROM {none}") == [[None, None, None]]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT HLL_COUNT.EXTRACT(b'')", "Invalid sketch in HLL_COUNT.EXTRACT"),
        (
            "SELECT HLL_COUNT.MERGE(x) FROM UNNEST([b'']) x",
            "Invalid or incompatible sketch in HLL_COUNT.MERGE",
        ),
        (
            "SELECT HLL_COUNT.MERGE_PARTIAL(x) FROM UNNEST([b'ab']) x",
            "Invalid or incompatible sketch in HLL_COUNT.MERGE_PARTIAL",
        ),
        (
            "SELECT HLL_COUNT.MERGE(s) FROM (SELECT HLL_COUNT.INIT(1) s FROM UNNEST([1]) "
            "UNION ALL SELECT HLL_COUNT.INIT('a') FROM UNNEST([1]))",
            "Invalid or incompatible sketch in HLL_COUNT.MERGE",
        ),
        (
            "SELECT HLL_COUNT.INIT(1, 25) FROM UNNEST([1])",
            "Argument 2 to HLL_COUNT.INIT must be between 10 and 24 at [1:26]",
        ),
        (
            "SELECT KLL_QUANTILES.INIT_INT64(1, 0) FROM UNNEST([1])",
            "Argument 2 to KLL_QUANTILES.INIT_INT64 must be between 1 and 100000",
        ),
        (
            "SELECT KLL_QUANTILES.MERGE_INT64(x, 2) FROM UNNEST([b'']) x",
            "Invalid or incompatible sketch in KLL_QUANTILES.MERGE_INT64",
        ),
        (
            f"SELECT KLL_QUANTILES.EXTRACT_FLOAT64(k, 2) FROM {HUNDRED}",
            "Invalid or incompatible sketch in KLL_QUANTILES.EXTRACT_FLOAT64",
        ),
        (
            f"SELECT KLL_QUANTILES.MERGE_POINT_FLOAT64(k, 0.2) FROM {HUNDRED}",
            "Invalid or incompatible sketch in KLL_QUANTILES.MERGE_POINT_FLOAT64",
        ),
        (
            f"SELECT KLL_QUANTILES.EXTRACT_INT64(k, 100001) FROM {HUNDRED}",
            "Argument 2 to KLL_QUANTILES.EXTRACT_INT64 must be between 1 and 100000",
        ),
        (
            "SELECT KLL_QUANTILES.EXTRACT_POINT_INT64(b'', 1.5)",
            "Argument 2 to KLL_QUANTILES.EXTRACT_POINT_INT64 must be between 0 and 1 at [1:47]",
        ),
        (
            "SELECT KLL_QUANTILES.INIT_INT64(1, 10, weight => x) FROM UNNEST([0]) x",
            "Invalid weight: 0. Weight must be positive",
        ),
    ],
)
def test_errors(warehouse: Warehouse, sql: str, message: str) -> None:
    assert warehouse.error(sql) == message


@pytest.mark.parametrize("type_", ["INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"])
def test_top_sums_of_every_weight(rows: Rows, type_: str) -> None:
    weight = {"INT64": "{}", "FLOAT64": "{}.0"}.get(type_, f"{type_} '{{}}'").format
    pairs = ", ".join(f"STRUCT({x} AS x, {weight(w)} AS w)" for x, w in (("'a'", 3), ("NULL", 9), ("'a'", 4)))
    sql = f"SELECT APPROX_TOP_SUM(x, w, {{}}) FROM UNNEST([{pairs}, ('b', 1), ('c', NULL)]) {{}}"
    assert rows(sql.format(9, "")) == [[[[None, 9], ["a", 7], ["b", 1], ["c", None]]]]
    assert rows(sql.format(2, "")) == [[[[None, 9], ["a", 7]]]]
    assert rows(sql.format(2, "WHERE FALSE")) == [[None]]


def test_top_sums_of_many_values(rows: Rows) -> None:
    sql = """SELECT g, APPROX_TOP_SUM(x, x, 2) FROM UNNEST(GENERATE_ARRAY(1, 20000)) x,
        UNNEST([MOD(x, 2)]) g GROUP BY g ORDER BY g"""
    assert rows(sql) == [[0, [[20000, 20000], [19998, 19998]]], [1, [[19999, 19999], [19997, 19997]]]]


def test_top_counts_of_distinct_values(rows: Rows) -> None:
    sql = "SELECT APPROX_TOP_COUNT(DISTINCT x, 3) FROM UNNEST([1, 1, 2, NULL, NULL]) x"
    assert sorted(rows(sql)[0][0], key=str) == [[1, 1], [2, 1], [None, 1]]


def test_top_sums_of_distinct_pairs_are_refused(warehouse: Warehouse) -> None:
    error = warehouse.error("SELECT APPROX_TOP_SUM(DISTINCT x, 1, 3) FROM UNNEST([1, 1]) x")
    assert error == "APPROX_TOP_SUM with DISTINCT is not supported by bqsim"
