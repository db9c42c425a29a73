"""New jobs: their type, id and location."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import DatasetRef, JobRef
from bqsim.errors import invalid
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.locations import canonical_location

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.jobs.config import Target
    from bqsim.sim.clock import Clock
    from bqsim.sim.draws import Draws

MAX_JOB_ID = 1024
_JOB_ID = re.compile(r"[A-Za-z0-9_-]+\Z")


class JobMaker:
    """Makes jobs that nobody knows yet; ``location`` is that of jobs which nothing places elsewhere."""

    def __init__(self, catalog: Catalog, clock: Clock, draws: Draws, location: str) -> None:
        self._catalog = catalog
        self._clock = clock
        self._draws = draws
        self._default_location = location

    def job(
        self,
        type_: JobType,
        project: str,
        configuration: Mapping[str, Any],
        reference: Mapping[str, Any],
        caller: str,
        target: Target | None,
        default_dataset: DatasetRef | None = None,
    ) -> Job:
        """The job that a request asks for. Raises ``invalid`` for a job id that is none."""
        written = target.table.dataset_ref if target is not None else None
        location = self._location(reference.get("location"), written, default_dataset)
        job_id = reference.get("jobId")
        if job_id is None or job_id == "":
            job_id = f"job_{self._draws.hex_id('job')}"
        elif not isinstance(job_id, str) or len(job_id) > MAX_JOB_ID or not _JOB_ID.match(job_id):
            raise invalid(
                f'Invalid job ID "{str(job_id)[:100]}". Job IDs must be alphanumeric (plus underscores and '
                "dashes) and must be at most 1024 characters long."
            )
        shown = {**configuration, "jobType": type_.value}
        job = Job(JobRef(project, location, job_id), type_, shown, caller, self._clock.now_us())
        job.destination = target.table if target is not None else None
        return job

    def child(self, parent: Job, number: int, configuration: dict[str, Any], created_us: int) -> Job:
        """The ``number``-th child job of a script."""
        job_id = f"script_job_{self._draws.hex_id('script-job')}_{number}"
        ref = JobRef(parent.ref.project, parent.ref.location, job_id)
        child = Job(ref, JobType.QUERY, configuration, parent.caller, created_us, parent=parent)
        child.session_id = parent.session_id
        return child

    def _location(self, given: object, *datasets: DatasetRef | None) -> str:
        """The job's location: as given, else that of the first of ``datasets``, else the simulator's."""
        if given:
            return canonical_location(str(given))
        for ref in datasets:
            dataset = self._catalog.find_dataset(ref) if ref is not None else None
            if dataset is not None:
                return dataset.location
        return self._default_location


def job_type_of(configuration: Mapping[str, Any]) -> JobType:
    """The type of the one job that ``configuration`` describes. Raises ``invalid`` when it is not one."""
    given = [t for t in JobType if isinstance(configuration.get(t.value.lower()), Mapping)]
    if len(given) != 1:
        raise invalid(
            "Job configuration must contain exactly one job-specific configuration object "
            f"(e.g., query, load, extract, spark), but there were {len(given)}: "
        )
    return given[0]
