"""Jobs over HTTP."""

from __future__ import annotations

from typing import Any

from bqsim.server.known import known
from bqsim.sim.control.jobs import plan_of
from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.load import record_from_tree
from bqsim.sim.scenario.model import JobPlan
from bqsim.sim.scenario.tree import from_object

from .wire import Wire


class RemoteJobs:
    """``sim.jobs`` over HTTP."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @property
    def plans(self) -> tuple[JobPlan, ...]:
        """The plans in force; the first that matches a job is its plan."""
        found = self._wire.get("plans")["plans"]
        return tuple(record_from_tree(JobPlan, from_object(one, "plan"), known()) for one in found)

    def plan(self, progression: Any, **options: Any) -> None:
        """As :meth:`bqsim.sim.control.jobs.Jobs.plan`."""
        self._wire.call("POST", "plans", to_dict(plan_of(progression, known(), **options)))

    def clear(self) -> None:
        """Let jobs go on as fast as their work does."""
        self._wire.call("DELETE", "plans")

    def list(self) -> list[dict[str, Any]]:
        """The jobs that wait, as JSON."""
        found: list[dict[str, Any]] = self._wire.get("jobs")["jobs"]
        return found

    def step(self, job: Any, project: str | None = None) -> str:
        """Let a job go on from what it waits for; the state that it is in then."""
        return self._act(job, "step", project)

    def release(self, job: Any, project: str | None = None) -> str:
        """End all that keeps a job in its state."""
        return self._act(job, "release", project)

    def hold(self, job: Any, project: str | None = None) -> str:
        """Keep a job from its next move until it is released."""
        return self._act(job, "hold", project)

    def finish(
        self, job: Any, project: str | None = None, *, reason: str | None = None, message: str | None = None
    ) -> str:
        """Let a job wait for nothing any more, or fail."""
        told = {"reason": reason, "message": message}
        return self._act(job, "finish", project, {k: v for k, v in told.items() if v is not None})

    def _act(self, job: Any, act: str, project: str | None, body: Any = None) -> str:
        id, where = (job, project) if isinstance(job, str) else (job.job_id, project or job.project)
        return str(self._wire.call("POST", f"jobs/{id}/{act}", body or {}, project=where)["state"])
