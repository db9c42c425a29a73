from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from bqsim.sim.clock import SimulationClock
from bqsim.sim.control.control import Scope
from bqsim.sim.control.parts import Parts
from bqsim.sim.scenario.model import Delay, Error, GrpcStatus, Match, Network, Rule, Window
from bqsim.sim.scenario.tree import ScenarioError

from .conftest import Ask

INSERT, QUERY = "bigquery.jobs.insert", "bigquery.jobs.query"


@pytest.mark.parametrize(
    ("given", "effect"),
    [
        ("backendError", Error("backendError")),
        ("UNAVAILABLE", GrpcStatus("UNAVAILABLE")),
        ("reset", Network("reset")),
        (Error("quotaExceeded", level="job"), Error("quotaExceeded", level="job")),
        (Rule("", Error("blocked")), Error("blocked")),
        ({"error": "backendError"}, Error("backendError")),
        ({"error": {"reason": "backendError", "http": 500}}, Error("backendError", http=500)),
        ({"effect": {"grpc": "ABORTED"}}, GrpcStatus("ABORTED")),
        ("error: {reason: backendError, applied: true}", Error("backendError", applied=True)),
        ("{effect: {error: backendError}}", Error("backendError")),
        ('{"effect": {"error": "backendError"}}', Error("backendError")),
    ],
)
def test_what_stands_for_a_fault(sim: Scope, given: Any, effect: object) -> None:
    assert sim.faults.add(given, method=INSERT).rule.effect == effect


def test_words_that_are_effects_without_options(sim: Scope) -> None:
    assert sim.faults.add("expire_token").rule.effect.kind == "expire_token"


def test_conditions_and_options(sim: Scope) -> None:
    rule = sim.faults.add(
        "delay: 200ms",
        match={"caller": "a@*", "labels": {"team": "x"}},
        method=("bigquery.jobs.*", "bigquery.tables.get"),
        resource="projects/p/*",
        sql=re.compile("SELECT.*"),
        nth={2, 1},
        window=Window(5, 60),
        times=2,
        ttl=timedelta(minutes=5),
        id="slow",
        set={"region": "down"},
    ).rule
    assert rule == Rule(
        "slow",
        rule.effect,
        Match(
            method=("bigquery.jobs.*", "bigquery.tables.get"),
            resource=("projects/p/*",),
            caller=("a@*",),
            labels={"team": "x"},
            sql="SELECT.*",
            nth=(1, 2),
            window=Window(5, 60),
        ),
        times=2,
        ttl_s=300,
        set={"region": "down"},
    )
    assert isinstance(rule.effect, Delay)


def test_a_match_of_the_model_or_as_text(sim: Scope) -> None:
    assert sim.faults.add("blocked", match=Match(job_type=("LOAD",))).rule.match.job_type == ("LOAD",)
    assert sim.faults.add("blocked", match="{nth: 3}", method=INSERT).rule.match.nth == (3,)


