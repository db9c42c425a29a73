"""The calls of the REST API, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_DATASETS = "/bigquery/v2/projects/{projectId}/datasets"
_DATASET = _DATASETS + "/{datasetId}"
_TABLES = _DATASET + "/tables"
_TABLE = _TABLES + "/{tableId}"
_ROUTINES = _DATASET + "/routines"
_ROUTINE = _ROUTINES + "/{routineId}"
_JOBS = "/bigquery/v2/projects/{projectId}/jobs"
_JOB = _JOBS + "/{jobId}"
_QUERIES = "/bigquery/v2/projects/{projectId}/queries"


@dataclass(frozen=True, slots=True)
class Operation:
    """A call: its name, method, path with ``{names}``, and whether it does no more when it is sent twice."""

    name: str
    method: str
    path: str
    idempotent: bool = True


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        o.name: o
        for o in (
            Operation("projects.list", "GET", "/bigquery/v2/projects"),
            Operation(
                "projects.getServiceAccount", "GET", "/bigquery/v2/projects/{projectId}/serviceAccount"
            ),
            Operation("datasets.list", "GET", _DATASETS),
            Operation("datasets.get", "GET", _DATASET),
            Operation("datasets.insert", "POST", _DATASETS),
            Operation("datasets.patch", "PATCH", _DATASET),
            Operation("datasets.update", "PUT", _DATASET),
            Operation("datasets.delete", "DELETE", _DATASET),
            Operation("datasets.undelete", "POST", _DATASET + ":undelete"),
            Operation("tables.list", "GET", _TABLES),
            Operation("tables.get", "GET", _TABLE),
            Operation("tables.insert", "POST", _TABLES),
            Operation("tables.patch", "PATCH", _TABLE),
            Operation("tables.update", "PUT", _TABLE),
            Operation("tables.delete", "DELETE", _TABLE),
            Operation("tabledata.list", "GET", _TABLE + "/data"),
            # Idempotent as its rows carry insert ids; the caller says so.
            Operation("tabledata.insertAll", "POST", _TABLE + "/insertAll", idempotent=False),
            Operation("routines.list", "GET", _ROUTINES),
            Operation("routines.get", "GET", _ROUTINE),
            Operation("routines.insert", "POST", _ROUTINES),
            Operation("routines.update", "PUT", _ROUTINE),
            Operation("routines.delete", "DELETE", _ROUTINE),
            # Queries carry a requestId, jobs an id of the client's: the service knows them again.
            Operation("jobs.query", "POST", _QUERIES),
            Operation("jobs.getQueryResults", "GET", _QUERIES + "/{jobId}"),
            Operation("jobs.insert", "POST", _JOBS),
            Operation("jobs.get", "GET", _JOB),
            Operation("jobs.list", "GET", _JOBS),
            Operation("jobs.cancel", "POST", _JOB + "/cancel"),
            Operation("jobs.delete", "DELETE", _JOB + "/delete"),
            Operation("jobs.upload", "POST", "/upload" + _JOBS),
        )
    }
)
