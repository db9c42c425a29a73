"""Audit logs, in both forms, from Cloud Logging and from its sinks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bqsim.history import JobRecord, read

NEW: dict[str, Any] = {
    "protoPayload": {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "authenticationInfo": {"principalEmail": "ann@example.com"},
        "methodName": "google.cloud.bigquery.v2.JobService.InsertJob",
        "serviceName": "bigquery.googleapis.com",
        "metadata": {
            "@type": "type.googleapis.com/google.cloud.audit.BigQueryAuditMetadata",
            "jobChange": {
                "after": "DONE",
                "job": {
                    "jobName": "projects/p/jobs/job_1",
                    "jobConfig": {
                        "type": "QUERY",
                        "labels": {"team": "shop"},
                        "queryConfig": {
                            "query": "SELECT 1 FROM d.t",
                            "priority": "QUERY_BATCH",
                            "statementType": "SELECT",
                            "destinationTable": "projects/p/datasets/_x/tables/anon1",
                        },
                    },
                    "jobStatus": {"jobState": "DONE", "errorResult": {"code": 7, "message": "Access Denied"}},
                    "jobStats": {
                        "createTime": "2026-03-01T12:00:00.100Z",
                        "startTime": "2026-03-01T12:00:00.200Z",
                        "endTime": "2026-03-01T12:00:01.200Z",
                        "totalSlotMs": "77",
                        "reservation": "admin:US.prod",
                        "parentJobName": "projects/p/jobs/job_0",
                        "queryStats": {
                            "totalProcessedBytes": "1000",
                            "totalBilledBytes": "10485760",
                            "referencedTables": ["projects/p/datasets/d/tables/t"],
                            "outputRowCount": "4",
                        },
                    },
                },
            },
        },
    },
    "resource": {"type": "bigquery_project", "labels": {"location": "EU", "project_id": "p"}},
    "severity": "INFO",
}
OLD: dict[str, Any] = {
    "protoPayload": {
        "authenticationInfo": {"principalEmail": "ann@example.com"},
        "methodName": "jobservice.jobcompleted",
        "serviceData": {
            "@type": "type.googleapis.com/google.cloud.bigquery.logging.v1.AuditData",
            "jobCompletedEvent": {
                "eventName": "query_job_completed",
                "job": {
                    "jobName": {"projectId": "p", "jobId": "job_1", "location": "EU"},
                    "jobConfiguration": {
                        "labels": {"team": "shop"},
                        "query": {
                            "query": "SELECT 1 FROM d.t",
                            "queryPriority": "QUERY_BATCH",
                            "statementType": "SELECT",
                            "destinationTable": {"projectId": "p", "datasetId": "_x", "tableId": "anon1"},
                        },
                    },
                    "jobStatus": {"state": "DONE", "error": {"code": 7, "message": "Access Denied"}},
                    "jobStatistics": {
                        "createTime": "2026-03-01T12:00:00.100Z",
                        "startTime": "2026-03-01T12:00:00.200Z",
                        "endTime": "2026-03-01T12:00:01.200Z",
                        "totalSlotMs": "77",
                        "reservation": "admin:US.prod",
                        "totalProcessedBytes": "1000",
                        "totalBilledBytes": "10485760",
                        "parentJobName": {"projectId": "p", "jobId": "job_0"},
                        "referencedTables": [{"projectId": "p", "datasetId": "d", "tableId": "t"}],
                        "queryOutputRowCount": "4",
                    },
                },
            },
        },
    },
}
OTHER = {"protoPayload": {"methodName": "tableservice.list", "serviceData": {"tabledataListRequest": {}}}}


def sinks(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as a row of a sink's table."""
    payload = dict(entry["protoPayload"])
    row = {"protopayload_auditlog": payload, "resource": entry.get("resource")}
    if "metadata" in payload:
        payload["metadataJson"] = json.dumps(payload.pop("metadata"))
    if "serviceData" in payload:
        payload["servicedata_v1_bigquery"] = payload.pop("serviceData")
    return row


@pytest.mark.fidelity("recording:histories", "exact")
@pytest.mark.parametrize("form", ["new", "old", "new sink", "old sink"])
def test_every_form_tells_the_same(form: str, tmp_path: Path) -> None:
    entry = NEW if form.startswith("new") else OLD
    path = tmp_path / "log.json"
    shown = sinks(entry) if form.endswith("sink") else entry
    path.write_text(json.dumps([shown, OTHER]))
    (job,) = read(path)
    assert job == JobRecord(
        job_id="job_1",
        project="p",
        location="EU",
        user="ann@example.com",
        statement_type="SELECT",
        priority="BATCH",
        sql="SELECT 1 FROM d.t",
        fingerprint=job.fingerprint,
        created_us=1_772_366_400_100_000,
        started_us=1_772_366_400_200_000,
        ended_us=1_772_366_401_200_000,
        slot_ms=77,
        bytes_processed=1000,
        bytes_billed=10485760,
        error_reason="accessDenied",
        error_message="Access Denied",
        reservation="admin:US.prod",
        parent="job_0",
        destination="p._x.anon1",
        tables=("p.d.t",),
        labels={"team": "shop"},
        output_rows=4,
        source="log.json:1",
    )


@pytest.mark.parametrize(
    ("kind", "part", "expected"),
    [
        ("IMPORT", "loadConfig", "LOAD"),
        ("EXPORT", "extractConfig", "EXTRACT"),
        ("COPY", "tableCopyConfig", "COPY"),
        ("", "loadConfig", "LOAD"),
    ],
)
def test_other_jobs(kind: str, part: str, expected: str, tmp_path: Path) -> None:
    job = {
        "jobName": "projects/p/jobs/US.l",
        "jobConfig": {"type": kind, part: {"destinationTable": "projects/p/datasets/d/tables/t"}},
        "jobStatus": {"jobState": "DONE"},
        "jobStats": {"loadStats": {"totalOutputRows": "6"}},
    }
    path = tmp_path / "log.ndjson"
    path.write_text(json.dumps({"protoPayload": {"metadata": {"jobInsertion": {"job": job}}}}))
    (found,) = read(path)
    assert (found.job_type, found.destination, found.location) == (expected, "p.d.t", "US")
    assert found.output_rows == 6
