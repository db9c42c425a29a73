"""Jobs as tests control them: how they go on, and single ones moved by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bqsim.errors import REASONS, BigQueryError
from bqsim.sim.scenario.load import Known, record_from_tree
from bqsim.sim.scenario.model import JobPlan
from bqsim.sim.scenario.shapes import record_of
from bqsim.sim.scenario.spelling import unknown
from bqsim.sim.scenario.tree import from_object, from_yaml

from .described import value_of
from .given import plain
from .loading import configure
from .parts import Parts

if TYPE_CHECKING:
    from bqsim.sim.jobs import JobSimulation
    from bqsim.sim.progression.control import Waiting

PLAN = "jobs.plan"
_KEYS = frozenset(record_of(JobPlan).slots)


class Jobs:
    """``sim.jobs``: plans for jobs, and jobs that wait. Within a scope, those of the project of that name."""

    def __init__(self, parts: Parts, scope: str = "") -> None:
        self._parts = parts
        self._scope = scope

    @property
    def _jobs(self) -> JobSimulation:
        jobs: JobSimulation = self._parts.jobs
        return jobs

    @property
    def plans(self) -> tuple[JobPlan, ...]:
        """The plans in force; the first that matches a job is its plan."""
        return self._parts.plans.get(self._scope, ())

    def plan(
        self,
        progression: Any,
        *,
        match: Any = None,
        deferments: Iterable[str] = (),
        growing_plan: bool = False,
        **conditions: Any,
    ) -> None:
        """Let jobs go on as ``progression`` says, before the plans that there are.

        It is one of the model, a kind (``"manual"``), or as scenarios have it (``{"polls": {"running": 3}}``,
        ``{"script": [{"state": "RUNNING", "for": "5s"}]}``), or a whole plan. Raises ``ScenarioError``.

        >>> sim.jobs.plan("polls: {running: 3}", job_type="QUERY")               # doctest: +SKIP
        """
        more = {"match": match, "deferments": deferments, "growing_plan": growing_plan}
        plan = plan_of(progression, self._parts.known(), **more, **conditions)
        self._parts.plans[self._scope] = (plan, *self.plans)
        configure(self._parts)
        self._parts.simulation.control(
            PLAN, scope=self._scope, details={"progression": plan.progression.kind}
        )

    def clear(self) -> None:
        """Let jobs go on as fast as their work does; those that wait by a plan go on."""
        self._parts.plans.pop(self._scope, None)
        configure(self._parts)
        self._parts.simulation.control("jobs.clear", scope=self._scope)

    def list(self) -> list[Waiting]:
        """The jobs that wait, and for what."""
        return [job for job in self._jobs.list() if self._scope in ("", job.project)]

    def step(self, job: Any, project: str | None = None) -> str:
        """Let a job (its id, or Google's object) go on from what it waits for; the state that it is in then.

        ``LookupError`` for a job that nobody knows, ``ValueError`` for one that does not wait.
        """
        return self._jobs.step(*self._named(job, project))

    def release(self, job: Any, project: str | None = None) -> str:
        """End all that keeps a job in its state; else as :meth:`step`."""
        return self._jobs.release(*self._named(job, project))

    def hold(self, job: Any, project: str | None = None) -> str:
        """Keep a job from its next move until it is released."""
        return self._jobs.hold(*self._named(job, project))

    def finish(
        self, job: Any, project: str | None = None, *, reason: str | None = None, message: str | None = None
    ) -> str:
        """Let a job wait for nothing any more, or fail for ``reason``, with the service's text or another."""
        return self._jobs.finish(*self._named(job, project), error=_failure(reason, message))

    def _named(self, job: Any, project: str | None) -> tuple[str, str | None]:
        if isinstance(job, str):
            scope = self._scope if any(w.project == self._scope for w in self._jobs.list()) else None
            return job, project or scope
        return str(job.job_id), project or str(job.project)


def plan_of(
    progression: Any,
    known: Known,
    *,
    match: Any = None,
    deferments: Iterable[str] = (),
    growing_plan: bool = False,
    **conditions: Any,
) -> JobPlan:
    """The plan that is meant, see :meth:`Jobs.plan`."""
    given = _written(progression)
    if not (isinstance(given, Mapping) and "progression" in given):
        given = {"progression": given}
    asked = {**(plain(match) or {}), **plain(conditions)}
    more = {"match": asked, "deferments": list(deferments), "growing_plan": growing_plan}
    given = {**given, **{key: value for key, value in more.items() if value}}
    return record_from_tree(JobPlan, from_object(given, PLAN), known)


def _written(progression: Any) -> Any:
    if isinstance(progression, str):
        return value_of(from_yaml(progression, PLAN))
    kind = getattr(progression, "kind", None)
    return {kind: plain(progression)} if kind else plain(progression)


def _failure(reason: str | None, message: str | None) -> BigQueryError | None:
    from bqsim.sim.effects.texts import job_text

    if reason is None:
        return None
    if reason not in REASONS:
        raise ValueError(unknown("error reason", reason, tuple(REASONS)))
    return BigQueryError(reason, job_text(reason) if message is None else message)
