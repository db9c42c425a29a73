"""The default stream of a query job: its result without a session, in the order of its rows.

``jobs.query`` with ``queryResultsFormat`` ARROW gives the first rows; clients read the others here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bqsim.errors import BigQueryError
from bqsim.jobs.results import ResultSet
from bqsim.storage.errors import StorageFailure, from_bigquery, invalid_argument
from bqsim.storage.names import JobStreamName

from .sources import FAILED, ResultRows

if TYPE_CHECKING:
    from bqsim.jobs import Job

# Project, job id and location to a job; 404 ``notFound`` without one.
FindJob = Callable[[str, str, str | None], "Job"]


def result_of(find_job: FindJob, name: JobStreamName) -> ResultRows:
    """The result of a query job that is done and wrote to no table of its caller's choice."""
    try:
        job = find_job(name.project, name.job, name.location)
        job.raise_for_error()
    except BigQueryError as error:
        raise from_bigquery(error, FAILED) from None
    if not job.done:
        raise StorageFailure("FAILED_PRECONDITION", f"{FAILED}Job {job.ref.api_name} is not complete")
    result = job.result
    if result is None:
        raise invalid_argument(f"{FAILED}Job {job.ref.api_name} has no query results")
    if not isinstance(result, ResultSet):
        raise invalid_argument(f"{FAILED}This API does not support explicitly-specified destination tables")
    if result.dropped:
        raise StorageFailure("NOT_FOUND", f"{FAILED}The results of job {job.ref.api_name} have expired")
    return ResultRows(result.as_table(), result)
