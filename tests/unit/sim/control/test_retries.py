from __future__ import annotations

import pytest

from bqsim.sim.control.control import Scope
from bqsim.sim.control.parts import Parts
from bqsim.sim.gate import Call
from bqsim.sim.retry_lab import HEADER, RetryTestError
from bqsim.sim.rules.facts import call_facts
from bqsim.sim.scenario.tree import ScenarioError

LIST = "bigquery.datasets.list"


def take(parts: Parts, project: str = "p", **headers: str) -> bool:
    """Whether a call takes an instruction."""
    call = Call("rest", LIST, f"projects/{project}", "user@example.com", {}, headers)
    laboratory = parts.retry_lab()
    return laboratory.concerns(call) and laboratory.take(call, call_facts(call)) is not None


def test_a_with_statement_ends_the_test_and_checks_it(parts: Parts, sim: Scope) -> None:
    with sim.retry_tests.create({LIST: ["backendError"]}) as test:
        assert take(parts, **test.headers)
    assert test.taken == [(LIST, "error backendError")] and not sim.retry_tests.list()
    with pytest.raises(RetryTestError, match="No call took one"), sim.retry_tests.create({LIST: ["ok"]}):
        pass
    with pytest.raises(ZeroDivisionError), sim.retry_tests.create({LIST: ["ok"]}):
        raise ZeroDivisionError
    assert not sim.retry_tests.list()


def test_those_of_a_scope_are_bound_to_it_and_seen_apart(parts: Parts, sim: Scope) -> None:
    one, other = sim.scope("one"), sim.scope("other")
    test = one.retry_tests.create({LIST: ["backendError"] * 2}, id="a")
    other.retry_tests.create({LIST: ["ok"]})
    assert take(parts, "one") and not take(parts, "p")
    assert [t.id for t in one.retry_tests.list()] == ["a"] and len(sim.retry_tests.list()) == 2
    with pytest.raises(RetryTestError, match="'a'"):
        one.retry_tests.check()
    assert test.unspent() == {LIST: ["error backendError"]} and not test.completed
    assert other.retry_tests.clear() == 1
    test.delete()
    test.delete()
    one.retry_tests.check()


def test_without_a_scope_a_header_or_a_condition_binds(parts: Parts, sim: Scope) -> None:
    named = sim.retry_tests.create({LIST: ["backendError"]})
    assert named.headers == {HEADER: named.id} and not take(parts)
    sim.retry_tests.create({LIST: ["backendError"]}, scope="p")
    assert not take(parts, "q") and take(parts)
    with pytest.raises(ScenarioError, match="did you mean 'labels'"):
        sim.retry_tests.create({LIST: ["ok"]}, lables={"a": "b"})


def test_the_journal_tells_who_began_one(sim: Scope) -> None:
    test = sim.scope("one").retry_tests.create({LIST: ["ok"]})
    [event] = sim.scope("one").journal.controls()
    assert (event.action, event.details) == ("retry-tests.create", {"test": test.id})
