"""Change histories (page *Time series functions*) and supplied answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bqsim.sim.control.supplied import SuppliedAnswers
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity("sql:change history", "exact", tests="test_appends* test_changes* test_bad*"),
    pytest.mark.fidelity(
        "sql:machine learning",
        "approximated",
        "Functions of models are refused, or answered by what a user supplies.",
        tests="test_model* test_refused*",
    ),
    pytest.mark.fidelity(
        "sql:federated queries", "approximated", "Users supply the rows.", tests="test_external*"
    ),
]


@pytest.fixture
def produce(warehouse: Warehouse) -> Warehouse:
    for sql in (
        "CREATE TABLE t (product STRING, n INT64) OPTIONS (enable_change_history=TRUE) "
        "AS SELECT 'apples', 10",
        "INSERT INTO t VALUES ('bananas', 20), ('carrots', 30)",
        "ALTER TABLE t ADD COLUMN color STRING",
        "INSERT INTO t VALUES ('grapes', 40, 'purple')",
        "UPDATE t SET n = n + 5 WHERE TRUE",
        "DELETE t WHERE product = 'bananas'",
        "MERGE t USING (SELECT 'carrots' AS c UNION ALL SELECT 'dates') AS s ON t.product = s.c "
        "WHEN MATCHED THEN UPDATE SET n = 1 WHEN NOT MATCHED THEN INSERT (product, n) VALUES (c, 2)",
    ):
        warehouse.run(sql)
    return warehouse


def test_appends(produce: Warehouse) -> None:
    sql = "SELECT product, n, color, _CHANGE_TYPE FROM APPENDS(TABLE t, NULL, NULL)"
    assert produce.rows(f"{sql} ORDER BY _CHANGE_TIMESTAMP, 1") == [
        ["apples", 10, None, "INSERT"],
        ["bananas", 20, None, "INSERT"],
        ["carrots", 30, None, "INSERT"],
        ["grapes", 40, "purple", "INSERT"],
        ["dates", 2, None, "INSERT"],
    ]
    names = [f.name for f in produce.run("SELECT * FROM APPENDS(TABLE d.t)").schema]
    assert names == ["product", "n", "color", "_CHANGE_TYPE", "_CHANGE_TIMESTAMP"]


def test_changes(produce: Warehouse) -> None:
    sql = "SELECT product, n, _CHANGE_TYPE FROM CHANGES(TABLE t, NULL, NULL)"
    found = produce.rows(f"{sql} ORDER BY _CHANGE_TIMESTAMP, 1, 3")
    assert found[4:] == [
        *([name, n, kind] for name, n in FIRST for kind, n in (("DELETE", n), ("UPDATE", n + 5))),
        ["bananas", 25, "DELETE"],
        ["carrots", 35, "DELETE"],
        ["carrots", 1, "UPDATE"],
        ["dates", 2, "INSERT"],
    ]


FIRST = [("apples", 10), ("bananas", 20), ("carrots", 30), ("grapes", 40)]


def test_changes_in_a_time(produce: Warehouse) -> None:
    times = produce.rows("SELECT DISTINCT _CHANGE_TIMESTAMP FROM CHANGES(TABLE t, NULL, NULL) ORDER BY 1")
    first, second = (f"TIMESTAMP '{time[0].isoformat()}'" for time in times[1:3])
    sql = f"SELECT product FROM CHANGES(TABLE t, {first}, end_timestamp => {second}) ORDER BY 1"
    assert produce.rows(sql) == [["bananas"], ["carrots"]]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            "APPENDS(TABLE t, NULL, TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR))",
            "The end_timestamp of the function APPENDS cannot be in the future",
        ),
        (
            "APPENDS(TABLE t, TIMESTAMP '2020-01-01')",
            "The start_timestamp of the function APPENDS is earlier than the time travel window allows",
        ),
        (
            "CHANGES(TABLE t, TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 2 DAY), NULL)",
            "The time range of the function CHANGES must be at most one day",
        ),
        ("APPENDS((SELECT 1 AS n))", "The argument of the function APPENDS must be a regular table"),
        ("APPENDS(TABLE v)", "The argument of the function APPENDS must be a regular table"),
        (
            "CHANGES(TABLE u, NULL, NULL)",
            "Change history is not enabled on table p:d.u: the function CHANGES needs the option "
            "enable_change_history",
        ),
    ],
)
def test_bad_histories(produce: Warehouse, call: str, text: str) -> None:
    produce.run("CREATE TABLE u (n INT64)")
    produce.run("CREATE VIEW v AS SELECT 1 AS n")
    assert produce.error(f"SELECT * FROM {call}") == text


@pytest.fixture
def answers(warehouse: Warehouse) -> Iterator[SuppliedAnswers]:
    supplied = SuppliedAnswers(warehouse.googlesql.answers, lambda action, details: None)
    yield supplied
    supplied.clear()


def test_external_query(warehouse: Warehouse, answers: SuppliedAnswers) -> None:
    sql = "SELECT id, tags FROM EXTERNAL_QUERY('p.us.c', 'SELECT …') WHERE id < 3 ORDER BY id"
    assert warehouse.error(sql) == (
        "EXTERNAL_QUERY is not supported by bqsim unless its answers are supplied "
        "(sim.answers.supply('EXTERNAL_QUERY', ...))"
    )
    answers.supply(
        "EXTERNAL_QUERY", {"id": "INT64", "tags": "ARRAY<STRING>"}, rows=[[2, ["a"]], [7, []], {"id": 1}]
    )
    assert warehouse.rows(sql) == [[1, []], [2, ["a"]]]
    answers.supply("EXTERNAL_QUERY", {"id": "STRING"}, rows=[["x"]], subject="p.us.c")
    assert warehouse.rows("SELECT * FROM EXTERNAL_QUERY('p.us.c', '')") == [["x"]]


def test_models(warehouse: Warehouse, answers: SuppliedAnswers) -> None:
    sql = "SELECT * FROM ML.PREDICT(MODEL d.m, (SELECT x FROM UNNEST([1, 2]) AS x), STRUCT(0.5 AS threshold))"
    assert warehouse.error(sql) == "Not found: Model p:d.m"
    asked: list[Any] = []

    def predict(call: Any) -> list[list[Any]]:
        asked.append(call.arguments)
        return [[row["x"] * 1.5] for row in call.rows]

    answers.model("p.d.m", {"predicted_label": "FLOAT64"}, predict)
    result = warehouse.run(sql)
    assert [f.name for f in result.schema] == ["predicted_label", "x"]
    assert sorted(warehouse.rows(sql)) == [[1.5, 1], [3.0, 2]]
    assert asked[0] == {"arg1": "p.d.m", "arg3": {"threshold": 0.5}}


def test_model_functions_without_input(warehouse: Warehouse, answers: SuppliedAnswers) -> None:
    warehouse.run("CREATE MODEL d.m OPTIONS (model_type='kmeans') AS SELECT 1 AS x")
    answers.supply("ML.WEIGHTS", {"w": "FLOAT64"}, rows=[[0.5]])
    assert warehouse.rows("SELECT w FROM ML.WEIGHTS(MODEL `p.d.m`)") == [[0.5]]


def test_model_answers_that_fail(warehouse: Warehouse, answers: SuppliedAnswers) -> None:
    def broken(call: Any) -> Any:
        raise KeyError("x")

    answers.supply("ML.FORECAST", {"n": "INT64"}, compute=broken, subject="p.d.m")
    assert warehouse.error("SELECT * FROM ML.FORECAST(MODEL d.m)") == (
        "The supplied answer of ML.FORECAST failed: 'x'"
    )
    answers.supply("ML.FORECAST", {"n": "INT64"}, rows=[["x"]], subject="p.d.m")
    assert warehouse.error("SELECT * FROM ML.FORECAST(MODEL d.m)").startswith(
        "The supplied answer of ML.FORECAST has a bad row: "
    )


@pytest.mark.parametrize(
    "call",
    [
        "ML.DECODE_IMAGE(b'x')",
        "DLP_DETERMINISTIC_ENCRYPT(b'k', 'x', 'y')",
        "DLP_DETERMINISTIC_DECRYPT(b'k', 'x', 'y')",
        "DLP_KEY_CHAIN('gcp-kms://x', b'k')",
        "OBJ.MAKE_REF('gs://b/o')",
        "OBJ.FETCH_METADATA('x')",
        "OBJ.GET_ACCESS_URL('x', 'r')",
        "OBJ.GET_READ_URL('x')",
    ],
)
def test_refused_functions(warehouse: Warehouse, call: str) -> None:
    name = call.partition("(")[0]
    assert warehouse.error(f"SELECT {call}") == f"{name} is not supported by bqsim"


@pytest.mark.parametrize(
    "sql",
    [
        "WITH c AS (SELECT n FROM d.s) SELECT * FROM ML.PREDICT(MODEL d.m, TABLE c)",
        "WITH b AS (SELECT n FROM d.s), c AS (SELECT * FROM b) "
        "SELECT * FROM ML.PREDICT(MODEL d.m, (SELECT * FROM c))",
        "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 2) "
        "SELECT * FROM ML.PREDICT(MODEL d.m, TABLE c)",
        "SELECT * FROM (WITH c AS (SELECT n FROM d.s) SELECT * FROM ML.PREDICT(MODEL d.m, TABLE c))",
        "WITH c AS (SELECT * FROM ML.PREDICT(MODEL d.m, TABLE d.s)) SELECT y, n FROM c",
    ],
)
@pytest.mark.parametrize("within", ["", "CREATE VIEW v AS ", "CREATE TABLE FUNCTION f() AS "])
def test_model_answers_of_common_table_expressions(
    warehouse: Warehouse, answers: SuppliedAnswers, sql: str, within: str
) -> None:
    warehouse.run("CREATE TABLE s AS SELECT 1 AS n UNION ALL SELECT 2")
    answers.model("p.d.m", {"y": "INT64"}, lambda asked: [[10 * row["n"]] for row in asked.rows])
    if within:
        warehouse.run(within + sql)
        sql = f"SELECT * FROM {'v' if 'VIEW' in within else 'f()'}"
    assert sorted(warehouse.rows(sql)) == [[10, 1], [20, 2]]


def test_model_answers_of_a_relation_that_is_a_parameter(
    warehouse: Warehouse, answers: SuppliedAnswers
) -> None:
    answers.model("p.d.m", {"y": "INT64"}, lambda asked: [[10 * row["n"]] for row in asked.rows])
    warehouse.run("CREATE TABLE FUNCTION f(r TABLE<n INT64>) AS SELECT * FROM ML.PREDICT(MODEL d.m, TABLE r)")
    warehouse.run("CREATE TABLE s AS SELECT 3 AS n")
    assert warehouse.rows("SELECT * FROM f(TABLE s)") == [[30, 3]]


def test_external_rows_in_a_function(warehouse: Warehouse, answers: SuppliedAnswers) -> None:
    answers.supply("EXTERNAL_QUERY", {"id": "INT64"}, rows=[[1], [2]])
    warehouse.run("CREATE FUNCTION d.total() AS ((SELECT SUM(id) FROM EXTERNAL_QUERY('c', 'q')))")
    assert warehouse.rows("SELECT d.total()") == [[3]]
    answers.supply("EXTERNAL_QUERY", {"id": "INT64"}, rows=[[5]])
    assert warehouse.rows("SELECT d.total()") == [[5]]
