"""Cassettes written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bqsim.record.cassette.header import Header
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.keys import operation_key
from bqsim.record.model import Operation

TABLE = "projects/${project}/datasets/d/tables/t"


class Writing:
    """Collects operations for a cassette in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer = CassetteWriter(folder)
        self.operations: list[Operation] = []

    def put(self, data: bytes) -> dict[str, Any]:
        """A blob."""
        return self.writer.blob(data, "application/octet-stream")

    def add(self, kind: str, request: dict[str, Any], result: dict[str, Any], **more: Any) -> Operation:
        """An operation, the next of its key."""
        key = operation_key(kind, request)
        occurrence = 1 + sum(o.key == key for o in self.operations)
        self.operations.append(Operation(kind, key, occurrence, request, result, **more))
        return self.operations[-1]

    def query(self, sql: str, result: dict[str, Any], **query: Any) -> Operation:
        """A query whose result went to a table that the service named."""
        request = {"sql": sql, "configuration": {"query": {"useLegacySql": False, **query}}, "location": "US"}
        table = {"projectId": "${project}", "datasetId": "${dataset}", "tableId": "${table}"}
        job = {
            "kind": "bigquery#job",
            "jobReference": {"projectId": "${project}", "jobId": "${job}", "location": "US"},
            "configuration": {
                "jobType": "QUERY",
                "query": {"query": sql, "destinationTable": table, **query},
            },
            "status": {"state": "DONE"},
            "statistics": {"query": {"statementType": "SELECT"}},
        }
        return self.add("query", request, {"job": job, **result})

    def written(self) -> Path:
        """The cassette."""
        self.writer.write(Header(recorded="2026-01-01"), self.operations)
        return self.folder
