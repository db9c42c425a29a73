"""What an endpoint answered, held to what was recorded or expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bqsim.record.job_failures import job_failure_of
from bqsim.record.model import BLOB, Operation

from . import api_schema
from .bound import Bound
from .comparing import COUNT, EXTRA, MISSING, VALUE, Difference, differences
from .observed import Observed
from .row_checks import is_arbitrary, is_ordered, order_keys, row_differences

if TYPE_CHECKING:
    from bqsim.replay.rows import RecordedRows

FORM = "form"
# What jobs.query tells of a query, by where the job's resource tells it.
_TOLD_BY_QUERY: Mapping[str, tuple[str, ...]] = {
    "totalBytesBilled": ("query", "totalBytesBilled"),
    "totalSlotMs": ("totalSlotMs",),
    "statementType": ("query", "statementType"),
    "dmlStats": ("query", "dmlStats"),
    "sessionInfo": ("sessionInfo",),
    "creationTime": ("creationTime",),
    "startTime": ("startTime",),
    "endTime": ("endTime",),
}
# What it tells beside that, of itself.
_OF_CALL = frozenset(("kind", "etag", "queryId", "location", "jobCreationReason", "errors", "pageRowCount"))
# Members of results that are compared otherwise, or tell how a client went about it.
_ELSEWHERE = frozenset(
    [
        "rows",
        "failures",
        "session",
        "answer",
        "error",
        "schema",
        "cancelled",
        "deleted",
        "children",
        "headers",
        "responses",
        "stream",
        "totalRows",
        "content",
    ]
)


class Judge:
    """Compares the answers of one endpoint. ``partial``: what was not expected does not count, as in suites;
    ``rows_of`` gives the recorded rows of an operation."""

    def __init__(self, bound: Bound, partial: bool = False) -> None:
        self.bound, self.partial = bound, partial

    def differences(
        self, operation: Operation, seen: Observed, recorded: RecordedRows | None
    ) -> Iterator[Difference]:
        """What differs from ``operation.result``, and what the API's schema does not have."""
        expected, found = operation.result, seen.result
        name = operation.name

        def same(text: str, other: Any) -> bool:
            return self.bound.matches(text, other, name)

        def compare(one: Any, other: Any, path: str) -> Iterator[Difference]:
            return differences(one, other, path, same, extra=not self.partial)

        yield from self._error(expected, found, compare)
        if "error" in expected or "error" in found:
            status = _member(expected, "job", "status"), _member(found, "job", "status")
            over = all(isinstance(one, Mapping) and one.get("state") == "DONE" for one in status)
            if over or (self.partial and status[0] is not None):
                yield from compare(*status, "job.status")
            return
        if "status" in expected and (expected["status"] < 400) != (found.get("status", 0) < 400):
            # The bodies have nothing in common.
            yield Difference("status", VALUE, expected["status"], found.get("status"))
            return
        one = {k: v for k, v in expected.items() if k not in _ELSEWHERE}
        other = {k: v for k, v in found.items() if k in one}
        if self._is_early(expected, found):
            known, job = _early(one.pop("job")), other.pop("job", None) or {}
            yield from differences(known, {k: v for k, v in job.items() if k in known}, "job", same, False)
        yield from compare(one, other, "")
        yield from self._answer(expected, found, compare)
        if operation.kind == "object":
            yield from _content(expected.get("content"), found.get("content"))
        volatile = operation.kind == "query" and is_arbitrary(operation.request.get("sql", ""))
        if expected.get("totalRows") is not None and not volatile:
            total = found.get("totalRows")
            if total is None:
                yield Difference("totalRows", MISSING, expected["totalRows"])
            elif int(expected["totalRows"]) != int(total):
                yield Difference("totalRows", COUNT, int(expected["totalRows"]), int(total))
        if expected.get("schema") is not None:
            if found.get("schema") is None:
                yield Difference("schema", MISSING, expected["schema"])
            else:
                yield from compare(_columns(expected["schema"]), _columns(found["schema"]), "schema")
        if (
            recorded is not None
            and not volatile
            and not _renamed(expected.get("schema"), found.get("schema"))
        ):
            yield from self._rows(operation, seen, recorded)

    def _is_early(self, expected: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
        """Whether the expected job was not asked for any more when it was done: what it told then is not
        known."""
        state = _member(expected, "job", "status", "state")
        if state == "DONE":
            # Its end is that of its result.
            ends = (_member(one, "job", "statistics", "endTime") for one in (expected, found))
            return not self.partial and [end is not None for end in ends] == [False, True]
        return state is not None

    def form(self, seen: Observed) -> Iterator[Difference]:
        """What of the answers the API's schema does not have, each once."""
        told = set()
        found = [(m, p) for m, status, body in seen.answers for p in api_schema.problems(m, body, status)]
        for method, problem in [*found, *seen.messages]:
            if (method, problem) not in told:
                told.add((method, problem))
                yield Difference(f"{method}: {problem.path}", FORM, "as the API's schema", problem.what)

    def _error(
        self, expected: Mapping[str, Any], found: Mapping[str, Any], compare: Any
    ) -> Iterator[Difference]:
        one, other = expected.get("error"), found.get("error")
        if one is None and other is None:
            return
        job = _member(expected, "job", "status", "errorResult")
        failed = _failure_of(found) if other is not None else None
        if one is None and isinstance(job, Mapping) and failed is not None:
            # Recordings tell the failure of a job once, whichever answer told it.
            told = {**failed, "message": _short(other).get("message")}
            yield from compare(_of_job(job), _of_job(told), "error")
        elif one is None:
            yield Difference("error", EXTRA, None, _short(other))
        elif other is None:
            yield Difference("error", MISSING, _short(one))
        else:
            yield from compare(_short(one), _short(other), "error")

    def _answer(self, expected: Any, found: Any, compare: Any) -> Iterator[Difference]:
        told, other = expected.get("answer"), found.get("answer")
        if not told or not isinstance(other, Mapping):
            return
        statistics = _member(found, "job", "statistics") or {}
        have = dict(other)
        for name, path in _TOLD_BY_QUERY.items():
            value = _member(statistics, *path)
            if name in told and value is not None:
                have[name] = value
        known = {name: value for name, value in told.items() if name not in _OF_CALL}
        yield from compare(known, {k: v for k, v in have.items() if k in known}, "answer")

    def _rows(self, operation: Operation, seen: Observed, recorded: RecordedRows) -> Iterator[Difference]:
        from bqsim.replay.rows import Missing

        sql = operation.request.get("sql", "")
        count = recorded.recorded
        total = operation.result.get("totalRows")
        try:
            expected = _listed(recorded)
            found = _dicts(seen.rows, 0, seen.count) if seen.rows is not None else []
        except (Missing, ValueError, KeyError) as error:
            yield Difference("rows", VALUE, "rows that can be read", str(error))
            return
        whole = total is None or int(total) == count
        ordered = bool(sql) and is_ordered(sql) and recorded.missing(0, count) == []
        keys = order_keys(sql) if ordered else ()
        yield from row_differences(expected, found, ordered=ordered, whole=whole, keys=keys)


def _content(expected: Any, found: Any) -> Iterator[Difference]:
    """Bytes are the same or not; what was recorded is a blob, or a digest of what was too large."""
    if not isinstance(expected, Mapping) or found is None:
        return
    digest = str(expected.get(BLOB) or expected.get("digest"))
    if digest != found["digest"]:
        was = {"size": expected.get("size"), "sha256": digest}
        yield Difference("content", VALUE, was, {"size": found["size"], "sha256": found["digest"]})


def _listed(rows: RecordedRows) -> list[dict[str, Any]]:
    """All rows that were recorded."""
    out: list[dict[str, Any]] = []
    at = 0
    while at < rows.end:
        gap = next(iter(rows.missing(at, rows.end - at)), (rows.end, rows.end))
        if gap[0] > at:
            out += _dicts(rows, at, gap[0] - at)
        at = max(gap[1], at + 1)
    return out


def _dicts(rows: RecordedRows, start: int, count: int) -> list[dict[str, Any]]:
    return [row for batch in rows.arrow(start, count) for row in batch.to_pylist()]


def _renamed(expected: Any, found: Any) -> bool:
    """Whether columns have other names: then no row is like another."""
    if not expected or not found:
        return False
    return [f["name"] for f in _columns(expected)] != [f["name"] for f in _columns(found)]


def _columns(schema: Any) -> list[Any]:
    """The columns of a schema, with what is meant when nothing is told."""
    fields = schema.get("fields") if isinstance(schema, Mapping) else schema
    return [_column(field) for field in fields or ()]


_TYPES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}


