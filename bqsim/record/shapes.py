"""The JSON of operations: what their ``request`` and ``result`` hold, kind by kind.

Members that were not told are left out. ``rows`` anywhere is a list of stretches of rows,
``{"start": n, "count": n, "format": "json" | "arrow" | "avro" | "ndjson", "data": <blob reference>}``:
``json`` is an array of rows in the REST API's f/v form, ``arrow`` an IPC stream with its schema, ``avro`` a
block of records whose schema stands in the stretch as ``"schema"``, ``ndjson`` rows as objects, one a line.
Stretches are in order and do not overlap; what lies between them was not recorded. ``"options"`` of a stretch
of ``json`` are the format options (``useInt64Timestamp``, ``timestampOutputFormat``) that it was asked with.
The rows of a read session are those of its streams, one stream after the other: ``session["read"]`` tells of
each stream ``{"name", "rows", "whole"}``, up to which row it was read and whether to its end. Data that
cannot be read is kept as format ``unreadable``.

What was too large to keep stands as ``{"size", "digest", "media", "preview"}`` where a blob reference would.

``failures`` anywhere are the answers that clients got before the one that counts, and sent the request again
for: ``{"status", "code", "reason", "broken", "method", "body"}``.

``error`` anywhere is the answer of a call that was refused: ``{"status": 404, "body": {...}}`` or, by gRPC,
``{"code": "NOT_FOUND", "message", "details": <base64 of google.rpc.Status>}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

Shape = Mapping[str, str]


class KindShape(TypedDict):
    request: Shape
    result: Shape


_JOB = {
    "configuration": "the job's configuration without labels of clients; projects are ${project}",
    "location": "where the client asked for it",
}
_JOB_RESULT = {
    "job": "the job's resource when it was done (jobs.get), or what of it is known",
    "error": "when it was refused",
    "failures": "see above",
}
_CALL = {
    "method": "the API method id",
    "resource": "the resource path",
    "query": "parameters of the URL, without page tokens, keys and formats",
    "headers": "conditions and ranges of the request",
    "body": "the JSON sent",
}

SHAPES: Mapping[str, KindShape] = {
    "query": {
        "request": {
            "sql": "the text",
            "parameters": "queryParameters as sent",
            "parameterMode": "NAMED or POSITIONAL",
            **_JOB,
        },
        "result": {
            **_JOB_RESULT,
            "answer": "what jobs.query or getQueryResults told besides rows, page token and job reference",
            "schema": "the result's schema",
            "totalRows": "of the result, a number",
            "rows": "the rows that were read, by whatever way",
            "session": "the read session (CreateReadSession's answer as JSON), when one read the result",
            "children": "of a script, in their order: job, answer, schema, totalRows, rows, error of each",
            "cancelled": "{status} of jobs.cancel",
            "deleted": "true when jobs.delete was answered",
        },
    },
    "load": {
        "request": {**_JOB, "upload": "what was uploaded: a blob reference, or size and digest"},
        "result": _JOB_RESULT,
    },
    "extract": {"request": _JOB, "result": _JOB_RESULT},
    "copy": {"request": _JOB, "result": _JOB_RESULT},
    "insert": {
        "request": {
            "table": "projects/…/tables/t",
            "options": "skipInvalidRows, ignoreUnknownValues, templateSuffix",
            "count": "rows",
            "rows": "the rows, as ndjson, without insert ids",
            "ids": "true when rows had insert ids",
        },
        "result": {"insertErrors": "as answered", "error": "when it was refused", "failures": "see above"},
    },
    "rows": {
        "request": {
            "table": "projects/…/tables/t",
            "fields": "selected fields, in order",
            "restriction": "row_restriction",
            "snapshot": "snapshot time",
            "sample": "sample percentage",
        },
        "result": {
            "schema": "a table schema",
            "totalRows": "a number",
            "rows": "the rows that were read",
            "session": "CreateReadSession's answer as JSON",
            "estimatedRows": "what the session told, where not all was read",
            "error": "when it was refused",
            "failures": "see above",
        },
    },
    "append": {
        "request": {
            "table": "projects/…/tables/t",
            "type": "DEFAULT, COMMITTED, BUFFERED, PENDING",
            "schema": "of the rows: a JSON table schema as the writer's schema tells",
            "count": "rows",
            "rows": "what was appended: stretches (start is the offset) as arrow, or ndjson of protobuf rows",
            "missingValues": "interpretations of missing values by column",
            "defaultMissingValue": "interpretation of missing values",
        },
        "result": {
            "stream": "CreateWriteStream's answer as JSON",
            "responses": "what answered appends: row, count, offset, rowErrors, updatedSchema, error",
            "finalized": "rows",
            "flushed": "the last offset that FlushRows told",
            "committed": "whether BatchCommitWriteStreams said so",
            "streamErrors": "what it said otherwise",
            "error": "when it was refused",
            "failures": "see above",
        },
    },
    "metadata": {
        "request": _CALL,
        "result": {
            "status": "HTTP",
            "headers": "those that matter to clients",
            "body": "JSON; of lists all pages together, with more: true when there were further ones",
            "content": "a blob reference, of what is no JSON",
            "failures": "see above",
        },
    },
    "object": {
        "request": {**_CALL, "content": "what was uploaded: a blob reference, or size and digest"},
        "result": {
            "status": "HTTP",
            "headers": "those that matter to clients",
            "body": "JSON",
            "content": "a blob reference",
            "failures": "see above",
        },
    },
    "other": {
        "request": {"verb": "HTTP's", "target": "path and query", "content": "a blob reference"},
        "result": {"status": "HTTP", "headers": "as answered", "content": "a blob reference"},
    },
}