@pytest.mark.parametrize(
    ("given", "more", "message"),
    [
        ("backendErorr", {}, "faults.add: unknown effect 'backendErorr'; did you mean 'backendError'?"),
        ({"eror": "blocked"}, {}, "faults.add: eror: unknown effect 'eror'; did you mean 'error'?"),
        (3, {}, "faults.add: expected an effect or a rule, not a int"),
        (Window(), {}, "faults.add: a Window is neither an effect nor a rule"),
        ("error: [", {}, "faults.add:2:1: this is not valid YAML"),
        (
            "blocked",
            {"method": "bigquery.jobs.insrt"},
            "match.method: no API method matches 'bigquery.jobs.insrt'; did you mean 'bigquery.jobs.insert'?",
        ),
        (
            "quota: concurrent_querys",
            {},
            "unknown limit 'concurrent_querys'; did you mean 'concurrent_queries'",
        ),
        ("blocked", {"metod": INSERT}, "unknown key 'metod' of a match; did you mean 'method'?"),
        ("blocked", {"times": 0}, "faults.add: times: expected a whole number of at least 1, not 0"),
        ("blocked", {"ttl": "soon"}, "expected a duration such as '90m'"),
        ("{effect: blocked, times: 2}", {"times": 3}, "the key 'times' is written twice"),
    ],
)
def test_wrong_faults_are_refused(sim: Scope, given: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        sim.faults.add(given, **more)
    assert message in str(refused.value)
    assert len(sim.faults) == 0


def test_status_and_removal(sim: Scope, ask: Ask) -> None:
    fault = sim.faults.add("backendError", method=INSERT, times=2, id="storm")
    assert ask(INSERT) == ["storm"] and ask(QUERY) == []
    assert (fault.fired, fault.status.seen, fault.status.left) == (1, 1, 1)
    fault.remove()
    fault.remove()
    assert ask(INSERT) == []
    with pytest.raises(ValueError, match="there is no rule 'storm'"):
        _ = fault.status
    sim.faults.add("blocked", id="other")
    with pytest.raises(ValueError, match="unknown rule 'othr'; did you mean 'other'"):
        sim.faults.remove("othr")
    sim.faults.remove("other")


def test_a_fault_for_a_while(sim: Scope, ask: Ask, clock: SimulationClock) -> None:
    with sim.faults.add("backendError") as fault:
        assert ask(INSERT) == [fault.id]
    assert ask(INSERT) == []
    sim.faults.add("backendError", ttl="5m")
    clock.advance("6m")
    assert ask(INSERT) == [] and sim.faults.list()[0].expired


def test_the_same_fault_again_has_another_id(sim: Scope) -> None:
    ids = [sim.faults.add("backendError").id for _ in range(3)]
    assert ids[1:] == [f"{ids[0]}-2", f"{ids[0]}-3"]
    sim.faults.add("blocked", id="mine")
    with pytest.raises(ScenarioError, match="there is already a rule 'mine'"):
        sim.faults.add("blocked", id="mine")
    assert sim.faults.clear() == 4 and not list(sim.faults)


def test_scopes_are_kept_apart(sim: Scope, ask: Ask) -> None:
    a, b = sim.scope(project="a"), sim.scope("b")
    first = a.faults.add("backendError", id="storm", set={"region": "down"}, machine={"region": "up"})
    second = b.faults.add("backendError", id="storm")
    assert (first.id, second.id) == ("storm@a", "storm@b")
    a.machines["region"] = "up"
    assert (ask(INSERT, "a"), ask(INSERT, "b"), ask(INSERT, "c")) == (["storm@a"], ["storm@b"], [])
    assert dict(a.machines) == {"region": "down"} and dict(b.machines) == {}
    assert [s.rule.id for s in a.faults] == ["storm@a"] and len(sim.faults) == 2
    a.faults.remove("storm")
    assert [s.rule.id for s in sim.faults] == ["storm@b"]
    with pytest.raises(ScenarioError, match="the rule is for the scope c, added within 'b'"):
        b.faults.add("backendError", scope="c")


def test_explanations(sim: Scope, ask: Ask) -> None:
    sim.faults.add("backendError", method=INSERT, id="storm")
    sim.faults.add("blocked", id="second")
    sim.scope("b").faults.add("blocked")
    found = sim.scope("a").faults.explain({"method": QUERY, "sql": "SELECT 1"})
    assert found.fires == ["second"]
    assert str(found) == (
        "rule 'storm' does not fire: method: wants bigquery.jobs.insert, got 'bigquery.jobs.query'\n"
        "rule 'second' fires: call 1"
    )
    found = sim.faults.explain("{method: bigquery.jobs.insert}")
    assert "rule 'second' does not fire: order: rule 'storm' comes first" in str(found)
    assert sim.faults.get("storm").seen == 0


def test_nothing_is_explained_without_rules(sim: Scope) -> None:
    assert str(sim.faults.explain({"method": QUERY})) == "there are no rules"


def test_changes_are_in_the_journal(sim: Scope, parts: Parts) -> None:
    with sim.faults.add("backendError", id="storm"):
        pass
    assert [(c.action, c.details["rule"]) for c in sim.journal.controls()] == [
        ("rules.add", "storm"),
        ("rules.remove", "storm"),
    ]
