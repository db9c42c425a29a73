from __future__ import annotations

from typing import Any

import pytest

from bqsim.sim.answers import Answers
from bqsim.sim.control.supplied import SuppliedAnswers, answer_of
from bqsim.sim.scenario.model import Supply
from bqsim.types import INT64


@pytest.fixture
def changes() -> list[tuple[str, Any]]:
    return []


@pytest.fixture
def supplied(changes: list[tuple[str, Any]]) -> SuppliedAnswers:
    return SuppliedAnswers(Answers(), lambda action, details: changes.append((action, dict(details))))


def test_supplying_and_clearing_is_told(supplied: SuppliedAnswers, changes: list[tuple[str, Any]]) -> None:
    supplied.supply("external_query", {"n": "INT64"}, rows=[[1], {"n": 2}])
    assert [a.function for a in supplied] == ["EXTERNAL_QUERY"]
    supplied.clear("EXTERNAL_QUERY")
    assert len(supplied) == 0
    assert changes == [
        ("answers.supply", {"function": "EXTERNAL_QUERY", "subject": ""}),
        ("answers.clear", {"function": "EXTERNAL_QUERY"}),
    ]


def test_the_answer_of_a_model_keeps_its_input(supplied: SuppliedAnswers) -> None:
    answer = supplied.model("p.d.m", {"y": INT64}, lambda asked: [])
    assert (answer.function, answer.subject, answer.keeps_input) == ("ML.PREDICT", "p.d.m", True)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "give one of rows and compute"),
        ({"rows": [[1, 2]]}, "a row has 2 values for 1 columns"),
        ({"rows": [{"m": 1}]}, "the row names a column 'm' that is not among n"),
    ],
)
def test_what_cannot_be_supplied(supplied: SuppliedAnswers, given: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        supplied.supply("EXTERNAL_QUERY", {"n": "INT64"}, **given)


def test_the_answer_of_a_scenario() -> None:
    answer = answer_of(Supply("ai.forecast", {"n": "INT64"}, "[[1], [2]]"))
    assert (answer.function, answer.columns, answer.rows) == ("AI.FORECAST", (("n", INT64),), ([1], [2]))
