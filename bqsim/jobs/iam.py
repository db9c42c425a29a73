"""What a policy must know of datasets, tables, routines and jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.errors import BigQueryError
from bqsim.sim.iam.attached import KEY
from bqsim.sim.iam.methods import JobFacts
from bqsim.sim.iam.resources import Resource, parse
from bqsim.sql.access import table_path

if TYPE_CHECKING:
    from bqsim.jobs.service import JobService


class Holdings:
    """Answers the questions of a policy out of the catalog and the jobs."""

    def __init__(self, jobs: JobService) -> None:
        self._jobs = jobs

    def carried(self, path: str) -> Any:
        """What the resource at a path carries: an access list, an IAM policy, or None."""
        resource = parse(path)
        find = _FINDERS.get(resource.kind)
        return find(self._jobs, resource) if find is not None else None

    def find_job(self, path: str) -> JobFacts | None:
        """The job at a path (``projects/p/jobs/j``); None when there is none."""
        resource = parse(path)
        try:
            job = self._jobs.get(resource.project, resource.part("jobs"), resource.part("locations") or None)
        except BigQueryError:
            return None
        destination = table_path(job.destination) if job.destination is not None else ""
        return JobFacts(job.caller, job.ref.api_name, destination)


def _of_dataset(jobs: JobService, resource: Resource) -> Any:
    ref = DatasetRef(resource.project, resource.part("datasets"))
    dataset = jobs.catalog.find_dataset(ref) or jobs.results_store.dataset(ref)
    return dataset.metadata.get("access") if dataset is not None else None


def _of_table(jobs: JobService, resource: Resource) -> Any:
    dataset = resource.part("datasets")
    if dataset.startswith("_"):
        # To look for the table of a result would store it.
        return None
    table = jobs.catalog.find_table(TableRef(resource.project, dataset, resource.part("tables")))
    return table.metadata.get(KEY) if table is not None else None


def _of_routine(jobs: JobService, resource: Resource) -> Any:
    ref = RoutineRef(resource.project, resource.part("datasets"), resource.part("routines"))
    routine = jobs.catalog.find_routine(ref)
    return routine.body.get(KEY) if routine is not None else None


_FINDERS = {"dataset": _of_dataset, "table": _of_table, "routine": _of_routine}
