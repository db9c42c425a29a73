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


@pytest.mark.parametrize(
    ("given", "prompts", "found"),
    [
        ({"value": None}, ["a"], [None]),
        ({"value": 3}, ["a", None], [3, 3]),
        ({"values": {"^a": 1, "b$": 2, "": 0}}, ["ab", "cb", "c"], [1, 2, 0]),
        ({"function": lambda calls: [len(c["prompt"]) for c in calls]}, ["ab", ""], [2, 0]),
    ],
)
def test_values_of_scalar_functions(
    supplied: SuppliedAnswers, given: dict[str, Any], prompts: list[Any], found: list[Any]
) -> None:
    answer = supplied.supply("ai.score", **given)
    assert (answer.function, answer.is_scalar) == ("AI.SCORE", True)
    assert answer.of_batch([{"prompt": p} for p in prompts]) == found


def test_a_prompt_that_no_pattern_matches(supplied: SuppliedAnswers) -> None:
    answer = supplied.supply("AI.SCORE", values={"good": 1})
    with pytest.raises(LookupError, match="no pattern matches the prompt 'bad'"):
        answer.of_batch([{"prompt": "bad"}])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "give columns with rows or compute, or else one of function, values and value"),
        ({"value": 1, "values": {"a": 1}}, "give columns with rows or compute, or else one of"),
        ({"rows": [[1]]}, "give columns with rows or compute, or else one of"),
        ({"values": {}}, "values must not be empty"),
        ({"values": {"(": 1}}, r"'\(' is no regular expression"),
        ({"columns": {"n": "INT64"}, "value": 1}, "are for scalar functions, which have no columns"),
    ],
)
def test_what_cannot_be_supplied_for_scalar_functions(
    supplied: SuppliedAnswers, given: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        supplied.supply("AI.SCORE", **given)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ('{"a": 1, "": 2}', (("a", 1), ("", 2))),
        ("[1.5]", (("", [1.5]),)),
        ('"text"', (("", "text"),)),
    ],
)
def test_the_values_of_a_scenario(values: str, found: Any) -> None:
    assert answer_of(Supply("ai.embed", values=values)).values == found


def test_the_answer_of_a_scenario() -> None:
    answer = answer_of(Supply("ai.forecast", {"n": "INT64"}, "[[1], [2]]"))
    assert (answer.function, answer.columns, answer.rows) == ("AI.FORECAST", (("n", INT64),), ([1], [2]))
