"""Builtin table functions and supplied answers through Google's client."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from google.api_core import exceptions

from bqsim.settings import Settings
from bqsim.simulator import Simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(Settings(project="tabled")) as started:
        started.client().create_dataset("d")
        yield started


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Any]:
    yield simulator.client()
    simulator.answers.clear()


def values(rows: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows]


def test_sessions_and_gaps(client: Any) -> None:
    source = "(SELECT DATE '2024-01-01' AS d, 1 AS v UNION ALL SELECT DATE '2024-01-03', 3)"
    sql = f"SELECT * FROM GAP_FILL({source}, 'd', INTERVAL 1 DAY, value_columns => [('v', 'linear')])"
    assert values(client.query_and_wait(f"{sql} ORDER BY d")) == [
        (datetime.date(2024, 1, day), day) for day in (1, 2, 3)
    ]
    ranges = "(SELECT 1 AS k, RANGE(DATE '2024-01-01', DATE '2024-01-05') AS r)"
    with pytest.raises(
        exceptions.BadRequest, match='Could not cast literal "Y" to type RANGE_SESSIONIZE_MODE'
    ):
        client.query_and_wait(f"SELECT * FROM RANGE_SESSIONIZE({ranges}, 'r', [], 'Y')")


def test_views_and_functions_with_table_functions(client: Any) -> None:
    body = "SELECT * FROM RANGE_SESSIONIZE((SELECT 1 AS k, RANGE(DATE '2024-01-01', NULL) AS r), 'r', ['k'])"
    client.query_and_wait(f"CREATE OR REPLACE VIEW d.sessions AS {body}")
    assert client.get_table("d.sessions").view_query == body
    assert len(values(client.query_and_wait("SELECT session_range FROM d.sessions"))) == 1
    client.query_and_wait(f"CREATE OR REPLACE TABLE FUNCTION d.f(n INT64) AS ({body} WHERE k = n)")
    assert len(values(client.query_and_wait("SELECT * FROM d.f(1)"))) == 1


def test_change_history(client: Any) -> None:
    client.query_and_wait("CREATE OR REPLACE TABLE d.t (n INT64) AS SELECT 1")
    client.query_and_wait("UPDATE d.t SET n = 2 WHERE TRUE")
    client.query_and_wait("INSERT INTO d.t VALUES (3)")
    sql = "SELECT n, _CHANGE_TYPE FROM APPENDS(TABLE d.t, NULL, NULL) ORDER BY n"
    assert values(client.query_and_wait(sql)) == [(1, "INSERT"), (3, "INSERT")]


def test_answers_from_python(simulator: Simulator, client: Any) -> None:
    sql = "SELECT n FROM EXTERNAL_QUERY('tabled.us.c', 'SELECT 1') ORDER BY n"
    with pytest.raises(exceptions.BadRequest, match="EXTERNAL_QUERY is not supported by bqsim unless"):
        client.query_and_wait(sql)
    simulator.answers.supply("EXTERNAL_QUERY", {"n": "INT64"}, rows=[[2], [1]])
    assert values(client.query_and_wait(sql)) == [(1,), (2,)]


def test_answers_over_http(simulator: Simulator, client: Any) -> None:
    connection = HTTPConnection("127.0.0.1", simulator.port)

    def call(verb: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection.request(verb, f"/bqsim/v1/{path}", None if body is None else json.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None

    given = {"function": "AI.FORECAST", "columns": {"v": "FLOAT64"}, "rows": [[1.5]]}
    assert call("POST", "answers", given)[0] == 200
    assert call("GET", "answers")[1]["answers"] == [
        {"function": "AI.FORECAST", "subject": "", "columns": {"v": "FLOAT64"}, "rows": 1}
    ]
    assert values(client.query_and_wait("SELECT * FROM AI.FORECAST((SELECT 1 AS x), horizon => 3)")) == [
        (1.5,)
    ]
    scalar = {"function": "AI.SCORE", "values": {"good": 9, "": 1}}
    assert call("POST", "answers", scalar) == (200, {"function": "AI.SCORE", "subject": "", "values": 2})
    assert values(client.query_and_wait("SELECT AI.SCORE('good'), AI.SCORE('?')")) == [(9.0, 1.0)]
    assert call("POST", "answers", {"function": "AI.IF", "value": True})[0] == 200
    assert values(client.query_and_wait("SELECT AI.IF('x')")) == [(True,)]
    assert call("POST", "answers", {"function": "AI.IF"})[0] == 400
    for name in ("AI.SCORE", "AI.IF"):
        assert call("DELETE", f"answers?function={name}")[0] == 200
    assert call("POST", "answers", {**given, "columns": {"v": "NUMBER"}})[0] == 400
    assert call("DELETE", "answers?function=AI.FORECAST")[0] == 200
    assert call("GET", "answers")[1] == {"answers": []}
    connection.close()


def test_answers_of_a_scenario(simulator: Simulator, client: Any) -> None:
    simulator.load({"answers": [{"function": "ML.WEIGHTS", "columns": {"w": "INT64"}, "rows": "[[7]]"}]})
    client.query_and_wait("CREATE OR REPLACE MODEL d.m OPTIONS (model_type='kmeans') AS SELECT 1 AS x")
    assert values(client.query_and_wait("SELECT * FROM ML.WEIGHTS(MODEL d.m)")) == [(7,)]


def test_answers_of_ai_functions(simulator: Simulator, client: Any) -> None:
    sql = "SELECT AI.GENERATE(('is ', x)).result AS r FROM UNNEST(['a', 'b']) AS x ORDER BY r"
    with pytest.raises(exceptions.BadRequest, match="is not supported by bqsim unless"):
        client.query_and_wait(sql)
    simulator.answers.supply("AI.GENERATE", function=lambda calls: [c["prompt"].upper() for c in calls])
    assert values(client.query_and_wait(sql)) == [("IS A",), ("IS B",)]
    simulator.load(
        {"answers": [{"function": "AI.GENERATE", "values": '{"b$": "yes", "": {"result": "no"}}'}]}
    )
    assert values(client.query_and_wait(sql)) == [("no",), ("yes",)]
