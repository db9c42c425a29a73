"""The answers that a cassette has, by API method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bqsim.record.cassette.cassette import Cassette
from bqsim.record.model import Operation

from .api_schema import ApiSchema, Problem, default

_STARTS = {"query": "bigquery.jobs.query", "insert": "bigquery.tabledata.insertAll"}


def answers_of(cassette: Cassette) -> Iterator[tuple[Operation, str, int, Any]]:
    """Every answer of the REST API that operations tell: the operation, its method, status and body."""
    for operation in cassette.operations():
        yield from _answers(operation)


def _answers(operation: Operation) -> Iterator[tuple[Operation, str, int, Any]]:
    result, request = operation.result, operation.request
    error = result.get("error")
    if operation.kind == "metadata":
        yield operation, request.get("method", ""), int(result.get("status", 200)), result.get("body")
        return
    job = result.get("job")
    if job:
        yield operation, "bigquery.jobs.get", 200, job
        yield operation, "bigquery.jobs.insert", 200, job
    if operation.kind == "query" and (result.get("answer") or result.get("rows")):
        body = dict(result.get("answer") or {})
        body |= {name: result[name] for name in ("schema",) if name in result}
        if "totalRows" in result:
            body["totalRows"] = str(result["totalRows"])
        if result.get("rows"):
            body["rows"] = [{"f": [{"v": "${measure}"}]}]
        of_query = "queryId" in body or body.get("kind") == "bigquery#queryResponse"
        body["jobReference"] = (job or {}).get("jobReference") or {"projectId": "", "jobId": ""}
        yield operation, "bigquery.jobs.query" if of_query else "bigquery.jobs.getQueryResults", 200, body
    if operation.kind == "rows" and result.get("rows"):
        body = {"totalRows": str(result.get("totalRows", 0)), "rows": [{"f": [{"v": "${measure}"}]}]}
        yield operation, "bigquery.tabledata.list", 200, body
    if operation.kind == "insert" and error is None:
        yield (
            operation,
            _STARTS["insert"],
            200,
            {name: result[name] for name in ("insertErrors",) if name in result},
        )
    if error is not None and "status" in error:
        for method in _failing(operation):
            yield operation, method, int(error["status"]), error.get("body")


def _failing(operation: Operation) -> tuple[str, ...]:
    if operation.kind in ("query", "load", "extract", "copy"):
        return ("bigquery.jobs.insert", "bigquery.jobs.getQueryResults", "bigquery.jobs.query")
    return {"rows": ("bigquery.tabledata.list",), "insert": (_STARTS["insert"],)}.get(operation.kind, ())


def form_problems(cassette: Cassette, schema: ApiSchema | None = None) -> list[tuple[str, str, Problem]]:
    """What of recorded answers an API schema does not have: the operation's name, the method, the problem."""
    known = (schema or default()).with_symbols()
    out: dict[tuple[str, str, Problem], None] = {}
    for operation, method, status, body in answers_of(cassette):
        for problem in known.problems(method, body, status):
            out[operation.name, method, problem] = None
    return list(out)


def reasons_of(cassette: Cassette) -> dict[str, set[str]]:
    """The reasons of failures that were recorded, by method."""
    out: dict[str, set[str]] = {}
    for _, method, status, body in answers_of(cassette):
        if status >= 400 and isinstance(body, dict):
            errors = (body.get("error") or {}).get("errors") or ()
            out.setdefault(method, set()).update(str(e.get("reason")) for e in errors)
    return out
