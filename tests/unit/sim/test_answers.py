from __future__ import annotations

from bqsim.sim.answers import Answer, Answers, Asked
from bqsim.types import INT64

COLUMNS = (("n", INT64),)


def test_an_answer_for_a_subject_comes_before_one_for_all() -> None:
    answers = Answers()
    answers.put(Answer("ML.PREDICT", COLUMNS, ((1,),)))
    answers.put(Answer("ML.PREDICT", COLUMNS, ((2,),), subject="p.d.m"))
    assert [
        a.rows for a in (answers.find("ml.predict", "P.D.M"), answers.find("ML.PREDICT", "p.d.x")) if a
    ] == [
        ((2,),),
        ((1,),),
    ]
    assert answers.find("ML.FORECAST") is None


def test_the_version_changes_with_the_answers() -> None:
    answers = Answers()
    answers.put(Answer("A", COLUMNS))
    answers.put(Answer("B", COLUMNS))
    answers.clear("a")
    assert ([a.function for a in answers.all()], answers.version) == (["B"], 3)
    answers.clear()
    assert (answers.all(), answers.version) == ([], 4)


def test_rows_or_what_a_function_makes_of_a_call() -> None:
    assert Answer("A", COLUMNS, ((1,),)).of(Asked("A", "")) == [(1,)]
    doubled = Answer("A", COLUMNS, compute=lambda asked: [[row["x"] * 2] for row in asked.rows])
    assert doubled.of(Asked("A", "", {}, [{"x": 4}])) == [[8]]
