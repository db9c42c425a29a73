"""Entries of BigQuery's audit logs as jobs: both forms, from Cloud Logging and from its sinks.

``AuditData`` (older) has ``serviceData.jobCompletedEvent``, ``BigQueryAuditMetadata`` has
``metadata.jobChange`` and ``metadata.jobInsertion``. Sinks to BigQuery name the parts
``protopayload_auditlog``, ``servicedata_v1_bigquery`` and ``metadataJson``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bqsim.errors import STATUS_CODES

from .fingerprints import fingerprint_of
from .model import JobRecord
from .values import is_empty, items_of, members, micros, nested, text, truth, whole
from .views import labels_of, table_name

# google.rpc.Code -> the reason that jobs show for it.
REASONS: Mapping[str, str] = {
    "CANCELLED": "stopped",
    "UNKNOWN": "internalError",
    "INVALID_ARGUMENT": "invalidQuery",
    "DEADLINE_EXCEEDED": "timeout",
    "NOT_FOUND": "notFound",
    "ALREADY_EXISTS": "duplicate",
    "PERMISSION_DENIED": "accessDenied",
    "RESOURCE_EXHAUSTED": "quotaExceeded",
    "FAILED_PRECONDITION": "invalid",
    "ABORTED": "backendError",
    "OUT_OF_RANGE": "responseTooLarge",
    "UNIMPLEMENTED": "notImplemented",
    "INTERNAL": "internalError",
    "UNAVAILABLE": "backendError",
    "DATA_LOSS": "internalError",
    "UNAUTHENTICATED": "accessDenied",
}
_BY_CODE = {int(number): name for name, number in STATUS_CODES.items()}
# The parts of AuditData that tell of jobs; the first that is there counts.
_OLD = ("jobCompletedEvent", "jobQueryDoneResponse", "jobGetQueryResultsResponse", "jobInsertResponse")
_NEW = ("jobChange", "jobInsertion")
_PAYLOADS = ("protoPayload", "protopayload_auditlog", "protopayload")


def payload_of(row: Mapping[str, Any]) -> Any:
    """The audit log in an entry; None when it is no entry of one."""
    for name in _PAYLOADS:
        found = row.get(name)
        if not is_empty(found):
            return nested(found)
    return None


def job_of_entry(row: Mapping[str, Any], source: str = "") -> JobRecord | None:
    """The job that an entry tells of; None for entries about other things. ValueError for what cannot be
    read."""
    payload = payload_of(row)
    if payload is None:
        return None
    user = text(members(members(payload, "authenticationInfo"), "principalEmail"))
    where = text(members(members(nested(row.get("resource")), "labels"), "location"))
    metadata = nested(members(payload, "metadata")) or nested(members(payload, "metadataJson"))
    for name in _NEW:
        job = members(members(metadata, name), "job")
        if job is not None:
            return _new(job, user, where, source)
    data = members(payload, "serviceData", "servicedata_v1_bigquery")
    for name in _OLD:
        job = members(members(data, name), "job")
        if job is not None:
            return _old(job, user, where, source)
    return None


def _reason(error: Any) -> str:
    code = whole(members(error, "code"))
    return REASONS.get(_BY_CODE.get(code, ""), "") if code else ""


def _new(job: Any, user: str, where: str, source: str) -> JobRecord:
    project, location, job_id = _job_name(text(members(job, "jobName")))
    configuration = members(job, "jobConfig") or {}
    status = members(job, "jobStatus") or {}
    told = members(job, "jobStats") or {}
    kind = text(members(configuration, "type")).upper() or _new_kind(configuration)
    names = {"IMPORT": "LOAD", "EXPORT": "EXTRACT", "TABLE_COPY": "COPY"}
    part = {
        "LOAD": "loadConfig",
        "IMPORT": "loadConfig",
        "EXPORT": "extractConfig",
        "EXTRACT": "extractConfig",
        "COPY": "tableCopyConfig",
        "TABLE_COPY": "tableCopyConfig",
    }.get(kind, "queryConfig")
    own = members(configuration, part) or {}
    query = members(told, "queryStats") or {}
    load = members(told, "loadStats") or {}
    error = members(status, "errorResult")
    sql = text(members(own, "query"))
    return JobRecord(
        job_id=job_id,
        project=project,
        location=location or where,
        user=user,
        job_type=names.get(kind, kind) or "QUERY",
        statement_type=_known(members(own, "statementType")),
        priority=(_known(members(own, "priority")).removeprefix("QUERY_")) or "INTERACTIVE",
        state=_known(members(status, "jobState")) or "DONE",
        sql=sql,
        fingerprint=fingerprint_of(sql),
        created_us=micros(members(told, "createTime")),
        started_us=micros(members(told, "startTime")),
        ended_us=micros(members(told, "endTime")),
        slot_ms=whole(members(told, "totalSlotMs")),
        bytes_processed=whole(members(query, "totalProcessedBytes")),
        bytes_billed=whole(members(query, "totalBilledBytes")),
        cache_hit=truth(members(query, "cacheHit")),
        error_reason=_reason(error),
        error_message=text(members(error, "message")),
        reservation=text(members(told, "reservation")) or _reservation(told),
        parent=_job_name(text(members(told, "parentJobName")))[2],
        destination=table_name(members(own, "destinationTable")),
        tables=tuple(filter(None, map(table_name, items_of(members(query, "referencedTables"))))),
        labels=labels_of(members(configuration, "labels")),
        output_rows=whole(members(query, "outputRowCount")) or whole(members(load, "totalOutputRows")),
        source=source,
    )


def _old(job: Any, user: str, where: str, source: str) -> JobRecord:
    name = members(job, "jobName") or {}
    configuration = members(job, "jobConfiguration") or {}
    status = members(job, "jobStatus") or {}
    told = members(job, "jobStatistics") or {}
    kinds = {"query": "QUERY", "load": "LOAD", "extract": "EXTRACT", "tableCopy": "COPY"}
    kind = next((one for one in kinds if not is_empty(members(configuration, one))), "query")
    own = members(configuration, kind) or {}
    error = members(status, "error")
    sql = text(members(own, "query"))
    processed = whole(members(told, "totalProcessedBytes"))
    billed = whole(members(told, "totalBilledBytes"))
    return JobRecord(
        job_id=text(members(name, "jobId")),
        project=text(members(name, "projectId")),
        location=text(members(name, "location")) or where,
        user=user,
        job_type=kinds[kind],
        statement_type=_known(members(own, "statementType")),
        priority=_known(members(own, "queryPriority")).removeprefix("QUERY_") or "INTERACTIVE",
        state=_known(members(status, "state")) or "DONE",
        sql=sql,
        fingerprint=fingerprint_of(sql),
        created_us=micros(members(told, "createTime")),
        started_us=micros(members(told, "startTime")),
        ended_us=micros(members(told, "endTime")),
        slot_ms=whole(members(told, "totalSlotMs")),
        bytes_processed=processed,
        bytes_billed=billed,
        error_reason=_reason(error),
        error_message=text(members(error, "message")),
        reservation=text(members(told, "reservation")) or _reservation(told),
        parent=text(members(members(told, "parentJobName"), "jobId")),
        destination=table_name(members(own, "destinationTable")),
        tables=tuple(filter(None, map(table_name, items_of(members(told, "referencedTables"))))),
        labels=labels_of(members(configuration, "labels")),
        dry_run=truth(members(configuration, "dryRun")),
        output_rows=whole(members(told, "queryOutputRowCount"))
        or whole(members(told, "totalLoadOutputRows")),
        source=source,
    )


def _reservation(told: Any) -> str:
    used = list(items_of(members(told, "reservationUsage")))
    return text(members(used[0], "name")) if used else ""


def _known(value: Any) -> str:
    """An enum's word; '' for the one that says nothing."""
    word = text(value)
    return "" if word.endswith("_UNSPECIFIED") else word


def _job_name(name: str) -> tuple[str, str, str]:
    """Project, location and id of ``projects/p/jobs/j``, whose id may be ``location.id`` (``US.job_1``)."""
    parts = name.split("/")
    if len(parts) != 4 or parts[2] != "jobs":
        return "", "", name
    location, dot, job_id = parts[3].partition(".")
    return (parts[1], location, job_id) if dot else (parts[1], "", parts[3])


def _new_kind(configuration: Any) -> str:
    kinds = {"loadConfig": "LOAD", "extractConfig": "EXTRACT", "tableCopyConfig": "COPY"}
    return next((kind for part, kind in kinds.items() if members(configuration, part)), "QUERY")