def _column(field: Mapping[str, Any]) -> dict[str, Any]:
    out = {"mode": "NULLABLE", **field}
    out["type"] = _TYPES.get(str(out.get("type")), out.get("type"))
    if "fields" in out:
        out["fields"] = _columns(out["fields"])
    return out


def _short(error: Any) -> Any:
    """An error's status, reason, place and message."""
    if not isinstance(error, Mapping) or "body" not in error:
        return {k: v for k, v in error.items() if k in ("code", "message", "status", "reason")}
    body = error["body"]
    inside = body.get("error") if isinstance(body, Mapping) else None
    out: dict[str, Any] = {"status": error.get("status")}
    if isinstance(inside, Mapping):
        first: Mapping[str, Any] = next(iter(inside.get("errors") or ()), {})
        out |= {name: first[name] for name in ("reason", "location") if name in first}
        out |= {name: inside[name] for name in ("code", "message") if name in inside}
    return {name: value for name, value in out.items() if value is not None}


def _failure_of(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The job's failure that an error told, also by a status of calls where the job tells the same."""
    error = found["error"]
    failed = job_failure_of(error)
    job = _member(found, "job", "status", "errorResult")
    if failed is None and isinstance(job, Mapping) and job.get("message") == _short(error).get("message"):
        return job
    return failed


def _early(job: Mapping[str, Any]) -> dict[str, Any]:
    """What of a job's resource is there from its start on, and its end when that is known otherwise."""
    over = _member(job, "status", "state") == "DONE"
    return {k: v for k, v in job.items() if k != "statistics" and (k != "status" or over)}


def _of_job(error: Mapping[str, Any]) -> dict[str, Any]:
    return {name: error[name] for name in ("reason", "location", "message") if error.get(name)}


def _member(value: Any, *path: str) -> Any:
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
