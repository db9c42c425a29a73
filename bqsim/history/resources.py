"""Job resources of the API (``jobs.get``, ``bq show -j``, ``bq ls -j --format=json``) as jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .fingerprints import fingerprint_of
from .model import JobRecord
from .values import micros, text, truth, whole
from .views import labels_of, rows_written, stages_of, table_name

_TYPES = ("query", "load", "extract", "copy")


def job_of_resource(resource: Mapping[str, Any], source: str = "") -> JobRecord:
    """The job of a ``Job`` resource; what it does not tell is empty. ValueError for what cannot be read."""
    reference = resource.get("jobReference") or {}
    configuration = resource.get("configuration") or {}
    statistics = resource.get("statistics") or {}
    status = resource.get("status") or {}
    kind = str(configuration.get("jobType") or _kind(configuration)).lower()
    own = configuration.get(kind) or {}
    told = statistics.get(kind) or {}
    error = status.get("errorResult") or resource.get("errorResult") or {}
    sql = text(own.get("query"))
    stages = stages_of(told.get("queryPlan"))
    dml = told.get("dmlStats") or {}
    timeline = [whole(one.get("estimatedRunnableUnits")) for one in told.get("timeline") or ()]
    rows = told.get("outputRows") or told.get("copiedRows")
    return JobRecord(
        job_id=text(reference.get("jobId")),
        project=text(reference.get("projectId")),
        location=text(reference.get("location")),
        user=text(resource.get("user_email")),
        job_type=kind.upper(),
        statement_type=text(told.get("statementType")),
        priority=text(own.get("priority")) or "INTERACTIVE",
        state=text(status.get("state") or resource.get("state")) or "DONE",
        sql=sql,
        fingerprint=fingerprint_of(sql),
        created_us=micros(statistics.get("creationTime")),
        started_us=micros(statistics.get("startTime")),
        ended_us=micros(statistics.get("endTime")),
        slot_ms=whole(statistics.get("totalSlotMs") or told.get("totalSlotMs")),
        bytes_processed=whole(told.get("totalBytesProcessed") or statistics.get("totalBytesProcessed")),
        bytes_billed=whole(told.get("totalBytesBilled")),
        cache_hit=truth(told.get("cacheHit")),
        dry_run=truth(configuration.get("dryRun")),
        error_reason=text(error.get("reason")),
        error_message=text(error.get("message")),
        reservation=text(statistics.get("reservation_id")),
        edition=text(statistics.get("edition")),
        parent=text(statistics.get("parentJobId")),
        session=text((statistics.get("sessionInfo") or {}).get("sessionId")),
        transaction=text((statistics.get("transactionInfo") or {}).get("transactionId")),
        destination=table_name(own.get("destinationTable")),
        tables=tuple(filter(None, map(table_name, told.get("referencedTables") or ()))),
        labels=labels_of(configuration.get("labels")),
        stages=stages,
        partitions_processed=whole(told.get("totalPartitionsProcessed")),
        output_rows=whole(rows) or rows_written(stages),
        dml_rows=whole(told.get("numDmlAffectedRows")) or sum(map(whole, _counts(dml))),
        max_bytes_billed=whole(own.get("maximumBytesBilled")),
        estimated_runtime_slots=max(timeline, default=0),
        source=source,
    )


def _counts(dml: Mapping[str, Any]) -> list[Any]:
    return [value for name, value in dml.items() if name.endswith("RowCount")]


def _kind(configuration: Mapping[str, Any]) -> str:
    return next((kind for kind in _TYPES if kind in configuration), "query")
