"""Jobs: all that starts one, follows it and reads its result, as one operation."""

from __future__ import annotations

import re
from typing import Any

from bqsim.record.job_failures import job_failure_of
from bqsim.record.routes import READ

from .grouping import Group
from .made import Made, dataset_of, table_of
from .reading import Readings
from .rows import NDJSON, Keep, Pages, format_options, kept
from .views import View

# What jobs.query has besides the configuration, or under other names.
_NOT_CONFIGURATION = frozenset(
    [
        "kind",
        "query",
        "queryParameters",
        "parameterMode",
        "location",
        "timeoutMs",
        "maxResults",
        "requestId",
        "formatOptions",
        "preserveNulls",
        "jobCreationMode",
        "dryRun",
        "labels",
        "jobTimeoutMs",
        "reservation",
        "maxSlots",
    ]
)
_OF_JOB = ("dryRun", "labels", "jobTimeoutMs", "reservation", "maxSlots")
# What means nothing when it is said.
_DEFAULTS: dict[str, Any] = {
    "useQueryCache": True,
    "priority": "INTERACTIVE",
    "dryRun": False,
    "createSession": False,
    "allowLargeResults": False,
    "connectionProperties": [],
    "labels": {},
    "tableDefinitions": {},
    "schemaUpdateOptions": [],
    "userDefinedFunctionResources": [],
}
# Which of two methods told it depends on the moment.
_NOT_ANSWER = frozenset(("kind", "etag", "rows", "pageToken", "jobReference", "schema", "totalRows"))
# Statistics of a job that a resource tells or not, by when it was asked for.
_OF_THE_MOMENT = ("totalSlotMs", "finalExecutionDurationMs", "completionRatio", "startTime", "endTime")
_CHANGING = frozenset(("UPDATE", "DELETE", "MERGE", "TRUNCATE_TABLE", "INSERT"))
_GS = re.compile(r"gs://([^/]+)/(.*)")


def made_job(group: Group, views: list[View], keep: Keep) -> Made:
    """The operation of a job's calls."""
    return _Job(group, views, keep).made()


