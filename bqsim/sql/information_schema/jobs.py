"""JOBS: all jobs, those that run included, with what the API's statistics tell of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bqsim.catalog.names import project_number
from bqsim.types import Type, array_of

from . import job_types as types
from .arrays import from_api
from .query_hash import normalized_literals
from .sources import JobRecord
from .view import Column, Form, Scope, View, always, each, whole

# How long views tell of jobs (page *JOBS view*, data retention).
HISTORY_US = 180 * 24 * 3600 * 1_000_000
NEEDS: Mapping[str, tuple[str, ...]] = {"BY_USER": ("bigquery.jobs.list",), "": ("bigquery.jobs.listAll",)}
ALL_PROJECTS = ("BY_FOLDER", "BY_ORGANIZATION")


def jobs_of(kind: str) -> Callable[[Scope], list[JobRecord]]:
    """What finds the jobs of a view: ``kind`` is BY_USER, BY_PROJECT, BY_FOLDER or BY_ORGANIZATION.

    All projects count as those of one organization, in one folder.
    """

    def find(scope: Scope) -> list[JobRecord]:
        project = None if kind in ALL_PROJECTS else scope.project
        since = scope.now_us - HISTORY_US
        found = [
            job
            for job in scope.sources.history.jobs(project, scope.asked("job_id").values)
            if job.created_us >= since
            and scope.in_region(job.location)
            and (kind != "BY_USER" or job.caller == scope.caller)
        ]
        return scope.only(
            found,
            project_id=lambda j: j.project,
            job_id=lambda j: j.job_id,
            creation_time=lambda j: j.created_us,
            start_time=lambda j: j.start_us,
            end_time=lambda j: j.end_us,
            user_email=lambda j: j.caller,
            job_type=lambda j: j.job_type,
            state=lambda j: j.state,
            statement_type=lambda j: j.statement_type,
            parent_job_id=lambda j: j.parent_job_id,
        )

    return find


def statistics(job: JobRecord, scope: Scope) -> Mapping[str, Any]:
    """The API's statistics of a job, computed once for a use of a view."""
    known = scope.memo.get(job)
    if known is None:
        known = scope.memo[job] = job.statistics()
    found: Mapping[str, Any] = known
    return found


def query_statistics(job: JobRecord, scope: Scope) -> Mapping[str, Any]:
    """``statistics.query``, empty for other jobs."""
    found: Mapping[str, Any] = statistics(job, scope).get("query") or {}
    return found


def _configured(job: JobRecord) -> Mapping[str, Any]:
    part: Mapping[str, Any] = job.configuration.get(job.job_type.lower()) or {}
    return part


def told(name: str, type_: Type, member: str, empty: Any = None) -> Column:
    """A record of ``statistics.query`` as the API has it."""
    return whole(
        name,
        lambda jobs, scope: [from_api(query_statistics(j, scope).get(member, empty), type_) for j in jobs],
        type_,
    )


def number(name: str, *path: str) -> Column:
    """A number of the statistics."""

    def values(jobs: Sequence[Any], scope: Scope) -> list[int | None]:
        found: list[int | None] = []
        for job in jobs:
            value: Any = statistics(job, scope)
            for key in path:
                value = value.get(key) if isinstance(value, Mapping) else None
            found.append(None if value is None else int(value))
        return found

    return whole(name, values, "I")


def text(name: str, *path: str) -> Column:
    """A text of the statistics."""

    def values(jobs: Sequence[Any], scope: Scope) -> list[str | None]:
        found: list[str | None] = []
        for job in jobs:
            value: Any = statistics(job, scope)
            for key in path:
                value = value.get(key) if isinstance(value, Mapping) else None
            found.append(value)
        return found

    return whole(name, values)


def _query_info(jobs: Sequence[Any], scope: Scope) -> list[Any]:
    found: list[Any] = []
    for job in jobs:
        if job.job_type != "QUERY":
            found.append(None)
            continue
        hashes = None
        sql = _configured(job).get("query")
        if sql and job.state == "DONE" and job.error is None and not job.cache_hit:
            hashes = {"normalized_literals": normalized_literals(sql)}
        told_ = query_statistics(job, scope)
        found.append(
            {
                "resource_warning": (told_.get("queryInfo") or {}).get("resourceWarning"),
                "query_hashes": hashes,
                "performance_insights": from_api(told_.get("performanceInsights"), types.INSIGHTS),
            }
        )
    return found


def _dml(jobs: Sequence[Any], scope: Scope) -> list[Any]:
    """Counts that the API leaves out are 0."""
    zero = {"insertedRowCount": 0, "deletedRowCount": 0, "updatedRowCount": 0}
    found = []
    for job in jobs:
        told_ = query_statistics(job, scope).get("dmlStats")
        found.append(None if told_ is None else from_api({**zero, **told_}, types.DML))
    return found


def _destination(job: JobRecord) -> Any:
    table = _configured(job).get("destinationTable")
    return from_api(table, types.TABLE)


def _session(jobs: Sequence[Any], scope: Scope) -> list[Any]:
    return [from_api(statistics(job, scope).get("sessionInfo"), types.SESSION) for job in jobs]


