from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.sim.draws import Draws
from bqsim.sim.gate import Call
from bqsim.sim.retry_lab import HEADER, RetryLab, RetryTestError
from bqsim.sim.rules.facts import call_facts
from bqsim.sim.scenario.model import Delay, Error, GrpcStatus, Match, Network
from bqsim.sim.scenario.tree import ScenarioError

INSERT = "bigquery.jobs.insert"
READ = "google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows"
METHODS = frozenset({INSERT, "bigquery.jobs.get", READ})


@pytest.fixture
def lab() -> RetryLab:
    return RetryLab(Draws(1), METHODS)


def call(method: str = INSERT, body: Any = None, **headers: str) -> Call:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("rest", method, "projects/p/jobs", "u@example.com", body or {}, named)


def take(lab: RetryLab, given: Call) -> Any:
    rule = lab.take(given, call_facts(given))
    return None if rule is None else rule.effect


def test_instructions_are_taken_in_their_order_by_calls_that_name_the_test(lab: RetryLab) -> None:
    test = lab.create(
        {"jobs.insert": ["backendError", "ok", "reset"], "BigQueryRead.ReadRows": ["UNAVAILABLE"]}
    )
    named = call(x_retry_test_id=test.id)
    assert lab.concerns(named)
    assert take(lab, named) == Error("backendError")
    assert take(lab, named) is None
    assert not test.completed
    assert take(lab, call(READ, x_retry_test_id=test.id)) == GrpcStatus("UNAVAILABLE")
    assert take(lab, named) == Network("reset")
    assert test.completed
    assert take(lab, named) is None
    lab.check(test.id)


def test_calls_that_name_no_test_take_nothing(lab: RetryLab) -> None:
    test = lab.create({"jobs.insert": ["backendError"]})
    assert not lab.concerns(call())
    assert take(lab, call()) is None
    assert test.unspent() == {INSERT: ["error backendError"]}


def test_leftovers_fail_the_test_and_are_named(lab: RetryLab) -> None:
    test = lab.create({"jobs.insert": ["backendError", "internalError"], "jobs.get": ["ok"]})
    take(lab, call(x_retry_test_id=test.id))
    with pytest.raises(RetryTestError) as told:
        lab.check(test.id)
    assert "bigquery.jobs.insert: error internalError" in str(told.value)
    assert "bigquery.jobs.get: ok" in str(told.value)
    assert "  bigquery.jobs.insert: error backendError" in str(told.value)


@pytest.mark.parametrize(
    ("match", "given", "holds"),
    [
        (Match(labels={"team": "a"}), call(body={"configuration": {"labels": {"team": "a"}}}), True),
        (Match(labels={"team": "a"}), call(body={"configuration": {"labels": {"team": "b"}}}), False),
        (Match(client=("*gccl*",)), call(user_agent="gl-python gccl/3"), True),
        (Match(scope=("p",)), call(), True),
        (Match(scope=("other",)), call(), False),
    ],
    ids=["label", "other label", "client", "scope", "other scope"],
)
def test_a_test_may_be_bound_to_what_calls_have_in_common(
    lab: RetryLab, match: Match, given: Call, holds: bool
) -> None:
    lab.create({"jobs.*": ["backendError"]}, match=match)
    assert lab.concerns(given)
    assert (take(lab, given) is not None) is holds


def test_bound_tests_do_not_concern_other_methods(lab: RetryLab) -> None:
    lab.create({"jobs.insert": ["backendError"]}, match=Match(scope=("p",)))
    assert not lab.concerns(call(READ))


def test_effects_may_be_given_in_full(lab: RetryLab) -> None:
    given = {"error": {"reason": "backendError", "applied": True}}
    test = lab.create({"jobs.insert": [given, GrpcStatus("ABORTED"), {"delay": "2s"}]})
    named = call(x_retry_test_id=test.id)
    assert take(lab, named) == Error("backendError", applied=True)
    assert take(lab, named) == GrpcStatus("ABORTED")
    assert isinstance(take(lab, named), Delay)


def test_what_is_no_instruction_or_method_is_refused(lab: RetryLab) -> None:
    with pytest.raises(ScenarioError, match="backendError"):
        lab.create({"jobs.insert": ["backendErorr"]})
    with pytest.raises(ValueError, match=r"no API method matches .jobs\.insrt.; did you mean"):
        lab.create({"jobs.insrt": ["backendError"]})


def test_ids_are_unique_and_unknown_ones_are_told(lab: RetryLab) -> None:
    lab.create({"jobs.insert": ["ok"]}, id="mine")
    with pytest.raises(ValueError, match="already a retry test 'mine'"):
        lab.create({}, id="mine")
    with pytest.raises(BigQueryError, match="Not found: Retry test nobody"):
        take(lab, call(**{HEADER: "nobody"}))
    assert lab.delete("mine").to_json() == {
        "id": "mine",
        "completed": False,
        "instructions": {INSERT: ["ok"]},
        "taken": [],
    }
    with pytest.raises(BigQueryError, match="Not found"):
        lab.get("mine")
    assert lab.list() == ()
