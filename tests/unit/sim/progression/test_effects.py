from __future__ import annotations

from typing import Any

import pytest

from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.latency import Load
from bqsim.sim.progression.effects import Effects, alone, decision, failure_of
from bqsim.sim.progression.life import UNKNOWN, Life
from bqsim.sim.progression.waits import Wait
from bqsim.sim.rules.book import Hit
from bqsim.sim.rules.facts import Facts, job_facts
from bqsim.sim.scenario import latency as described
from bqsim.sim.scenario.model import (
    Delay,
    Effect,
    Error,
    JobPlan,
    JobState,
    LatencyRule,
    LatencySetup,
    Match,
    Rule,
)
from bqsim.sim.scenario.progression import Manual, Polled, Sampled, Timed

CLOCK = SimulationClock(rate=0)


def facts(state: str, sql: str = "SELECT 1") -> Facts:
    return job_facts(project="p", job_id="j", configuration={"query": {"query": sql}}, state=state)


def fixed(seconds: float, **options: Any) -> described.Latency:
    return described.Latency(described.Fixed(seconds), **options)


def effects(*plans: JobPlan, latency: LatencySetup | None = None) -> Effects:
    return Effects(CLOCK, Draws(3), plans, latency)


def usual(found: Effects, state: str, sql: str = "SELECT 1") -> list[Wait]:
    life = Life(UNKNOWN)
    found.begin(life, facts("PENDING", sql), ())
    return list(found.usual(life, facts(state, sql), state))


def seconds(wait: Wait, **load: Any) -> float:
    assert wait.model is not None
    assert wait.uniforms is not None
    return wait.model.draw(wait.uniforms, Load(**load))


def test_nothing_is_false() -> None:
    assert not effects()
    assert effects(JobPlan(Manual()))
    assert effects(latency=LatencySetup("bigquery-2026-08"))
    assert not effects(latency=LatencySetup(rules=(LatencyRule(fixed(1.0), "before"),)))


def test_the_first_plan_that_matches_counts() -> None:
    found = effects(
        JobPlan(Timed(fixed(1.0), fixed(2.0)), Match(sql="slow"), deferments=("q",)), JobPlan(Polled(3, 0))
    )
    (queue,), (run,) = (usual(found, state, "SELECT 'slow'") for state in ("RUNNING", "DONE"))
    assert (seconds(queue), seconds(run)) == (1.0, 2.0)
    (read,) = usual(found, "RUNNING")
    assert (read.polls, read.why) == (3, "plan-2: polls")
    assert usual(found, "DONE") == []
    life = Life(UNKNOWN)
    found.begin(life, facts("PENDING", "slow"), ())
    assert life.deferments == ("q",)


def test_a_plan_takes_the_place_of_latencies() -> None:
    latency = LatencySetup("bigquery-2026-08", rules=(LatencyRule(fixed(9.0), "run"),))
    found = effects(JobPlan(Manual(), Match(sql="manual")), latency=latency)
    (word,) = usual(found, "DONE", "SELECT 'manual'")
    assert word.model is None
    (run,) = usual(found, "DONE")
    assert seconds(run) == 9.0
    assert run.rule is None
    (queue,) = usual(found, "RUNNING")
    assert queue.needs_load


def test_scales() -> None:
    setup = LatencySetup("bigquery-2026-08", 10.0, (LatencyRule(fixed(2.0, cap_s=3.0), "queue"),))
    (queue,) = usual(effects(latency=setup), "RUNNING")
    assert seconds(queue) == 20.0
    (ten,) = usual(effects(latency=setup), "DONE")
    (one,) = usual(effects(latency=LatencySetup("bigquery-2026-08")), "DONE")
    assert seconds(ten) == pytest.approx(10 * seconds(one))


def test_sampled_times_are_keyed_by_the_job() -> None:
    first, again = (usual(effects(JobPlan(Sampled())), "DONE")[0] for _ in range(2))
    assert seconds(first, statement_type="SELECT") == seconds(again, statement_type="SELECT")
    other = usual(effects(JobPlan(Sampled())), "DONE", "SELECT 2")[0]
    assert seconds(other) != seconds(usual(effects(JobPlan(Sampled())), "DONE")[0])


def test_terms_need_the_load() -> None:
    (wait,) = usual(effects(JobPlan(Timed(running=fixed(1.0, per_mib_s=2.0)))), "DONE")
    assert wait.needs_load
    assert seconds(wait, bytes=2**20) == 3.0


def test_equal_plans_are_the_same() -> None:
    (wait,) = usual(effects(JobPlan(Manual())), "DONE")
    assert wait.rule is not None
    assert effects(JobPlan(Polled()), JobPlan(Manual())).has(wait.rule)
    assert not effects(JobPlan(Polled())).has(wait.rule)
    assert not effects(JobPlan(Manual())).has(Rule("x", JobState("stuck")))


@pytest.mark.parametrize(
    ("effect", "waits"),
    [
        (JobState("stuck"), (None, None)),
        (JobState("hold", for_s=2.0), (2.0, None)),
        (JobState("hold", polls=3), (None, 3)),
        (JobState("fail"), None),
        (Error("backendError", level="job"), None),
    ],
    ids=["stuck", "hold", "polls", "fail", "error"],
)
def test_waits_of_rules(effect: Effect, waits: tuple[float | None, int | None] | None) -> None:
    hit = Hit(Rule("r", effect), 1, 1)
    wait = effects().wait(hit, lasting=False)
    assert (None if wait is None else (wait.seconds, wait.polls)) == waits
    if wait is not None:
        assert wait.rule is hit.rule
        lasting = effects().wait(hit, lasting=True)
        assert lasting is not None
        assert lasting.rule is None


def test_delays_are_drawn() -> None:
    wait = effects().wait(Hit(Rule("r", Delay(fixed(4.0), "run")), 1, 1), lasting=False)
    assert wait is not None
    assert seconds(wait) == 4.0
    assert wait.rule is None


def test_failures() -> None:
    failed = failure_of(JobState("fail"), "projects/p/jobs/j")
    assert failed is not None
    assert failed.reason.name == "backendError"
    worded = failure_of(Error("quotaExceeded", "no more", "job", location="x"), "")
    assert worded is not None
    assert worded.error_proto() == {"reason": "quotaExceeded", "message": "no more", "location": "x"}
    assert failure_of(JobState("stuck"), "") is None


def test_rules_for_one_job_match_too() -> None:
    rules = [
        Rule("a", JobState("stuck"), Match(sql="SELECT")),
        Rule("b", JobState("stuck"), Match(sql="INSERT")),
        Rule("c", JobState("cancel_loses")),
    ]
    assert [hit.rule.id for hit in alone(rules, facts("DONE"))] == ["a"]
    assert alone(rules, facts("RUNNING")) == []


def test_decisions() -> None:
    made = decision(Hit(rule := Rule("r", JobState("stuck"), source="a.yaml:3"), 1, 2))
    assert (made.rule, made.effect, made.source, made.why) == ("r", "job_state stuck", rule.source, "call 2")