class _Job:
    def __init__(self, group: Group, views: list[View], keep: Keep) -> None:
        self.group, self.views, self.keep = group, views, keep
        self.kind = group.kind
        self.job: dict[str, Any] = {}
        self.answer: dict[str, Any] = {}
        self.schema: Any = None
        self.total: Any = None
        self.error: dict[str, Any] | None = None
        self.failures: list[dict[str, Any]] = []
        self.cancelled: dict[str, Any] | None = None
        self.deleted = False
        # Whether the error is one that following the job told.
        self.polled = False
        self.pages = Pages(keep)
        self.children: dict[str, _Child] = {}
        self.readings = Readings(keep)
        self.child_readings: dict[str, Readings] = {}
        self.done_s = 0.0
        self.started = False

    def made(self) -> Made:
        for view in self.views:
            self._take(view)
        request = self._request()
        measures = self._settle()
        result: dict[str, Any] = {}
        if self.job:
            result["job"] = self.job
        if self.answer:
            result["answer"] = self.answer
        if self.schema is not None:
            result["schema"] = self.schema
        if self.total is not None:
            result["totalRows"] = self.total
        rows = self.readings.best(self.pages)
        if rows:
            result["rows"] = rows
        if self.readings.session:
            result["session"] = self.readings.session
        children = [self.children[name].result() for name in self.group.children if name in self.children]
        if children:
            result["children"] = children
        if self.cancelled is not None:
            result["cancelled"] = self.cancelled
        if self.deleted:
            result["deleted"] = True
        if self.error is not None:
            result["error"] = self.error
        if self.failures:
            result["failures"] = self.failures
        made = Made(self.kind, request, result, done_s=self.done_s, measures=measures)
        self._touch(made)
        return made

    def _settle(self) -> dict[str, Any]:
        """Tell the job's end once, whichever answer it was that told it: which one came first depends on the
        moment. Figures that were left out."""
        job, error = self.job, self.error
        early = _state(job) != "DONE"
        status = job.get("status")
        status = dict(status) if isinstance(status, dict) else {}
        failed = job_failure_of(error) if error is not None and self.polled else None
        if early and (failed is not None or self.answer.get("jobComplete") is True):
            status["state"] = "DONE"
            if failed is not None:
                status["errorResult"], status["errors"] = failed, [failed]
        told = status.get("errorResult")
        if (failed is not None or isinstance(told, dict)) and self.answer.get("jobComplete") is False:
            # That it had not failed yet when it was asked about.
            self.answer = {}
        if not job:
            return {}
        measures: dict[str, Any] = {}
        statistics = job.get("statistics")
        if (early or isinstance(told, dict)) and isinstance(statistics, dict):
            if failed is not None and isinstance(told, dict) and failed.get("message") == told.get("message"):
                self.error = None
            statistics = dict(statistics)
            for name in _OF_THE_MOMENT:
                value = statistics.pop(name, None)
                if value is not None:
                    measures[f"job.statistics.{name}"] = value
            job = {**job, "statistics": statistics}
        self.job = {**job, "status": status}
        return measures

    def _take(self, view: View) -> None:
        name = view.method.rpartition(".")[2]
        if view.method.startswith(READ):
            self.readings.take(view)
            return
        if name in ("insert", "query"):
            self._start(view)
            return
        child = view.resource.split("/")[3] if view.resource.count("/") >= 3 else ""
        if view.method == "bigquery.jobs.list":
            jobs = (view.answer if isinstance(view.answer, dict) else {}).get("jobs")
            for told in jobs if isinstance(jobs, list) else ():
                reference = told.get("jobReference") if isinstance(told, dict) else None
                job = reference.get("jobId") if isinstance(reference, dict) else None
                if job in self.group.children:
                    self.children.setdefault(job, _Child(self.keep)).learn_listed(told)
            return
        if name == "list":
            place = self._place(view)
            if view.ok:
                place.list_rows(view)
            else:
                self._refused(view)
            return
        target: _Child | _Job = self
        if child != self.group.name and child in self.group.children:
            target = self.children.setdefault(child, _Child(self.keep))
        if not view.ok:
            if target is self:
                self._refused(view)
                self.polled = self.error is not None
                self.done_s = self.done_s or (view.ended_s if job_failure_of(view.error) is not None else 0.0)
            else:
                target.error = view.error
            return
        answer = view.answer if isinstance(view.answer, dict) else {}
        if name == "get":
            target.learn_job(answer, view)
        elif name == "getQueryResults":
            target.learn_answer(answer, view)
        elif name == "cancel":
            self.cancelled = {"status": view.exchange.status}
            target.learn_job(answer.get("job"), view)
        elif name == "delete":
            self.deleted = True

    def _place(self, view: View) -> _Job | _Child:
        """The child whose destination a list of rows reads, or the job."""
        table = view.resource.rpartition("/tables/")[2]
        for child in self.children.values():
            query = (child.job.get("configuration") or {}).get("query") or {}
            if (query.get("destinationTable") or {}).get("tableId") == table:
                return child
        return self

    def _start(self, view: View) -> None:
        if view.ok:
            if self.error is not None:
                self.failures.append({"method": view.method, **self.error})
                self.error = None
            answer = view.answer if isinstance(view.answer, dict) else {}
            if view.method == "bigquery.jobs.query":
                self.learn_answer(answer, view)
            elif "jobReference" in answer:
                self.learn_job(answer, view)
            self.started = self.started or "jobReference" in answer
            return
        if view.exchange.status == 308:
            return
        self._refused(view)

    def _refused(self, view: View) -> None:
        """What was refused counts until something after it is answered."""
        if self.started and (view.retryable or view.exchange.status == 409):
            self.failures.append(view.failure)
            return
        if self.error is not None:
            self.failures.append({"method": view.method, **self.error})
        self.error = view.error

    def learn_job(self, told: Any, view: View) -> None:
        """A job's resource: that which was done counts."""
        if not isinstance(told, dict) or "jobReference" not in told:
            return
        done = _state(told) == "DONE"
        if done or _state(self.job) != "DONE":
            self.job = told
            self.started = True
        if done and not self.done_s:
            self.done_s = view.ended_s
        if self.error is not None and (self.error.get("status") == 409 or not self.error.get("status")):
            self.failures.append({"method": "bigquery.jobs.insert", **self.error})
            self.error = None

    def learn_answer(self, answer: dict[str, Any], view: View) -> None:
        """An answer with rows, or one that says that there are none yet."""
        _learn(self, answer, view)
        if answer.get("jobComplete") and not self.done_s:
            self.done_s = view.ended_s

    def list_rows(self, view: View) -> None:
        """Rows of the destination."""
        answer = view.answer if isinstance(view.answer, dict) else {}
        self.pages.add(answer.get("rows"), view.query, answer.get("pageToken"), format_options(view.query))
        if self.total is None:
            self.total = _number(answer.get("totalRows"))

    # The request

    def _request(self) -> dict[str, Any]:
        start = next((v for v in self.views if v.method == "bigquery.jobs.query"), None)
        if start is not None and isinstance(start.body, dict):
            return _of_query(start.body)
        starts = [v for v in self.views if v.method == "bigquery.jobs.insert"]
        body = next((v.body for v in starts if isinstance(v.body, dict) and "configuration" in v.body), None)
        if body is None:
            # Its start was not recorded: what the service told of it.
            body = {"configuration": self.job.get("configuration") or {}}
        request = _of_insert(body, self.kind)
        if self.kind == "load":
            upload = self._upload(starts)
            if upload is not None:
                request["upload"] = upload
        return request

    def _upload(self, starts: list[View]) -> dict[str, Any] | None:
        return uploaded(starts, self.keep, _load_media(self.views))

    # What it touches

    def _touch(self, made: Made) -> None:
        configuration = self.job.get("configuration") or made.request.get("configuration") or {}
        if not isinstance(configuration, dict):
            return
        statistics = self.job.get("statistics") or {}
        dry = bool(made.request.get("configuration", {}).get("dryRun"))
        failed = self.error is not None or bool((self.job.get("status") or {}).get("errorResult"))
        work = configuration.get(self.kind)
        work = work if isinstance(work, dict) else {}
        if self.kind == "query":
            self._touch_query(made, work, statistics, dry or failed)
        elif self.kind == "load":
            made.reads |= _objects(work.get("sourceUris"))
            self._write(made, work, "WRITE_APPEND", failed)
        elif self.kind == "copy":
            sources = work.get("sourceTables") or [work.get("sourceTable")]
            made.reads |= {table_of(s) for s in sources if isinstance(sources, list)}
            self._write(made, work, "WRITE_EMPTY", failed)
        elif self.kind == "extract":
            made.reads.add(table_of(work.get("sourceTable")))
            uris = work.get("destinationUris") or [work.get("destinationUri")]
            if not failed:
                made.changes |= _objects(uris)
        for names in (made.reads, made.changes, made.adds):
            names.discard("")

    def _touch_query(self, made: Made, work: dict[str, Any], statistics: dict[str, Any], idle: bool) -> None:
        query = statistics.get("query") or {}
        referenced = query.get("referencedTables")
        for table in referenced if isinstance(referenced, list) else ():
            made.reads.add(table_of(table))
        if idle:
            return
        statement = str(query.get("statementType") or self.answer.get("statementType") or "")
        target = table_of(query.get("ddlTargetTable"))
        destination = work.get("destinationTable")
        hidden = isinstance(destination, dict) and str(destination.get("datasetId", "")).startswith("_")
        if statement.startswith(("CREATE", "DROP", "ALTER")):
            if target:
                made.changes.add(target)
                made.adds.add(dataset_of(query.get("ddlTargetTable")))
            for member in ("ddlTargetDataset", "ddlTargetRoutine"):
                made.changes.add(dataset_of(query.get(member)))
        elif statement in _CHANGING:
            changed = table_of(query.get("dmlTargetTable")) or (table_of(destination) if not hidden else "")
            (made.adds if statement == "INSERT" else made.changes).add(changed)
        elif destination and not hidden:
            self._write(made, work, "WRITE_EMPTY", False)

    def _write(self, made: Made, work: dict[str, Any], default: str, failed: bool) -> None:
        destination = work.get("destinationTable")
        if failed:
            made.reads.add(table_of(destination))
            return
        how = work.get("writeDisposition") or default
        (made.adds if how == "WRITE_APPEND" else made.changes).add(table_of(destination))
        made.adds.add(dataset_of(destination))