def error_record(job: JobRecord) -> Any:
    """The failure of a job."""
    return from_api(job.error, types.ERROR)


def labels(job: JobRecord) -> list[dict[str, str]]:
    """The labels of a job as records."""
    given: Mapping[str, str] = job.configuration.get("labels") or {}
    return [{"key": key, "value": value} for key, value in given.items()]


def _dialect(job: JobRecord) -> str | None:
    if job.job_type != "QUERY":
        return None
    return "LEGACY_SQL" if _configured(job).get("useLegacySql") else "GOOGLE_SQL"


def reservation_id(jobs: Sequence[Any], scope: Scope) -> list[str | None]:
    """The reservation of each job: ``admin_project:location.name``; scripts have none of their own."""
    return [
        None if job.statement_type == "SCRIPT" else statistics(job, scope).get("reservation_id")
        for job in jobs
    ]


def priority(job: JobRecord) -> str | None:
    """INTERACTIVE or BATCH, of queries."""
    return _configured(job).get("priority") or ("INTERACTIVE" if job.job_type == "QUERY" else None)


def _slot_ms(jobs: Sequence[Any], scope: Scope) -> list[int]:
    """Slot time up to now."""
    now_us = float(scope.now_us)
    return [_had(job, now_us) if job.state == "RUNNING" else job.slot_ms for job in jobs]


def _had(job: JobRecord, now_us: float) -> int:
    found = job.spent([now_us])
    return found[0][0] if found is not None else job.slot_ms


_QUERY = each("query", lambda j: _configured(j).get("query"))
_FOLDERS = always("folder_numbers", None, "I[]")


def _columns(kind: str) -> tuple[Column, ...]:
    """The columns: those about other projects have no texts of queries, but folders."""
    wide = kind in ALL_PROJECTS
    return (
        each("creation_time", lambda j: j.created_us, "T"),
        each("project_id", lambda j: j.project),
        each("project_number", lambda j: project_number(j.project), "I"),
        *((_FOLDERS,) if wide else ()),
        each("user_email", lambda j: j.caller),
        each("principal_subject", lambda j: f"user:{j.caller}"),
        each("job_id", lambda j: j.job_id),
        each("job_type", lambda j: j.job_type),
        each("statement_type", lambda j: j.statement_type),
        each("priority", priority),
        each("start_time", lambda j: j.start_us, "T"),
        each("end_time", lambda j: j.end_us, "T"),
        *(() if wide else (_QUERY,)),
        each("state", lambda j: j.state),
        whole("reservation_id", reservation_id),
        each("total_bytes_processed", lambda j: j.bytes_processed, "I"),
        whole("total_slot_ms", _slot_ms, "I"),
        number("total_services_sku_slot_ms", "query", "totalServicesSkuSlotMs"),
        each("error_result", error_record, types.ERROR),
        each("cache_hit", lambda j: j.cache_hit, "B"),
        each("destination_table", _destination, types.TABLE),
        told("referenced_tables", array_of(types.TABLE), "referencedTables"),
        each("labels", labels, types.LABELS),
        told("timeline", types.TIMELINE, "timeline"),
        told("job_stages", types.STAGES, "queryPlan"),
        each("total_bytes_billed", lambda j: j.bytes_billed, "I"),
        text("transaction_id", "transactionInfo", "transactionId"),
        each("parent_job_id", lambda j: j.parent_job_id),
        whole("session_info", _session, types.SESSION),
        *(() if wide else (whole("dml_statistics", _dml, types.DML),)),
        number("total_modified_partitions", "query", "modifiedPartitionCount"),
        told("bi_engine_statistics", types.BI_ENGINE, "biEngineStatistics"),
        whole("query_info", _query_info, types.QUERY_INFO),
        number("transferred_bytes", "query", "transferredBytes"),
        told("materialized_view_statistics", types.MATERIALIZED_VIEWS, "materializedViewStatistics"),
        text("edition", "edition"),
        each("job_creation_reason", lambda j: {"code": j.creation_reason}, types.CREATION_REASON),
        told("metadata_cache_statistics", types.METADATA_CACHE, "metadataCacheStatistics"),
        told("search_statistics", types.SEARCH, "searchStatistics"),
        each("query_dialect", _dialect),
        each("continuous", lambda j: bool(_configured(j).get("continuous")), "B"),
        always("continuous_query_info", None, types.CONTINUOUS),
        told("vector_search_statistics", types.SEARCH, "vectorSearchStatistics"),
        told("external_service_costs", types.SERVICE_COSTS, "externalServiceCosts"),
        text("reservation_group_path", "reservationGroupPath"),
    )


VIEWS: tuple[View, ...] = tuple(
    View(
        "JOBS" + (f"_{kind}" if kind else ""),
        _columns(kind),
        jobs_of(kind),
        Form.REGION,
        NEEDS.get(kind, NEEDS[""]),
    )
    for kind in ("", "BY_USER", "BY_PROJECT", "BY_FOLDER", "BY_ORGANIZATION")
)
