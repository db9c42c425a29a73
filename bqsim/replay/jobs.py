"""Jobs of a replay: recorded work with ids, times and states of this run."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bqsim.errors import REASONS, BigQueryError
from bqsim.record.symbols import Symbol, symbols_of
from bqsim.server.http import Response
from bqsim.server.rest.reply import Raw, Reply, dumps

from .book import Book, Failed, Found, Recording
from .queries import RecordedResult
from .timing import NO_TIME, Spans, Timing

if TYPE_CHECKING:
    from bqsim.sim.clock import Clock

    from .quick import Work

PENDING, RUNNING, DONE = "PENDING", "RUNNING", "DONE"
LOCATION = "US"
_JOB_ID = Symbol("job")
# Members of jobs.query's answer that getQueryResults has as well.
_SHARED = (
    "totalBytesProcessed",
    "cacheHit",
    "numDmlAffectedRows",
    "errors",
)
# Members of statistics that jobs.query tells, by their names there.
_OF_STATISTICS = (("totalSlotMs", "totalSlotMs"),)
_OF_QUERY_STATISTICS = (
    ("totalBytesProcessed", "totalBytesProcessed"),
    ("totalBytesBilled", "totalBytesBilled"),
    ("cacheHit", "cacheHit"),
    ("statementType", "statementType"),
    ("numDmlAffectedRows", "numDmlAffectedRows"),
    ("dmlStats", "dmlStats"),
)
_OWN_MEMBERS = frozenset(
    {
        "kind",
        "etag",
        "schema",
        "jobReference",
        "totalRows",
        "pageToken",
        "rows",
        "jobComplete",
        "queryId",
        "location",
        "creationTime",
        "startTime",
        "endTime",
    }
)
_DUPLICATE = "Already Exists: Job {}:{}.{}"
_CANCELLED = {"reason": "stopped", "message": "Job execution was cancelled: User requested cancellation"}


@dataclass(slots=True)
class KeptReply(Reply):
    """A reply whose JSON is encoded once: ``texts`` are kept with what it tells of."""

    texts: dict[tuple[bool, bool, str | None], Response] = field(default_factory=dict)
    # What the call did, when it can be done again without a look at what it means.
    work: Work | None = None


# Symbols that stand for the same in all uses of an operation.
_LASTING = frozenset({"project", "name", "host", "measure"})


@dataclass(slots=True)
class Kept:
    """What all uses of a query share: its result, its schema as text, whether it failed, and what is told
    besides rows (None when that names something of each use)."""

    result: RecordedResult
    failed: bool
    schema: Raw | None = None
    summary: dict[str, Any] | None = None


class ReplayJob:
    """A job. Times are epoch microseconds of the replay's clock; until ``end_us`` it is not done."""

    def __init__(
        self, book: Book, found: Found, kind: str, project: str, location: str, job_id: str, spans: Spans
    ) -> None:
        self.book, self.found, self.kind = book, found, kind
        self.project, self.location, self.job_id = project, location, job_id
        self.created_us = found.play.start_us
        self.start_us = self.created_us + round(spans.queue_s * 1_000_000)
        self.end_us = self.start_us + round(spans.run_s * 1_000_000)
        configuration = found.operation.request.get("configuration") or {}
        self.dry_run = str(configuration.get("dryRun", "")).lower() == "true"
        self.cancelled = False
        self.done = spans.whole_s <= 0
        self.labels: Mapping[str, str] | None = None
        self.parent = ""
        self.failures = book.failures_of(found.operation, first=False)
        self._summary: dict[str, Any] | None = None
        # Pages of the result that were told, by what was asked.
        self.pages: dict[Any, tuple[dict[str, Any], dict[Any, Response]]] = {}
        self._job: dict[str, Any] | None = None
        self._waiters: list[asyncio.Future[None]] = []

    # What was recorded

    @property
    def result(self) -> RecordedResult:
        """The result of a query."""
        return self.kept.result

    @property
    def kept(self) -> Kept:
        """What all uses of the operation share."""
        found: Kept | None = self.found.recording.result
        if found is None:
            operation = self.found.operation
            status = (operation.result.get("job") or {}).get("status") or {}
            result = RecordedResult(self.book.cassette_of(self.found), operation)
            found = self.found.recording.result = Kept(result, bool(status.get("errorResult")))
        return found

    def template(self) -> dict[str, Any]:
        """The job as it was when it was done, with identities of this replay."""
        if self._job is None:
            recorded = self.found.operation.result.get("job")
            rendered = self.book.bindings.rendered(recorded, self.found.play) if recorded else {}
            self._job = rendered if recorded else self._made_up()
        return self._job

    def _made_up(self) -> dict[str, Any]:
        """The job of a query of which only the answer of jobs.query is known."""
        operation, render = self.found.operation, self.book.bindings.rendered
        request, answer = operation.request, render(operation.result.get("answer") or {}, self.found.play)
        configuration = render(request.get("configuration") or {}, self.found.play)
        if self.kind == "query":
            query = {
                "query": render(request.get("sql", ""), self.found.play),
                **configuration.get("query", {}),
            }
            for name, member in (("parameters", "queryParameters"), ("parameterMode", "parameterMode")):
                if request.get(name):
                    query[member] = render(request[name], self.found.play)
            if operation.result.get("schema") and not self.dry_run:
                table = {"projectId": "${project}", "datasetId": "${dataset}", "tableId": "${table}"}
                query.setdefault("destinationTable", render(table, self.found.play))
            configuration = {**configuration, "query": query}
        of_query = {member: answer[name] for name, member in _OF_QUERY_STATISTICS if name in answer}
        statistics: dict[str, Any] = {}
        if "totalBytesProcessed" in answer:
            statistics["totalBytesProcessed"] = answer["totalBytesProcessed"]
        statistics.update({member: answer[name] for name, member in _OF_STATISTICS if name in answer})
        if of_query:
            statistics["query"] = of_query
        return {
            "kind": "bigquery#job",
            "configuration": {**configuration, "jobType": self.kind.upper()},
            "statistics": statistics,
            "status": {"state": DONE},
        }

    @property
    def error(self) -> BigQueryError | None:
        """What a job that is done has failed with."""
        if not self.cancelled and not self.kept.failed:
            return None
        proto = self.status(DONE).get("errorResult")
        return None if proto is None else error_of(proto)

    # States

    def state(self) -> str:
        """The state at this time."""
        if self.done:
            return DONE
        now = self.book.clock.now_us()
        if now >= self.end_us:
            self.done = True
            return DONE
        return RUNNING if now >= self.start_us else PENDING

    async def wait(self, seconds: float, clock: Clock) -> bool:
        """Wait until the job is done, so many seconds of the clock at most; whether it is done."""
        if self.done or self.state() == DONE:
            return True
        if seconds <= 0:
            return False
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.append(waiter)
        left_s = (self.end_us - clock.now_us()) / 1_000_000
        timer = clock.call_later(max(0.0, min(seconds, left_s)), lambda: _wake(waiter), loop)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiters.remove(waiter)
        return self.state() == DONE

    def cancel(self) -> None:
        """End a job that is not done; those who wait for it go on."""
        if self.state() == DONE:
            return
        self.cancelled, self.done = True, True
        self.end_us = self.book.clock.now_us()
        self.start_us = min(self.start_us, self.end_us)
        for waiter in self._waiters:
            _wake(waiter)

    def fail_as_recorded(self, method: str) -> None:
        """Raise the next passing failure that calls of ``method`` got."""
        if self.failures and self.failures[0].get("method") == method:
            raise Failed(self.failures.pop(0), self.found.name)

    # JSON

    def reference(self) -> dict[str, str]:
        """The ``jobReference``; a dry run has no id."""
        reference = {"projectId": self.project, "jobId": self.job_id, "location": self.location}
        if self.dry_run:
            del reference["jobId"]
        return reference

    def status(self, state: str) -> dict[str, Any]:
        """``status`` in a state."""
        if state != DONE:
            return {"state": state}
        if self.cancelled:
            return {"state": DONE, "errorResult": _CANCELLED, "errors": [_CANCELLED]}
        return {**(self.template().get("status") or {}), "state": DONE}

    def times(self, state: str) -> dict[str, str]:
        """The times that are known in a state, in epoch milliseconds."""
        times = {"creationTime": str(self.created_us // 1000)}
        if state != PENDING:
            times["startTime"] = str(self.start_us // 1000)
        if state == DONE:
            times["endTime"] = str(self.end_us // 1000)
        return times

    def etag(self, state: str) -> str:
        text = f"{self.found.name}/{self.found.play.number}/{self.job_id}/{state}/{self.cancelled}"
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    def resource(self, base_url: str) -> dict[str, Any]:
        """The ``Job`` resource now."""
        state, template = self.state(), self.template()
        body = {**template, "status": self.status(state)}
        body["kind"] = "bigquery#job"
        body["etag"] = self.etag(state)
        body["jobReference"] = self.reference()
        body["id"] = f"{self.project}:{self.location}.{'' if self.dry_run else self.job_id}"
        if self.dry_run:
            body.pop("selfLink", None)
        else:
            place = f"projects/{self.project}/jobs/{self.job_id}?location={self.location}"
            body["selfLink"] = f"{base_url}/bigquery/v2/{place}"
        body["configuration"] = self._configuration(template)
        body["statistics"] = self._statistics(template, state)
        return body

    def _configuration(self, template: Mapping[str, Any]) -> dict[str, Any]:
        configuration = dict(template.get("configuration") or {})
        configuration.pop("labels", None)
        if self.labels:
            configuration["labels"] = dict(self.labels)
        return configuration

    def _statistics(self, template: Mapping[str, Any], state: str) -> dict[str, Any]:
        if state != DONE:
            return dict(self.times(state))
        statistics = {**(template.get("statistics") or {}), **self.times(state)}
        if "finalExecutionDurationMs" in statistics:
            statistics["finalExecutionDurationMs"] = str((self.end_us - self.start_us) // 1000)
        return statistics

    def entry(self, base_url: str, *, full: bool) -> dict[str, Any]:
        """The job as ``jobs.list`` shows it."""
        body = self.resource(base_url)
        for name in ("etag", "selfLink"):
            body.pop(name, None)
        body["state"] = body["status"]["state"]
        if "errorResult" in body["status"]:
            body["errorResult"] = body["status"]["errorResult"]
        if not full:
            body.pop("configuration", None)
        return body

    def summary(self) -> dict[str, Any]:
        """What jobs.query and getQueryResults tell of a query that is done, besides rows."""
        if self._summary is None:
            kept = self.kept
            if kept.summary is not None:
                self._summary = kept.summary
                return kept.summary
            render, operation = self.book.bindings.rendered, self.found.operation
            answer = operation.result.get("answer") or {}
            answer = {name: value for name, value in answer.items() if name not in _OWN_MEMBERS}
            found = render(answer, self.found.play)
            recorded = (operation.result.get("job") or {}).get("statistics") or {}
            asked = {name: recorded.get(name) for name, _ in _OF_STATISTICS if name in recorded}
            query = recorded.get("query") or {}
            asked["query"] = {name: query.get(name) for name, _ in _OF_QUERY_STATISTICS if name in query}
            statistics = render(asked, self.found.play)
            for members, names in (
                (statistics, _OF_STATISTICS),
                (statistics.get("query") or {}, _OF_QUERY_STATISTICS),
            ):
                for name, member in names:
                    if name in members:
                        found.setdefault(member, members[name])
            self._summary = found
            if {symbol.kind for symbol in symbols_of([answer, asked])} <= _LASTING:
                kept.summary = found
        return self._summary

    def shared(self) -> dict[str, Any]:
        """What of :meth:`summary` getQueryResults tells as well."""
        summary = self.summary()
        return {name: summary[name] for name in _SHARED if name in summary}

    def schema(self) -> Raw | None:
        """The schema of the result as JSON text; None for a statement without."""
        kept = self.kept
        if kept.schema is None and kept.result.schema is not None:
            kept.schema = Raw(dumps(self.book.bindings.rendered(kept.result.schema, self.found.play)))
        return kept.schema

    def destination(self) -> tuple[str, str, str] | None:
        """The table that the job writes: project, dataset, table."""
        configuration = self.template().get("configuration") or {}
        table = (configuration.get(self.kind) or {}).get("destinationTable")
        if not isinstance(table, Mapping) or not table.get("tableId"):
            return None
        return str(table.get("projectId") or self.project), str(table.get("datasetId")), str(table["tableId"])


class Jobs:
    """The jobs of a replay, by project and id. Thread-safe for finding; jobs are made on the event loop."""

    def __init__(self, book: Book, timing: Timing, clock: Clock) -> None:
        self.book, self.timing, self.clock = book, timing, clock
        self._lock = threading.Lock()
        self._jobs: dict[tuple[str, str], ReplayJob | Begun] = {}
        self._requests: dict[tuple[str, str], ReplayJob | Begun] = {}
        self._destinations: dict[tuple[str, str, str], ReplayJob] = {}
        # Queries whose destinations nobody has asked for.
        self._fresh: list[ReplayJob | Begun] = []

    def begin(
        self,
        kind: str,
        request: Mapping[str, Any],
        *,
        project: str,
        job_id: str = "",
        location: str = "",
        labels: Mapping[str, str] | None = None,
        request_id: str = "",
    ) -> ReplayJob:
        """Begin the job of a request. Raises what :meth:`Book.find` does, 409 for an id that is taken, and
        :class:`Refused` where the request was refused."""
        if job_id and (project, job_id) in self._jobs:
            taken = self._jobs[project, job_id]
            raise BigQueryError("duplicate", _DUPLICATE.format(project, taken.location, job_id))
        if request_id:
            known = self._requests.get((project, request_id))
            if known is not None:
                return self._whole(known)
        found = self.book.find(kind, request, project=project)
        refused = found.operation.result.get("error")
        if refused:
            raise Refused(self.book.bindings.rendered(refused, found.play), found.name)
        bindings, play = self.book.bindings, found.play
        recorded = found.operation.result.get("job") or {}
        reference = recorded.get("jobReference") or {}
        answer = found.operation.result.get("answer") or {}
        place = location or str(reference.get("location") or answer.get("location") or LOCATION)
        if job_id:
            bindings.put(play, _JOB_ID.kind, "", job_id)
        else:
            job_id = bindings.of(_JOB_ID, play)
        job = ReplayJob(
            self.book, found, kind, project, place, job_id, self.timing.of(found.operation, play.number)
        )
        job.labels = labels
        if not job.dry_run:
            with self._lock:
                self._jobs[project, job_id] = job
                if request_id:
                    self._requests[project, request_id] = job
                if kind == "query":
                    self._fresh.append(job)
                for child in self._children(job):
                    self._jobs[project, child.job_id] = child
                    self._fresh.append(child)
        return job

    def has_request(self, project: str, request_id: str) -> bool:
        """Whether a request of that id has begun a job."""
        return bool(request_id) and (project, request_id) in self._requests

    def begin_again(
        self, found: Found, project: str, location: str, labels: Mapping[str, str] | None, request_id: str
    ) -> str:
        """Begin the job of a query that takes no time and starts no others; its id."""
        job_id = self.book.bindings.job_of(found.play)
        begun = Begun(found, project, location, job_id, labels)
        with self._lock:
            self._jobs[project, job_id] = begun
            if request_id:
                self._requests[project, request_id] = begun
            self._fresh.append(begun)
        return job_id

    def _whole(self, job: ReplayJob | Begun) -> ReplayJob:
        """The job of a query that was begun."""
        if isinstance(job, ReplayJob):
            return job
        with self._lock:
            whole = job.job
            if whole is None:
                whole = ReplayJob(
                    self.book, job.found, "query", job.project, job.location, job.job_id, NO_TIME
                )
                whole.labels = job.labels
                job.job = whole
            return whole

    def _children(self, parent: ReplayJob) -> list[ReplayJob]:
        """The jobs that a script started: what was told of them when it was recorded."""
        found = parent.found
        children = []
        for number, result in enumerate(found.operation.result.get("children") or (), 2):
            reference = (result.get("job") or {}).get("jobReference") or {}
            told = self.book.bindings.rendered(
                str(reference.get("jobId") or f"${{job:{number}}}"), found.play
            )
            operation = replace(found.operation, result=result)
            part = Found(operation, found.play, Recording(found.recording.cassette, found.recording.entry))
            child = ReplayJob(self.book, part, "query", parent.project, parent.location, told, NO_TIME)
            child.parent = parent.job_id
            child.created_us = child.start_us = child.end_us = parent.end_us
            child.done = parent.done
            children.append(child)
        return children

    def find(self, project: str, job_id: str, location: str | None = None) -> ReplayJob | None:
        """The job of that id; None when this replay has made none."""
        known = self._jobs.get((project, job_id))
        if known is None:
            return None
        job = self._whole(known)
        if location and job.location.lower() != location.lower():
            return None
        return job

    def writer(self, project: str, dataset: str, table: str) -> ReplayJob | None:
        """The query whose result is in a table."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
        for job in fresh:
            whole = self._whole(job)
            place = whole.destination()
            if place is not None:
                self._destinations[place] = whole
        return self._destinations.get((project, dataset, table))

    def all(self) -> list[ReplayJob]:
        """All jobs, the newest first."""
        with self._lock:
            jobs = list(reversed(self._jobs.values()))
        return [self._whole(job) for job in jobs]

    def forget(self, job: ReplayJob) -> None:
        """Delete a job."""
        with self._lock:
            self._jobs.pop((job.project, job.job_id), None)


@dataclass(slots=True)
class Begun:
    """A query that was answered by its text: the job is made when somebody asks for it."""

    found: Found
    project: str
    location: str
    job_id: str
    labels: Mapping[str, str] | None
    job: ReplayJob | None = None


class Refused(Exception):
    """A request was refused when it was recorded: ``error`` is that of the shapes."""

    def __init__(self, error: Mapping[str, Any], operation: str) -> None:
        super().__init__(f"{operation} was refused when it was recorded")
        self.error, self.operation = error, operation

    def reply(self) -> Reply:
        """The recorded answer."""
        return Reply(self.error.get("body") or {}, int(self.error.get("status") or 400))


def error_of(proto: Mapping[str, Any]) -> BigQueryError:
    """The failure that an ``ErrorProto`` tells of."""
    reason = str(proto.get("reason") or "internalError")
    known = reason if reason in REASONS else "internalError"
    location = proto.get("location")
    return BigQueryError(known, str(proto.get("message") or ""), location=str(location) if location else None)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