class _Child:
    """A job that a script started: what was told of it, and what was read of its result."""

    def __init__(self, keep: Keep) -> None:
        self.job: dict[str, Any] = {}
        self.answer: dict[str, Any] = {}
        self.schema: Any = None
        self.total: Any = None
        self.error: dict[str, Any] | None = None
        self.pages = Pages(keep)

    def learn_job(self, told: Any, view: View) -> None:
        if isinstance(told, dict) and (
            _state(told) == "DONE" or _state(self.job) != "DONE" or "kind" not in self.job
        ):
            self.job = told

    def learn_listed(self, told: dict[str, Any]) -> None:
        """What a list of jobs told, which is less than what jobs.get does."""
        self.job = self.job or {n: v for n, v in told.items() if n not in ("kind", "state", "errorResult")}

    def learn_answer(self, answer: dict[str, Any], view: View) -> None:
        _learn(self, answer, view)

    def list_rows(self, view: View) -> None:
        answer = view.answer if isinstance(view.answer, dict) else {}
        self.pages.add(answer.get("rows"), view.query, answer.get("pageToken"), format_options(view.query))
        if self.total is None:
            self.total = _number(answer.get("totalRows"))

    def result(self) -> dict[str, Any]:
        members = {
            "job": self.job,
            "answer": self.answer,
            "schema": self.schema,
            "totalRows": self.total,
            "rows": self.pages.ordered(),
            "error": self.error,
        }
        return {name: value for name, value in members.items() if value not in (None, {}, [])}


