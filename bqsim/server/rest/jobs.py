"""The ``jobs`` methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bqsim.errors import invalid

from .preconditions import without_nulls
from .reply import Reply, etag_of
from .request import Request
from .rows import ArrowOptions, arrow_options, body_options, encode_arrow_page, encode_page, query_options

if TYPE_CHECKING:
    from bqsim.jobs import Job, Upload
    from bqsim.types.wire import WireOptions

# Discovery document: getQueryResults waits so long by default and never much longer than the second.
DEFAULT_TIMEOUT_MS = 10_000
MAX_TIMEOUT_MS = 200_000
# Small uploads are done within the call that carries them. Wall time: a held job must not hold its client.
UPLOAD_WAIT_S = 3.0
# BigQuery page "Using pagination": jobs in one page of jobs.list.
MAX_PAGE = 1000


def job_json(job: Job, request: Request) -> dict[str, Any]:
    """The ``Job`` resource with its link."""
    body = job.to_json()
    if not job.dry_run:
        ref = job.ref
        body["selfLink"] = request.link(f"projects/{ref.project}/jobs/{ref.job_id}?location={ref.location}")
    return body


async def insert(request: Request, upload: Upload | None = None) -> Reply:
    """``jobs.insert``: start a job; an upload's job is given a moment to finish."""
    jobs = request.core.jobs
    given = without_nulls(request.body)
    job = await jobs.insert(request.path["projectId"], given, request.caller.email, upload)
    if upload is not None:
        await job.wait(UPLOAD_WAIT_S)
    body = job_json(job, request)
    return Reply(body, etag=body["etag"])


async def _read(request: Request, wait_s: float | None = None) -> Job:
    jobs, path = request.core.jobs, request.path
    return await jobs.read(path["projectId"], path["jobId"], request.text("location"), wait_s)


async def get(request: Request) -> Reply:
    """``jobs.get``."""
    body = job_json(await _read(request), request)
    return Reply(body, etag=body["etag"])


async def list_(request: Request) -> Reply:
    """``jobs.list``: newest first."""
    from bqsim.jobs import JobFilter, State

    states = []
    for state in filter(None, (request.text("stateFilter") or "").split(",")):
        if state.upper() not in State.__members__:
            raise invalid(f"Invalid value for stateFilter: {state[:60]}", "stateFilter")
        states.append(State(state.upper()))
    projection = (request.text("projection") or "minimal").lower()
    if projection not in ("minimal", "full"):
        raise invalid(f"Invalid value for projection: {projection[:60]}", "projection")
    wanted = JobFilter(
        caller=None if request.flag("allUsers") else request.caller.email,
        states=frozenset(states),
        min_creation_ms=request.integer("minCreationTime"),
        max_creation_ms=request.integer("maxCreationTime"),
        parent_job_id=request.text("parentJobId"),
    )
    limit = request.integer("maxResults")
    page = request.core.jobs.list(
        request.path["projectId"],
        wanted,
        request.text("pageToken"),
        MAX_PAGE if limit is None else min(limit, MAX_PAGE),
    )
    body: dict[str, Any] = {"kind": "bigquery#jobList"}
    if page.next_page_token:
        body["nextPageToken"] = page.next_page_token
    whole = request.visible("bigquery.jobs.listAll", page.jobs, lambda job: f"projects/{job.ref.project}")
    shown = {id(job) for job in whole}
    body["jobs"] = [
        job.list_json(full=projection == "full")
        if id(job) in shown or job.caller == request.caller.email
        else _redacted(job)
        for job in page.jobs
    ]
    body["etag"] = etag_of(body)
    return Reply(body, etag=body["etag"])


def _redacted(job: Job) -> dict[str, Any]:
    """A job of somebody else for who may list jobs but not look into all (permission jobs.listAll)."""
    hidden = {"configuration", "statistics", "errorResult"}
    found = {k: v for k, v in job.list_json(full=False).items() if k not in hidden}
    return found | {"status": {"state": job.state.value}}


async def cancel(request: Request) -> Reply:
    """``jobs.cancel``: ask for the end of a job; answers at once."""
    jobs, path = request.core.jobs, request.path
    job = await jobs.cancel(path["projectId"], path["jobId"], request.text("location"))
    return Reply({"kind": "bigquery#jobCancelResponse", "job": job_json(job, request)})


async def delete(request: Request) -> Reply:
    """``jobs.delete``: forget a finished job."""
    request.core.jobs.delete(request.path["projectId"], request.path["jobId"], request.text("location"))
    return Reply({})


