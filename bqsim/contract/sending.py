"""Operations sent to an endpoint: their requests made anew from what they mean."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from bqsim.record.model import BLOB, Operation
from bqsim.record.symbols import Symbol, symbols_of
from bqsim.server.rest.methods import METHODS

from .bound import Bound, Unbound
from .observed import Memory, Observed, json_rows
from .targets import Answer, Target

_BASE = "/bigquery/v2"
# A wait is asked for so often, each up to ten seconds at the service.
_POLLS, _POLL_MS = 300, 10_000
_PAUSE_S = 2.0
_PAGE_ROWS = 50_000
_RESUMABLE_BYTES = 4 * 1024 * 1024
_LISTS = ("datasets", "tables", "routines", "models", "jobs", "rowAccessPolicies", "projects")
_VERBS = {method.id: method for method in METHODS}
_INT64 = {"formatOptions.useInt64Timestamp": "true"}

Blob = Callable[[dict[str, Any]], bytes]


class Sender:
    """Sends operations to one endpoint. ``blob`` gives the bytes of blob references."""

    def __init__(self, target: Target, bound: Bound, blob: Blob) -> None:
        self.target, self.bound, self.blob = target, bound, blob
        self.memory = Memory()

    def send(self, operation: Operation) -> Observed:
        """Send what ``operation`` asked, and gather what is answered."""
        out = Observed()
        send = _SENDERS.get(operation.kind)
        try:
            if send is None:
                out.skipped = f"operations of kind {operation.kind} are not sent"
            else:
                send(self, operation, out)
        except Unbound as error:
            out.skipped = str(error)
        except OSError as error:
            out.broken = f"no answer: {error}"
        return out

    def _call(self, out: Observed, method: str, path: str, verb: str = "GET", **given: Any) -> Answer:
        answer = self.target.call(verb, f"{_BASE}/{path}", **given)
        out.answers.append((method, answer.status, answer.body))
        return answer

    def _rendered(self, operation: Operation, value: Any) -> Any:
        return self.bound.rendered(value, operation.name)

    # Jobs

    def _job(self, operation: Operation, out: Observed) -> None:
        request, kind = operation.request, operation.kind
        configuration = dict(request.get("configuration") or {})
        work = dict(configuration.get(kind) or {})
        added: tuple[str, ...] = ()
        if kind == "query":
            work["query"] = request.get("sql", "")
            if request.get("parameters"):
                work["queryParameters"] = request["parameters"]
                work["parameterMode"] = request.get("parameterMode", "POSITIONAL")
            statistics = (operation.result.get("job") or {}).get("statistics") or {}
            hit = operation.result.get("answer", {}).get("cacheHit")
            hit = (statistics.get("query") or {}).get("cacheHit") if hit is None else hit
            if hit is False and "useQueryCache" not in work:
                # What ran when it was recorded is not to be answered by what ran here before.
                work["useQueryCache"] = False
                added = ("useQueryCache",)
        configuration[kind] = work
        configuration = self._rendered(operation, configuration)
        body: dict[str, Any] = {"configuration": configuration}
        project = self.target.project
        reference = {"projectId": project, "jobId": self.bound.fresh(Symbol("job"), operation.name)}
        if request.get("location"):
            reference["location"] = self._rendered(operation, request["location"])
        body["jobReference"] = reference
        upload = request.get("upload")
        if upload is None:
            answer = self._call(out, "bigquery.jobs.insert", f"projects/{project}/jobs", "POST", body=body)
        elif BLOB not in upload:
            out.skipped = "what was uploaded was too large to be kept"
            return
        else:
            answer = self._upload(out, body, self.blob(upload), upload.get("media", ""))
        if not answer.ok:
            out.result["error"] = _error(answer)
            return
        job = answer.body or {}
        dry = bool(configuration.get("dryRun"))
        if not dry:
            job = self._finish(out, job, reference, kind, _limit(operation))
        for name in added:
            ((job.get("configuration") or {}).get(kind) or {}).pop(name, None)
        out.result["job"] = job
        schema = ((job.get("statistics") or {}).get("query") or {}).get("schema")
        if dry and schema:
            out.result["schema"] = schema

    def _finish(
        self, out: Observed, job: dict[str, Any], reference: dict[str, Any], kind: str, limit: int
    ) -> dict[str, Any]:
        """Follow a job to its end; its resource then."""
        told = job.get("jobReference") or reference
        path = f"projects/{told['projectId']}/jobs/{quote(told['jobId'])}"
        where = {"location": told["location"]} if told.get("location") else {}
        if kind == "query":
            self._result(out, path.replace("/jobs/", "/queries/"), where, limit)
        for number in range(_POLLS):
            answer = self._call(out, "bigquery.jobs.get", path, query=where)
            if not answer.ok:
                out.result.setdefault("error", _error(answer))
                return job
            job = answer.body or {}
            if (job.get("status") or {}).get("state") == "DONE":
                break
            # No call waits for other jobs than queries.
            threading.Event().wait(min(_PAUSE_S, 0.02 * 1.5**number))
        else:
            out.broken = "the job did not end"
        return job

    def _result(self, out: Observed, path: str, where: Mapping[str, Any], limit: int) -> None:
        """Wait for a query, and read ``limit`` rows of its result."""
        method = "bigquery.jobs.getQueryResults"
        body: dict[str, Any] = {}
        query: dict[str, Any] = {**where, **_INT64, "maxResults": 0, "timeoutMs": _POLL_MS}
        for _ in range(_POLLS):
            answer = self._call(out, method, path, query=query)
            if not answer.ok:
                out.result["error"] = _error(answer)
                return
            body = answer.body or {}
            if body.get("jobComplete"):
                break
        else:
            out.broken = "the query did not end"
            return
        skip = ("rows", "pageToken", "jobReference", "schema", "totalRows", "kind", "etag")
        out.result["answer"] = {name: value for name, value in body.items() if name not in skip}
        for name in ("schema", "totalRows"):
            if name in body:
                out.result[name] = int(body[name]) if name == "totalRows" else body[name]
        if limit and int(body.get("totalRows") or 0):
            query = {**where, **_INT64}
            self._pages(out, method, path, query, body.get("schema"), limit)

    def _pages(
        self, out: Observed, method: str, path: str, query: dict[str, Any], schema: Any, limit: int
    ) -> int:
        """Read the first ``limit`` rows; how many there are in all."""
        pages: list[Any] = []
        total = left = 0
        while True:
            left = limit - sum(map(len, pages))
            asked = {**query, "maxResults": min(_PAGE_ROWS, left)}
            answer = self._call(out, method, path, query=asked)
            body = answer.body or {}
            if not answer.ok:
                out.result["error"] = _error(answer)
                return total
            rows = body.get("rows") or []
            pages.append(rows)
            total = int(body.get("totalRows") or 0)
            if not body.get("pageToken") or len(rows) >= left:
                break
            query = {**query, "pageToken": body["pageToken"]}
        out.rows, out.count = json_rows(self.memory, pages, schema)
        return total

    def _upload(self, out: Observed, body: dict[str, Any], data: bytes, media: str) -> Answer:
        path = f"/upload/bigquery/v2/projects/{self.target.project}/jobs"
        answer = self.uploaded(path, {}, body, data, media)
        out.answers.append(("bigquery.jobs.insert", answer.status, answer.body))
        return answer

    def uploaded(
        self,
        path: str,
        query: Mapping[str, Any],
        body: Any,
        data: bytes,
        media: str,
        headers: Mapping[str, str] | None = None,
        storage: bool = False,
    ) -> Answer:
        """Upload ``data`` with the resource ``body``: in one request, or by a resumable upload when it is
        large."""
        media = media or "application/octet-stream"
        if len(data) <= _RESUMABLE_BYTES:
            edge = self.bound.fresh(Symbol("upload"), "boundary")
            text = json.dumps(body).encode()
            head = f"--{edge}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode()
            middle = f"\r\n--{edge}\r\nContent-Type: {media}\r\n\r\n".encode()
            content = head + text + middle + data + f"\r\n--{edge}--\r\n".encode()
            return self.target.call(
                "POST",
                path,
                {**query, "uploadType": "multipart"},
                content=content,
                headers={**(headers or {}), "Content-Type": f'multipart/related; boundary="{edge}"'},
                storage=storage,
            )
        told = {"X-Upload-Content-Type": media, "X-Upload-Content-Length": str(len(data)), **(headers or {})}
        begun = self.target.call(
            "POST", path, {**query, "uploadType": "resumable"}, body, headers=told, storage=storage
        )
        place = begun.headers.get("location", "")
        if not begun.ok or not place:
            return begun
        target = place[place.index("/", place.index("://") + 3) :]
        return self.target.call("PUT", target, content=data, headers={"Content-Type": media}, storage=storage)

    # Rows

    def _insert(self, operation: Operation, out: Observed) -> None:
        request = operation.request
        lines = b"".join(self.blob(stretch["data"]) for stretch in request.get("rows") or ())
        rows: list[dict[str, Any]] = [{"json": json.loads(line)} for line in lines.splitlines() if line]
        if len(rows) != request.get("count", len(rows)):
            out.skipped = "not all rows were kept"
            return
        if request.get("ids"):
            for at, row in enumerate(rows):
                row["insertId"] = self.bound.fresh(Symbol("insert", str(at)), operation.name)
        path = f"{self._rendered(operation, request['table'])}/insertAll"
        body = {**(request.get("options") or {}), "rows": rows}
        answer = self._call(out, "bigquery.tabledata.insertAll", path, "POST", body=body)
        if not answer.ok:
            out.result["error"] = _error(answer)
        elif (answer.body or {}).get("insertErrors"):
            out.result["insertErrors"] = answer.body["insertErrors"]

    def _rows(self, operation: Operation, out: Observed) -> None:
        request = operation.request
        special = any(request.get(name) for name in ("restriction", "snapshot", "sample"))
        if special or operation.result.get("session"):
            if self.target.grpc:
                from .storage import read_rows

                read_rows(self, operation, out)
                return
            if special:
                out.skipped = "the endpoint has no Storage API"
                return
        path = self._rendered(operation, request["table"])
        query: dict[str, Any] = dict(_INT64)
        if request.get("fields"):
            query["selectedFields"] = ",".join(request["fields"])
        table = self._call(out, "bigquery.tables.get", path)
        if not table.ok:
            out.result["error"] = _error(table)
            return
        schema = (table.body or {}).get("schema")
        if request.get("fields") and schema:
            wanted = set(request["fields"])
            schema = {"fields": [f for f in schema["fields"] if f["name"] in wanted]}
        limit = _limit(operation) or _PAGE_ROWS
        total = self._pages(out, "bigquery.tabledata.list", f"{path}/data", query, schema, limit)
        if "error" not in out.result:
            out.result |= {"schema": schema, "totalRows": total}

    def _append(self, operation: Operation, out: Observed) -> None:
        if not self.target.grpc:
            out.skipped = "the endpoint has no Storage API"
            return
        from .storage import append_rows

        append_rows(self, operation, out)

    # Calls

    def _metadata(self, operation: Operation, out: Observed) -> None:
        request = operation.request
        method = _VERBS.get(request.get("method", ""))
        if method is None:
            out.skipped = f"{request.get('method') or 'the call'} is no method of the API known here"
            return
        path = str(self._rendered(operation, request["resource"]))
        custom = method.path.rpartition("/")[2].partition(":")[2]
        path = "/".join(quote(part, safe=":$@~.-_") for part in path.split("/"))
        if custom and not path.endswith(f":{custom}"):
            path += f":{custom}"
        query = self._rendered(operation, request.get("query") or {})
        body = self._rendered(operation, request.get("body"))
        given = {"query": query, "body": body}
        answer = self._call(out, method.id, path, method.verb, **given)
        out.result["status"] = answer.status
        found = answer.body
        recorded = operation.result.get("body")
        while isinstance(found, dict) and isinstance(recorded, dict) and answer.ok:
            # Pages of a list that were recorded as one.
            token = found.get("nextPageToken")
            if not token or recorded.get("nextPageToken"):
                break
            answer = self._call(out, method.id, path, method.verb, query={**query, "pageToken": token})
            more = answer.body or {}
            name = next((n for n in _LISTS if n in more or n in found), "")
            found = {**found, name: [*found.get(name, []), *more.get(name, [])]}
            found.pop("nextPageToken", None)
            if more.get("nextPageToken"):
                found["nextPageToken"] = more["nextPageToken"]
        if found is not None:
            out.result["body"] = found

    def _object(self, operation: Operation, out: Observed) -> None:
        if not self.target.storage:
            out.skipped = "the endpoint has no Cloud Storage"
            return
        from .storing import call_storage

        call_storage(self, operation, out)

    def _other(self, operation: Operation, out: Observed) -> None:
        request = operation.request
        if symbols_of(request.get("target", "")) - {Symbol("project")}:
            out.skipped = "not known"
            return
        content = request.get("content")
        data = self.blob(content) if isinstance(content, dict) and BLOB in content else None
        target = str(self._rendered(operation, request["target"]))
        answer = self.target.call(request.get("verb", "GET"), target, content=data)
        out.result["status"] = answer.status


def _limit(operation: Operation) -> int:
    """How many rows were read, from the first."""
    stretches = operation.result.get("rows") or ()
    read = max((int(s["start"]) + int(s["count"]) for s in stretches), default=0)
    total = operation.result.get("totalRows")
    # One more than all tells of rows that were not expected.
    return read + 1 if read and (total is None or int(total) <= read) else read


def _error(answer: Answer) -> dict[str, Any]:
    return {"status": answer.status, "body": answer.body}


_SENDERS: Mapping[str, Callable[[Sender, Operation, Observed], None]] = {
    "query": Sender._job,
    "load": Sender._job,
    "extract": Sender._job,
    "copy": Sender._job,
    "insert": Sender._insert,
    "rows": Sender._rows,
    "append": Sender._append,
    "metadata": Sender._metadata,
    "object": Sender._object,
    "other": Sender._other,
}