def _learn(place: _Job | _Child, answer: dict[str, Any], view: View) -> None:
    """What ``jobs.query`` or ``getQueryResults`` told."""
    if answer.get("jobComplete") is False:
        place.answer = {**_rest(answer), **place.answer}
        return
    # What jobs.query tells is more than what getQueryResults does: both together.
    place.answer = {**place.answer, **_rest(answer)}
    if answer.get("schema") is not None:
        place.schema = answer["schema"]
    total = _number(answer.get("totalRows"))
    if total is not None:
        place.total = total
    query = view.query if view.method.endswith("getQueryResults") else {}
    place.pages.add(answer.get("rows"), query, answer.get("pageToken"), format_options(view.query, view.body))


def _rest(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in _NOT_ANSWER}


def _of_query(body: dict[str, Any]) -> dict[str, Any]:
    query = {n: v for n, v in body.items() if n not in _NOT_CONFIGURATION}
    configuration: dict[str, Any] = {"query": _plain(query)}
    configuration.update(_plain({n: body[n] for n in _OF_JOB if n in body}))
    return _asked(body.get("query"), body, configuration, body.get("location"))


def _of_insert(body: dict[str, Any], kind: str) -> dict[str, Any]:
    configuration = body.get("configuration")
    configuration = dict(configuration) if isinstance(configuration, dict) else {}
    configuration.pop("jobType", None)
    reference = body.get("jobReference")
    location = reference.get("location") if isinstance(reference, dict) else None
    work = configuration.get(kind)
    work = dict(work) if isinstance(work, dict) else {}
    if kind != "query":
        configuration[kind] = work
        out: dict[str, Any] = {"configuration": _plain(configuration)}
        if location:
            out["location"] = location
        return out
    given = {name: work.pop(name, None) for name in ("query", "queryParameters", "parameterMode")}
    for name in ("preserveNulls", "maximumBillingTier"):
        work.pop(name, None)
    destination = work.get("destinationTable")
    if isinstance(destination, dict) and str(destination.get("datasetId", "")).startswith("_"):
        # Told by the service, of a job whose start was not recorded.
        for name in ("destinationTable", "writeDisposition", "createDisposition"):
            work.pop(name, None)
    configuration["query"] = _plain(work)
    return _asked(given["query"], given, _plain(configuration), location)


