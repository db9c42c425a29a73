"""The moves of a job from state to state, as the journal tells them."""

from __future__ import annotations

from collections.abc import Iterable

from bqsim.sim.journal.events import JobEvent

from .view import JobView


class Moves:
    """The moves of a job that nothing befell; their events are made when somebody reads them."""

    __slots__ = ("_job", "method", "scope")

    def __init__(self, job: JobView) -> None:
        self._job = job
        self.method = ""
        self.scope = job.project

    def events(self) -> Iterable[JobEvent]:
        return moves_of(self._job)


def moves_of(job: JobView, without: str = "") -> Iterable[JobEvent]:
    """What a job has gone through so far, but for one state."""
    before = ""
    for state, time_us in tuple(job.entered.items()):
        if state == without:
            continue
        error = job.error if state == "DONE" else None
        yield JobEvent(
            time_us,
            job.job_id,
            job.project,
            job.location,
            before,
            str(state),
            error.reason.name if error is not None else "",
            error.message if error is not None else "",
            scope=job.project,
        )
        before = str(state)
