from __future__ import annotations

from types import SimpleNamespace as Made
from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.sim.control.control import Scope
from bqsim.sim.control.parts import Parts
from bqsim.sim.progression.control import Waiting
from bqsim.sim.scenario.model import JobPlan, Match
from bqsim.sim.scenario.progression import Manual, Polled
from bqsim.sim.scenario.tree import ScenarioError


class Told:
    """Jobs that remember what they were told."""

    def __init__(self) -> None:
        self.plans: list[Any] = []
        self.acts: list[Any] = []

    def configure(self, *, plans: list[Any], latency: Any) -> None:
        self.plans = plans

    def list(self) -> list[Waiting]:
        return [Waiting("p", "j", "PENDING", "why", 1), Waiting("q", "k", "RUNNING", "why", 1)]

    def __getattr__(self, name: str) -> Any:
        def act(*given: Any, **options: Any) -> str:
            self.acts.append((name, *given, *options.values()))
            return "RUNNING"

        return act


@pytest.fixture
def told(parts: Parts) -> Told:
    parts.jobs = Told()
    return parts.jobs


@pytest.mark.parametrize(
    ("given", "more", "plan"),
    [
        ("manual", {}, JobPlan(Manual())),
        (Manual(), {"job_type": "LOAD"}, JobPlan(Manual(), Match(job_type=("LOAD",)))),
        ("polls: {running: 3}", {}, JobPlan(Polled(0, 3))),
        ({"polls": {"running": 3}}, {"deferments": ["slots"]}, JobPlan(Polled(0, 3), deferments=("slots",))),
        ("{progression: manual, match: {job_type: COPY}}", {}, JobPlan(Manual(), Match(job_type=("COPY",)))),
        (JobPlan(Manual(), growing_plan=True), {}, JobPlan(Manual(), growing_plan=True)),
    ],
)
def test_plans(sim: Scope, told: Told, given: Any, more: dict[str, Any], plan: JobPlan) -> None:
    sim.jobs.plan(given, **more)
    assert sim.jobs.plans == (plan,) and told.plans == [plan]
    sim.jobs.plan("manual")
    assert told.plans == [JobPlan(Manual()), plan]
    sim.jobs.clear()
    assert told.plans == [] and [c.action for c in sim.journal.controls()] == ["jobs.plan"] * 2 + [
        "jobs.clear"
    ]


def test_wrong_plans(sim: Scope, told: Told) -> None:
    with pytest.raises(ScenarioError, match="progression: unknown progression 'manul'; did you mean"):
        sim.jobs.plan("manul")
    with pytest.raises(ScenarioError, match="unknown key 'job_typ' of a match"):
        sim.jobs.plan("manual", job_typ="LOAD")


def test_plans_of_a_scope(sim: Scope, told: Told) -> None:
    sim.jobs.plan("manual")
    sim.scope("p").jobs.plan("polls")
    assert [plan.match.scope for plan in told.plans] == [("p",), ()]


def test_single_jobs(sim: Scope, told: Told) -> None:
    jobs = sim.jobs
    assert jobs.step("j") == "RUNNING"
    jobs.release(Made(job_id="j", project="p"))
    jobs.hold("j", "p")
    sim.scope("p").jobs.step("j")
    sim.scope("port").jobs.step("j")
    assert told.acts == [
        ("step", "j", None),
        ("release", "j", "p"),
        ("hold", "j", "p"),
        ("step", "j", "p"),
        ("step", "j", None),
    ]
    assert [w.job_id for w in sim.scope("p").jobs.list()] == ["j"] and len(jobs.list()) == 2


def test_jobs_that_are_made_to_fail(sim: Scope, told: Told) -> None:
    sim.jobs.finish("j", reason="backendError")
    sim.jobs.finish("j", reason="blocked", message="told")
    sim.jobs.finish("j")
    errors = [act[-1] for act in told.acts]
    assert (
        isinstance(errors[0], BigQueryError) and errors[0].reason.name == "backendError" and errors[0].message
    )
    assert errors[1].message == "told" and errors[2] is None
    with pytest.raises(ValueError, match="unknown error reason 'blockd'; did you mean 'blocked'"):
        sim.jobs.finish("j", reason="blockd")