async def query(request: Request) -> Reply:
    """``jobs.query``: run a query and answer its first page, or that it still runs."""
    options = arrow_options(request.body) or body_options(request.body)
    job = await request.core.jobs.query(request.path["projectId"], request.body, request.caller.email)
    job.raise_for_error()
    body: dict[str, Any] = {"kind": "bigquery#queryResponse"}
    if job.done:
        limit = request.body.get("maxResults")
        await _put_rows(body, request, job, options, max_results=limit)
    _put_summary(body, job)
    return Reply(body)


async def get_query_results(request: Request) -> Reply:
    """``jobs.getQueryResults``: wait for a query and answer a page of its rows."""
    options = query_options(request)
    timeout_ms = request.integer("timeoutMs")
    start_index = request.integer("startIndex")
    max_results = request.integer("maxResults")
    wait_ms = DEFAULT_TIMEOUT_MS if timeout_ms is None else min(timeout_ms, MAX_TIMEOUT_MS)
    job = await _read(request, wait_ms / 1000)
    body: dict[str, Any] = {"kind": "bigquery#getQueryResultsResponse"}
    if not job.done:
        body |= {"jobReference": job.reference_json(), "jobComplete": False}
        return Reply(body)
    job.raise_for_error()
    body["etag"] = job.etag()
    await _put_rows(
        body,
        request,
        job,
        options,
        start_index=start_index,
        max_results=max_results,
        page_token=request.text("pageToken"),
    )
    body["jobReference"] = job.reference_json()
    body["jobComplete"] = True
    _put_statistics(body, job)
    return Reply(body, etag=body["etag"])


async def _put_rows(
    body: dict[str, Any],
    request: Request,
    job: Job,
    options: WireOptions | ArrowOptions,
    *,
    start_index: int | None = None,
    max_results: int | None = None,
    page_token: str | None = None,
) -> None:
    """Add schema, number of rows and one page; a statement without a result has none of them."""
    from bqsim.types.api_schema import fields_to_api

    statistics = job.query_statistics
    if job.dry_run:
        if statistics is not None and statistics.schema is not None:
            body["schema"] = {"fields": fields_to_api(statistics.schema)}
        return
    page = await request.core.jobs.results(
        job,
        start_index=start_index,
        max_results=max_results,
        page_token=page_token,
        caller=request.caller.email,
        groups=request.caller.groups,
    )
    if job.result is None:
        return
    body["schema"] = {"fields": fields_to_api(page.fields)}
    body["totalRows"] = str(page.total_rows)
    if page.next_page_token:
        body["pageToken"] = page.next_page_token
    if isinstance(options, ArrowOptions):
        body |= await encode_arrow_page(page, options)
        return
    rows = await encode_page(page, options)
    if rows is not None:
        body["rows"] = rows


def _put_summary(body: dict[str, Any], job: Job) -> None:
    """Add what ``jobs.query`` tells about the job beside the rows."""
    if job.created:
        body["jobReference"] = job.reference_json()
        if not job.dry_run:
            body["jobCreationReason"] = {"code": job.creation_reason}
    if not job.dry_run:
        body["queryId"] = job.query_id
    body["location"] = job.ref.location
    body["jobComplete"] = job.done
    _put_statistics(body, job)
    times = (("creationTime", job.created_ms), ("startTime", job.start_ms), ("endTime", job.end_ms))
    body.update((name, str(ms)) for name, ms in times if ms is not None)
    if job.session_id is not None:
        body["sessionInfo"] = {"sessionId": job.session_id}
    statistics = job.query_statistics
    if job.done and statistics is not None:
        body |= {k: v for k, v in statistics.bytes_json().items() if k == "totalBytesBilled"}
        if not job.dry_run:
            body["totalSlotMs"] = str(job.slot_ms)
        if statistics.statement_type:
            body["statementType"] = statistics.statement_type
        if statistics.dml is not None:
            # getQueryResults tells the sum only.
            dml = statistics.dml
            body["dmlStats"] = {
                name: str(count)
                for name, count in (
                    ("insertedRowCount", dml.inserted),
                    ("updatedRowCount", dml.updated),
                    ("deletedRowCount", dml.deleted),
                )
            }


def _put_statistics(body: dict[str, Any], job: Job) -> None:
    statistics = job.query_statistics
    if statistics is None or not job.done:
        return
    body |= {k: v for k, v in statistics.bytes_json().items() if k == "totalBytesProcessed"}
    body["cacheHit"] = statistics.cache_hit
    if statistics.dml is not None:
        body["numDmlAffectedRows"] = str(statistics.dml.total)
