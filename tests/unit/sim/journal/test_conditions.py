"""Conditions on calls."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.journal import CallEvent, Decision, Outcome
from bqsim.sim.journal.conditions import FACTS, VALUES, conditions

EVENT = CallEvent(
    "c1",
    5_000_000,
    "rest",
    "bigquery.jobs.query",
    "projects/p",
    "ada@example.com",
    "f",
    attempt=2,
    request_id="r",
    client="gl-python/3.11",
    labels={"team": "x", "env": "prod"},
    facts={"sql": "SELECT COUNT(*)\nFROM d.orders", "statement_type": "SELECT", "rows": 3},
    outcome=Outcome("backendError", http=503, message="Try again later"),
    duration_us=1500,
    decisions=(Decision("brownout", "error", draw=0.2), Decision(quota="jobs.get")),
)


def holds(where, method="*"):
    return all(c.holds(EVENT) for c in conditions(method, where))


@pytest.mark.parametrize(
    "where",
    [
        None,
        {},
        {"resource": "projects/*"},
        {"caller": "*@example.com", "client": "gl-python/*"},
        {"reason": "backendError", "http": 503, "ok": False, "outcome": "error"},
        {"reason": {"backendError", "internalError"}},
        {"reason": ["backendError"], "attempt": range(1, 3)},
        {"message": re.compile("again", re.I)},
        {"duration_us": lambda us: us < 2000},
        {"labels.team": "x"},
        {"labels": {"team": "x"}},
        {"labels": {"team": "x", "env": "prod"}},
        {"sql": r"select\s+count"},
        {"sql": "from D.Orders"},
        {"sql": "COUNT(*)"},
        {"sql": "SELECT COUNT(*)\nFROM d.orders"},
        {"sql": re.compile("^SELECT")},
        {"facts.rows": 3, "rows": 3, "statement_type": "SELECT"},
        {"rule": "brownout", "effect": "error", "quota": "jobs.get"},
        {"rule": {"brownout", "other"}},
        {"quota": re.compile("^jobs")},
        lambda event: event.attempt == 2,
    ],
)
def test_these_hold(where):
    assert holds(where)


@pytest.mark.parametrize(
    "where",
    [
        {"resource": "projects/q*"},
        {"reason": "internalError"},
        {"reason": "backend*"},
        {"http": 500},
        {"ok": True},
        {"reason": {"internalError"}},
        {"message": re.compile("never")},
        {"duration_us": lambda us: us > 2000},
        {"labels.team": "y"},
        {"labels.owner": "x"},
        {"labels": {"team": "x", "owner": "y"}},
        {"sql": "INSERT"},
        {"facts.bytes": 3},
        {"bytes": lambda n: True},
        {"rule": "other"},
        {"recording": "tape"},
        {"reason": ""},
        lambda event: event.attempt == 1,
    ],
)
def test_these_do_not(where):
    assert not holds(where)


def test_methods_are_globs():
    assert holds(None, "bigquery.jobs.*") and not holds(None, "bigquery.tables.*")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("reson", "reason"),
        ("requestId", "request_id"),
        ("state_ment_type", "statement_type"),
        ("label.x", "labels"),
    ],
)
def test_a_name_that_calls_do_not_have_is_refused(name, near):
    with pytest.raises(ValueError, match=near):
        conditions("*", {name: "x"})


@pytest.mark.parametrize("name", [*VALUES, *FACTS, "labels.a", "facts.b"])
def test_every_name_has_an_explanation_when_it_fails(name):
    (condition,) = conditions("*", {name: 12345})
    first, *_ = condition.failure(EVENT)
    assert first.startswith(f"{name}: expected 12345, was ")
    assert 0.5 <= condition.distance(EVENT) <= 1


def failure(where):
    return "\n".join(line for c in conditions("*", where) for line in c.failure(EVENT))


def test_values_are_shown_with_both_sides():
    assert failure({"reason": "quotaExceeded"}) == "reason: expected 'quotaExceeded', was 'backendError'"
    assert failure({"facts.bytes": 1}) == "facts.bytes: expected 1, was nothing"
    assert "one of 'a', 'b'" in failure({"reason": {"b", "a"}})
    assert "text like /x/" in failure({"reason": re.compile("x")})
    assert failure(lambda e: False).startswith("the given function: expected what the given function accepts")
    assert failure({"reason": "backendError"}) == ""


def test_members_of_labels_are_compared():
    lines = failure({"labels": {"team": "y", "env": "prod"}}).splitlines()
    assert lines[1:] == ["  team: expected 'y', was 'x'"]


def test_long_texts_are_compared_where_they_differ():
    text = "SELECT id, name FROM dataset.customers WHERE country = 'DE'"
    other = text.replace("customers", "customs")
    (condition,) = conditions("*", {"facts.text": text})
    event = CallEvent("c", 1, "rest", "m", facts={"text": other})
    lines = condition.failure(event)
    assert lines[1] == "  they differ at character 36:"
    mark = lines[4].index("^")
    assert (lines[2][mark], lines[3][mark]) == (text[35], other[35])


def test_texts_of_many_lines_are_compared_by_line():
    text = "SELECT id,\n  name,\n  country\nFROM dataset.customers\nWHERE active"
    (condition,) = conditions("*", {"facts.text": text})
    event = CallEvent("c", 1, "rest", "m", facts={"text": text.replace("country", "city")})
    assert "  -  country" in condition.failure(event) and "  +  city" in condition.failure(event)


@given(st.text(max_size=30), st.text(max_size=30))
def test_what_is_nearer_is_ranked_nearer(wanted, other):
    (condition,) = conditions("*", {"reason": wanted})
    right = CallEvent("c", 1, "rest", "m", outcome=Outcome(wanted))
    wrong = CallEvent("c", 1, "rest", "m", outcome=Outcome(other))
    assert condition.distance(right) == 0
    assert (condition.distance(wrong) == 0) == (wanted == other)


def test_numbers_are_ranked_by_difference():
    (condition,) = conditions("*", {"http": 500})
    near, far = (CallEvent("c", 1, "rest", "m", outcome=Outcome(http=n)) for n in (503, 200))
    assert condition.distance(near) < condition.distance(far)