def _asked(sql: Any, given: dict[str, Any], configuration: dict[str, Any], location: Any) -> dict[str, Any]:
    out: dict[str, Any] = {"sql": sql if isinstance(sql, str) else ""}
    if given.get("queryParameters"):
        out["parameters"] = given["queryParameters"]
        out["parameterMode"] = given.get("parameterMode") or "POSITIONAL"
    out["configuration"] = configuration
    if location:
        out["location"] = location
    return out


def _plain(members: dict[str, Any]) -> dict[str, Any]:
    """Members without those that say what holds anyway; numbers as the API writes them."""
    out = {}
    for name, value in sorted(members.items()):
        if value is None or (name in _DEFAULTS and value == _DEFAULTS[name]):
            continue
        if name in ("maximumBytesBilled", "jobTimeoutMs") and isinstance(value, int):
            value = str(value)
        out[name] = value
    return out


def uploaded(views: list[View], keep: Keep, media: str) -> dict[str, Any] | None:
    """What was uploaded, whatever the way: of a resumable upload the pieces that arrived, put together."""
    pieces: dict[int, bytes] = {}
    unkept: dict[str, Any] | None = None
    told = media
    for view in views:
        content = view.exchange.request
        if not content.kept:
            unkept = {"size": content.size, "digest": content.digest}
            if content.preview:
                unkept["preview"] = list(content.preview)
            continue
        if "multipart/related" in content.media.lower():
            if len(view.parts) > 1:
                headers, data = view.parts[1]
                told = told or headers.get("content-type", "")
                pieces = {0: data}
        elif view.query.get("uploadType") == "media" and view.exchange.verb == "POST":
            pieces = {0: content.data}
            told = told or content.media
        elif view.exchange.verb == "PUT" and view.query.get("upload_id"):
            place = re.match(r"bytes (\d{1,18})-", view.sent_header("content-range"))
            if place is None and content.data:
                pieces = {0: content.data}
            elif place is not None and not view.silent:
                pieces[int(place[1])] = content.data
    if unkept is not None:
        return unkept
    if not pieces:
        return None
    starts = sorted(pieces)
    ends = [*starts[1:], None]
    data = b"".join(
        pieces[start] if end is None else pieces[start][: end - start]
        for start, end in zip(starts, ends, strict=True)
    )
    return kept(keep, data, told or "application/octet-stream")


def _load_media(views: list[View]) -> str:
    """The media type of what a load job takes, as its format tells."""
    for view in views:
        body = view.body
        load = (body.get("configuration") or {}).get("load") if isinstance(body, dict) else None
        if isinstance(load, dict):
            source = load.get("sourceFormat") or "CSV"
            return {
                "CSV": "text/csv",
                "NEWLINE_DELIMITED_JSON": NDJSON,
                "AVRO": "application/avro",
                "PARQUET": "application/vnd.apache.parquet",
            }.get(str(source), "")
    return ""


def _objects(uris: Any) -> set[str]:
    out = set()
    for uri in uris if isinstance(uris, list) else ():
        found = _GS.fullmatch(uri) if isinstance(uri, str) else None
        if found:
            out.add(f"bucket:{found[1]}" if "*" in uri else f"object:{uri}")
    return out


def _state(job: dict[str, Any]) -> str:
    status = job.get("status")
    return str(status.get("state", "")) if isinstance(status, dict) else ""


def _number(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isdigit() and len(text) < 20 else None
