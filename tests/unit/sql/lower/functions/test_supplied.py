"""AI functions, answered by what a user supplies."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.sim.control.supplied import SuppliedAnswers
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity(
    "sql:machine learning",
    "approximated",
    "AI functions have their signatures and types; users supply their answers.",
)


@pytest.fixture
def answers(warehouse: Warehouse) -> Any:
    yield SuppliedAnswers(warehouse.googlesql.answers, lambda action, details: None)
    warehouse.googlesql.answers.clear()


@pytest.mark.parametrize(
    ("call", "type_"),
    [
        ("AI.GENERATE('x')", "STRUCT<result STRING, full_response JSON, status STRING>"),
        (
            "AI.GENERATE(prompt=>('x', ['y']), endpoint=>'e', model_params=>JSON '{}', connection_id=>'c')",
            None,
        ),
        (
            "AI.GENERATE('x', output_schema=>'a INT64, b ARRAY<STRING>')",
            "STRUCT<a INT64, b ARRAY<STRING>, full_response JSON, status STRING>",
        ),
        (
            "AI.GENERATE_BOOL('x', request_type=>'shared')",
            "STRUCT<result BOOL, full_response JSON, status STRING>",
        ),
        ("AI.GENERATE_INT('x')", "STRUCT<result INT64, full_response JSON, status STRING>"),
        ("AI.GENERATE_DOUBLE('x')", "STRUCT<result FLOAT64, full_response JSON, status STRING>"),
        ("AI.IF(('is ', 'x'), max_error_ratio=>0.5)", "BOOL"),
        ("AI.SCORE('x')", "FLOAT64"),
        ("AI.CLASSIFY('x', ['a', 'b'])", "STRING"),
        ("AI.CLASSIFY('x', categories=>[('a', 'first')])", "STRING"),
        ("AI.CLASSIFY('x', ['a'], output_mode=>'multi')", "ARRAY<STRING>"),
        ("AI.EMBED('x', endpoint=>'e', task_type=>'t')", "STRUCT<result ARRAY<FLOAT64>, status STRING>"),
        ("AI.SIMILARITY('x', 'y', model=>'m')", "FLOAT64"),
    ],
)
def test_types(warehouse: Warehouse, answers: SuppliedAnswers, call: str, type_: str | None) -> None:
    answers.supply(call.partition("(")[0], value=None)
    [field] = warehouse.run(f"SELECT {call} AS v").schema
    assert type_ in (None, str(field.type))


@pytest.mark.parametrize(
    ("call", "given", "found"),
    [
        ("AI.GENERATE('x')", "text", ["text", None, ""]),
        (
            "AI.GENERATE('x')",
            {"result": "t", "full_response": {"a": 1}, "status": "s"},
            ["t", '{"a":1}', "s"],
        ),
        ("AI.GENERATE('x').result", None, None),
        ("AI.GENERATE('x', output_schema=>'a INT64, b STRING')", {"a": 1}, [1, None, None, ""]),
        ("AI.GENERATE_INT('x').result", 7, 7),
        ("AI.GENERATE_BOOL('x').result", True, True),
        ("AI.GENERATE_DOUBLE('x').result", 1, 1.0),
        ("AI.IF('x')", False, False),
        ("AI.SCORE('x')", 2.5, 2.5),
        ("AI.CLASSIFY('x', ['a'], output_mode=>'single')", ["a"], ["a"]),
        ("AI.EMBED('x')", [1, 2.5], [[1.0, 2.5], ""]),
        ("AI.SIMILARITY('x', 'y')", None, None),
    ],
)
def test_values(warehouse: Warehouse, answers: SuppliedAnswers, call: str, given: Any, found: Any) -> None:
    answers.supply(call.partition("(")[0], value=given)
    assert warehouse.rows(f"SELECT {call}") == [[found]]


def test_batches(warehouse: Warehouse, answers: SuppliedAnswers) -> None:
    seen: list[Any] = []

    def answer(calls: Any) -> Any:
        seen.extend(calls)
        return [c["prompt"] is not None and "red" in c["prompt"] for c in calls]

    answers.supply("AI.IF", function=answer)
    sql = "SELECT x FROM UNNEST(['red', 'blue', NULL]) AS x WHERE AI.IF(('is ', x, ['?']), endpoint=>'e')"
    assert warehouse.rows(sql) == [["red"]]
    assert seen == [
        {"prompt": "is red?", "endpoint": "e"},
        {"prompt": "is blue?", "endpoint": "e"},
        {"prompt": "is ?", "endpoint": "e"},
    ]


def test_groups(warehouse: Warehouse, answers: SuppliedAnswers) -> None:
    answers.supply("AI.AGG", function=lambda calls: [c["instruction"] + "+".join(c["input"]) for c in calls])
    sql = (
        "SELECT g, AI.AGG(x, 'all: ') FROM UNNEST([STRUCT(1 AS g, 'a' AS x), (1, 'b'), (2, 'c')]) GROUP BY g"
    )
    assert sorted(warehouse.rows(sql)) == [[1, "all: a+b"], [2, "all: c"]]


def test_answers_in_views_functions_and_tables(warehouse: Warehouse, answers: SuppliedAnswers) -> None:
    answers.supply("AI.SCORE", values={"good": 9, "": 1})
    warehouse.run("CREATE FUNCTION f(x STRING) AS (AI.SCORE(x))")
    warehouse.run("CREATE VIEW v AS SELECT f('good') AS a, AI.SCORE('bad') AS b")
    warehouse.run("CREATE TABLE t AS SELECT * FROM v")
    answers.supply("AI.SCORE", value=5)
    assert warehouse.rows("SELECT * FROM t") == [[9.0, 1.0]]
    assert warehouse.rows("SELECT * FROM v") == [[5.0, 5.0]]


@pytest.mark.parametrize(
    ("given", "call", "text"),
    [
        (
            {},
            "AI.SCORE('x')",
            "AI.SCORE is not supported by bqsim unless its answers are supplied "
            "(sim.answers.supply('AI.SCORE', ...))",
        ),
        (
            {"values": {"a": 1}},
            "AI.SCORE('x')",
            "The supplied answer of AI.SCORE failed: no pattern matches the prompt 'x'",
        ),
        (
            {"value": "x"},
            "AI.SCORE('x')",
            "The supplied answer of AI.SCORE has a bad value: 'x' is no FLOAT64",
        ),
        (
            {"value": True},
            "AI.SCORE('x')",
            "The supplied answer of AI.SCORE has a bad value: True is no FLOAT64",
        ),
        (
            {"function": lambda calls: []},
            "AI.SCORE('x')",
            "The supplied answer of AI.SCORE has 0 values for 1 calls",
        ),
        (
            {"value": None},
            "AI.GENERATE('x', output_schema=>'a FOO')",
            "Invalid output_schema of AI.GENERATE: a FOO at [1:8]",
        ),
    ],
)
def test_errors(
    warehouse: Warehouse, answers: SuppliedAnswers, given: dict[str, Any], call: str, text: str
) -> None:
    if given:
        answers.supply(call.partition("(")[0], **given)
    assert warehouse.error(f"SELECT {call}") == text
