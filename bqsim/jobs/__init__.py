"""Jobs, their results, and rows in and out of tables.

What the server calls::

    service = JobService(catalog=…, pool=…, executor=…, scripts=…, clock=…, draws=…, settings=…)

    job = await service.insert(project, job_json, caller, upload=None)
    job = await service.query(project, query_request_json, caller)
    job = service.get(project, job_id, location=None)
    page = service.list(project, JobFilter(...), page_token=None, max_results=None)  # .jobs
    job = await service.read(project, job_id, location=None, wait_s=None)  # for clients that follow a job
    job = await service.cancel(project, job_id, location=None)  # answers at once; poll or wait
    service.delete(project, job_id, location=None)
    done = await service.wait(job, timeout_s)

    page = await service.results(job, start_index=None, max_results=None, page_token=None, max_bytes=…)
        # raises the job's failure; .fields, .rows (pyarrow.Table, a slice), .total_rows, .next_page_token
    table = service.anonymous_table(ref)                        # catalog.Table of a query result, or None

    tabledata = TableData(catalog=…, pool=…, executor=…, results=service.results_store, clock=…)
    page = await tabledata.list(ref, start_index=None, max_results=None, page_token=None)
        # the same page type, plus .etag
    errors = await tabledata.insert_all(ref, request_json)  # the reply's insertErrors

All of them raise :class:`bqsim.errors.BigQueryError`. ``insert`` and ``query`` refuse bad requests; failures
of the work itself are the job's: ``job.error`` (``job.raise_for_error()`` for replies that turn it into an
HTTP error).

``insert`` answers at once with a PENDING (or further) job, except for dry runs and cached results, which are
DONE. ``upload`` is an :class:`Upload` (bytes or a file that the job may delete). ``query`` waits for the job
up to the request's ``timeoutMs`` (default 10 s); ``job.done`` tells ``jobComplete``. When ``job.created`` is
false the reply carries ``queryId`` but no ``jobReference``.

A job gives the replies what they need: ``ref`` (JobRef), ``state``, ``done``, ``error``, ``error_protos()``,
``result`` (:class:`ResultSet`, a table, or None), ``query_statistics`` (``statement_type``, ``cache_hit``,
``bytes_processed``, ``bytes_billed``, ``dml`` → DmlStats, ``schema`` on dry runs …), ``statistics``,
``slot_ms``, ``created_ms``, ``start_ms``, ``end_ms``, ``session_id``, ``query_id``, ``creation_reason``,
``children``, ``reference_json()``, ``to_json()`` (all of the Job resource but ``selfLink``),
``list_json(full=…)``.
"""

from __future__ import annotations

from bqsim.jobs.index import JobFilter, JobPage
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.machine import State
from bqsim.jobs.results import ResultPage, ResultSet, ResultStore
from bqsim.jobs.runner import JobObserver
from bqsim.jobs.service import JobService
from bqsim.jobs.tabledata import TableData
from bqsim.jobs.upload import Upload

__all__ = [
    "Job",
    "JobFilter",
    "JobObserver",
    "JobPage",
    "JobService",
    "JobType",
    "ResultPage",
    "ResultSet",
    "ResultStore",
    "State",
    "TableData",
    "Upload",
]
