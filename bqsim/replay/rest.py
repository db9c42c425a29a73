"""The REST API of a replay: requests answered from recorded operations."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError
from bqsim.record.keys import job_request, query_request
from bqsim.server.http import BadRequest, Disconnected, Response
from bqsim.server.http import Request as HttpRequest
from bqsim.server.rest.answering import ROOTS, Answering, asked_for
from bqsim.server.rest.methods import Match
from bqsim.server.rest.reply import JSON_HEADERS, Raw, Reply, error_reply, respond
from bqsim.server.rest.request import (
    MAX_BODY_BYTES,
    base_url,
    parse_json,
    parse_query,
    split_target,
)
from bqsim.server.rest.rows import wire_options
from bqsim.sim.effects.texts import request_text
from bqsim.sim.gate import Call, Gate, note
from bqsim.sim.recorder import RECORDING
from bqsim.sim.scenario.model import Network

from . import paging
from .book import Book, Failed, Unrecorded
from .jobs import DONE, Jobs, KeptReply, Refused, ReplayJob
from .metadata import Metadata
from .quick import Plan, QueryAgain, QueryText, Quick, SamePage, Text

if TYPE_CHECKING:
    from bqsim.settings import Settings
    from bqsim.sim.clock import SimulationClock
    from bqsim.sim.draws import Draws
    from bqsim.types.wire import WireOptions

    from .reads import Readable
    from .sources import Sources

log = logging.getLogger(__name__)

DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS = 10_000, 200_000
# How long an upload's job is waited for before its resource is answered.
UPLOAD_WAIT_S = 3.0
CALLER = "anonymous"
# Pages of a result whose texts a job keeps, and the largest text that is kept.
PAGES_KEPT, TEXT_KEPT_BYTES = 4, 256 * 1024

# Further services by the first segment of their paths; each is made with the application, at first use.
SERVICES: Mapping[str, tuple[str, str]] = {
    "upload": ("bqsim.replay.uploads", "Uploads"),
    "resumable": ("bqsim.replay.uploads", "Uploads"),
    "storage": ("bqsim.replay.objects", "Objects"),
    "download": ("bqsim.replay.objects", "Objects"),
    "b": ("bqsim.replay.objects", "Objects"),
    "batch": ("bqsim.server.rest.batch", "Batch"),
    "discovery": ("bqsim.server.rest.discovery", "Discovery"),
    "$discovery": ("bqsim.server.rest.discovery", "Discovery"),
}
# How connections broke, as faults of the network.
_BROKEN = {"reset": "reset", "closed": "half_close", "refused": "reset", "timeout": "stall"}


@dataclass(slots=True)
class Core:
    """What services use of a replay: its book, its jobs, and the gate that every call passes.

    ``unknown`` answers what was not recorded, None when that is refused. ``verify`` is told of every answer.
    """

    settings: Settings
    clock: SimulationClock
    draws: Draws
    gate: Gate
    book: Book
    jobs: Jobs
    unknown: Unknown | None = None
    verify: Verify | None = None


# Answers a request that no recording has: the request with its body, and why.
Unknown = Callable[[HttpRequest, bytes], Awaitable[Response]]
# Compares an answer with that of the service: the request with its body, what answered it, and the answer.
Verify = Callable[[HttpRequest, bytes, str, Response], Awaitable[None]]


class Elsewhere(Exception):
    """The answer came from somewhere else, whole."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class ReplayApp(Answering):
    """Answers every HTTP request of a replay."""

    services = SERVICES
    passing = (*Answering.passing, Elsewhere)

    def __init__(self, core: Core) -> None:
        super().__init__(core.gate)
        self.core = core
        self.metadata = Metadata(core.book, core.jobs)
        self.quick = Quick(core.gate)
        self._sources: Sources | None = None
        self._tables: dict[tuple[str, str], Readable] = {}
        self._handlers: dict[str, Callable[[Asked], Awaitable[Reply]]] = {
            "bigquery.jobs.query": self._query,
            "bigquery.jobs.insert": self._insert,
            "bigquery.jobs.get": self._get,
            "bigquery.jobs.getQueryResults": self._results,
            "bigquery.jobs.cancel": self._cancel,
            "bigquery.jobs.delete": self._delete,
            "bigquery.tabledata.list": self._list_rows,
            "bigquery.tabledata.insertAll": self._insert_all,
        }

    async def handle(self, http: HttpRequest) -> Response:
        """The answer to one HTTP request. Never raises for anything a client can send."""
        path, first = "", ""
        query: dict[str, str] = {}
        data: bytes | None = None
        try:
            path, first, query = _parsed(http.head.target)
            if first in SERVICES:
                return await self.service(first)(path, query, http)
            if first not in ROOTS:
                return await self.service("storage")(path, query, http)
            if self.quick.knows(http):
                data = await http.read(MAX_BODY_BYTES)
                known = self.quick.answer(http, data)
                if known is not None:
                    return known
            reply = await self.call(http, path, query, data)
            return self.unchanged(reply, http) or await self.answer(reply, query, http)
        except (BadRequest, Disconnected):
            raise
        except Elsewhere as elsewhere:
            return elsewhere.response
        except Exception as e:
            return await self.answer(self.failure(e, http), query, http)

    async def call(
        self, http: HttpRequest, path: str, query: dict[str, str], data: bytes | None = None
    ) -> Reply:
        """Route and answer an API call, below ``/bigquery/v2`` or without that prefix. ``data`` is its body,
        when that was read."""
        found = self.method_of(http, path)
        if data is None:
            data = await http.read(MAX_BODY_BYTES)
        asked = Asked(self, found, data, query, http, parse_json(data) if data else {})
        call = asked.call()
        reply = await self.passed(call, lambda: self.replayed(asked), http)
        if self.core.verify is not None and call.sending is None:
            told = respond(reply, pretty=False, gzip=False, fields=query.get("fields") or None)
            await self.core.verify(http, data, str(call.notes.get(RECORDING, "")), told)
        elif type(reply) is KeptReply and reply.work is not None and reply.fault is None:
            self._plan(reply, call, query, http, data)
        return reply

    def _plan(
        self, reply: KeptReply, call: Call, query: dict[str, str], http: HttpRequest, data: bytes
    ) -> None:
        """Keep how a call was answered, for others like it."""
        work = reply.work
        assert work is not None
        pretty, gzip, fields = asked_for(query, http)
        try:
            text: Text
            if isinstance(work, QueryAgain):
                assert reply.body is not None
                work.text = text = QueryText(reply.body, pretty=pretty, gzip=gzip, fields=fields)
                headers: Mapping[str, str] = JSON_HEADERS
            else:
                plain = respond(reply, pretty=pretty, gzip=False, fields=fields)
                text, headers = Text((plain.body,), gzip), plain.headers
        except (BigQueryError, ValueError):
            # It is answered the long way, and refused there.
            return
        self.quick.keep(http, data, Plan(call, str(call.notes.get(RECORDING, "")), text, headers, work))

    async def replayed(self, asked: Asked) -> Reply:
        """The recorded answer to a call, or that of who answers what was not recorded."""
        unknown = self.core.unknown
        try:
            return await self.recorded(asked)
        except Unrecorded:
            if unknown is None:
                raise
            raise Elsewhere(await unknown(asked.http, asked.data)) from None

    async def recorded(self, asked: Asked) -> Reply:
        """The recorded answer to a call. Raises :class:`Unrecorded` when there is none."""
        handler = self._handlers.get(asked.method, self._metadata)
        try:
            return await handler(asked)
        except Failed as failed:
            note(**{RECORDING: failed.operation})
            return failed_reply(failed.failure)
        except Refused as refused:
            note(**{RECORDING: refused.operation})
            return refused.reply()

    async def answer(self, reply: Reply, query: dict[str, str], http: HttpRequest) -> Response:
        """Encode a reply as the request's parameters ask."""
        if type(reply) is KeptReply and reply.fault is None:
            return _from_kept(reply, *asked_for(query, http))
        return await super().answer(reply, query, http)

    def defect(self, error: Exception, http: HttpRequest) -> Reply:
        """What is wrong with a cassette, or a defect of ours, is logged and told."""
        log.error("defect in %s %s", http.head.method, http.head.target[:200], exc_info=error)
        # No status that clients try again: it would fail again.
        return error_reply(BigQueryError("invalid", f"The replay failed: {type(error).__name__}: {error}"))

    # Jobs

    def begin(
        self, kind: str, request: Mapping[str, Any], project: str, body: Mapping[str, Any]
    ) -> ReplayJob:
        """Begin the job that a body of ``jobs.insert`` asks for; an upload's request is told what it has."""
        reference = body.get("jobReference") or {}
        configuration = body.get("configuration") or {}
        self.core.book.know_project(project)
        job = self.core.jobs.begin(
            kind,
            request,
            project=project,
            job_id=str(reference.get("jobId") or ""),
            location=str(reference.get("location") or ""),
            labels=configuration.get("labels"),
        )
        note(**{RECORDING: job.found.name})
        return job

    def job_reply(self, job: ReplayJob, http: HttpRequest) -> Reply:
        """The resource of a job."""
        body = job.resource(base_url(http.head.headers, self.core.settings))
        return Reply(body, etag=body["etag"])

    async def _insert(self, asked: Asked) -> Reply:
        kind, request = job_request(asked.body)
        if not kind:
            raise BigQueryError("required", "Required parameter is missing", location="configuration")
        return self.job_reply(self.begin(kind, request, asked.project, asked.body), asked.http)

    async def _get(self, asked: Asked) -> Reply:
        job = self._job(asked)
        if job is None:
            return await self._metadata(asked)
        return self.job_reply(job, asked.http)

    def _job(self, asked: Asked) -> ReplayJob | None:
        path = asked.path
        job = self.core.jobs.find(path["projectId"], path["jobId"], asked.query.get("location"))
        if job is not None:
            note(**{RECORDING: job.found.name})
            job.fail_as_recorded(asked.method)
        return job

    def _known_job(self, asked: Asked) -> ReplayJob:
        job = self._job(asked)
        if job is None:
            path = asked.path
            location = asked.query.get("location")
            if self.core.unknown is not None:
                raise Unrecorded("metadata", {"method": asked.method, "resource": asked.found.resource}, ())
            where = f"{location}." if location else ""
            raise BigQueryError("notFound", f"Not found: Job {path['projectId']}:{where}{path['jobId']}")
        return job

    async def _cancel(self, asked: Asked) -> Reply:
        job = self._known_job(asked)
        job.cancel()
        body = job.resource(base_url(asked.headers, self.core.settings))
        return Reply({"kind": "bigquery#jobCancelResponse", "job": body})

    async def _delete(self, asked: Asked) -> Reply:
        job = self._job(asked)
        if job is None:
            return await self._metadata(asked)
        self.core.jobs.forget(job)
        return Reply({})

    async def _query(self, asked: Asked) -> Reply:
        body = asked.body
        self.core.book.know_project(asked.project)
        known = self.core.jobs.has_request(asked.project, str(body.get("requestId") or ""))
        job = self.core.jobs.begin(
            "query",
            query_request(body),
            project=asked.project,
            location=str(body.get("location") or ""),
            labels=body.get("labels"),
            request_id=str(body.get("requestId") or ""),
        )
        note(**{RECORDING: job.found.name})
        options = body.get("formatOptions") or {}
        wire = wire_options(bool(options.get("useInt64Timestamp")), options.get("timestampOutputFormat"))
        timeout_ms = body.get("timeoutMs")
        wait_ms = DEFAULT_TIMEOUT_MS if timeout_ms is None else min(int(timeout_ms), MAX_TIMEOUT_MS)
        await job.wait(wait_ms / 1000, self.core.clock)
        state = job.state()
        answer: dict[str, Any] = {"kind": "bigquery#queryResponse"}
        if state == DONE:
            error = job.error
            if error is not None:
                raise error
            limit = body.get("maxResults")
            self._put_page(answer, job, wire, 0, None if limit is None else int(limit))
            answer |= job.summary()
        else:
            answer["jobCreationReason"] = {"code": "LONG_RUNNING"}
        answer["jobReference"] = job.reference()
        answer.setdefault("jobCreationReason", {"code": "REQUESTED"})
        if job.dry_run:
            del answer["jobCreationReason"]
        else:
            answer["queryId"] = job.job_id
            answer |= job.times(state)
        answer["location"] = job.location
        answer["jobComplete"] = state == DONE
        return KeptReply(answer, work=self._again(job, answer, body, known))

    async def _results(self, asked: Asked) -> Reply:
        job = self._known_job(asked)
        query = asked.query
        wire = asked.wire_options()
        wait_ms = asked.integer("timeoutMs")
        wait_ms = DEFAULT_TIMEOUT_MS if wait_ms is None else min(wait_ms, MAX_TIMEOUT_MS)
        if job.kind != "query":
            raise BigQueryError("invalid", f"Job {job.project}:{job.location}.{job.job_id} is no query.")
        done = await job.wait(wait_ms / 1000, self.core.clock)
        answer: dict[str, Any] = {"kind": "bigquery#getQueryResultsResponse"}
        if not done:
            answer |= {"jobReference": job.reference(), "jobComplete": False}
            return Reply(answer)
        error = job.error
        if error is not None:
            raise error
        token = query.get("pageToken")
        start = paging.decode(job.job_id, token) if token else asked.integer("startIndex") or 0
        count = asked.integer("maxResults")
        key = start, count, wire
        kept = job.pages.get(key)
        if kept is None:
            answer["etag"] = job.etag(DONE)
            self._put_page(answer, job, wire, start, count)
            answer["jobReference"] = job.reference()
            answer["jobComplete"] = True
            answer |= job.shared()
            kept = answer, {}
            if len(job.pages) < PAGES_KEPT:
                job.pages[key] = kept
        # A job that has failures to tell yet tells them first.
        work = None if job.failures else SamePage(self.core.jobs, job)
        return KeptReply(kept[0], etag=kept[0]["etag"], texts=kept[1], work=work)

    def _again(
        self, job: ReplayJob, answer: Mapping[str, Any], body: Mapping[str, Any], known: bool
    ) -> QueryAgain | None:
        """What a query did, when it does the same whenever it comes again."""
        recording, jobs = job.found.recording, self.core.jobs
        # The first time tells nothing of whether there will be others.
        if known or recording.used < 2 or job.dry_run or not jobs.timing.none or job.state() != DONE:
            return None
        if job.kept.summary is None or not jobs.book.answers_always(recording):
            return None
        if job.found.operation.result.get("children"):
            return None
        following = 0
        if "pageToken" in answer:
            following = paging.decode(job.job_id, answer["pageToken"])
        return QueryAgain(
            jobs, recording, job.project, job.location, body.get("labels"), following, jobs.book.project
        )

    def _put_page(
        self, answer: dict[str, Any], job: ReplayJob, wire: WireOptions, start: int, count: int | None
    ) -> None:
        """Add the schema, the number of rows and a page of them; a statement without result has none."""
        schema = job.schema()
        if schema is None:
            return
        answer["schema"] = schema
        if job.dry_run:
            return
        result = job.result
        answer["totalRows"] = str(result.total_rows)
        rows, shown = result.page_json(start, count, wire)
        following = start + shown
        if following < result.total_rows and count != 0:
            answer["pageToken"] = paging.encode(job.job_id, following)
        if shown:
            answer["rows"] = rows

    # Rows of tables

    async def _list_rows(self, asked: Asked) -> Reply:
        path, query = asked.path, asked.query
        place = path["projectId"], path["datasetId"], path["tableId"]
        resource = "projects/{}/datasets/{}/tables/{}".format(*place)
        wire, selected = asked.wire_options(), query.get("selectedFields") or None
        token, limit = query.get("pageToken"), asked.integer("maxResults")
        start = paging.decode(resource, token) if token else asked.integer("startIndex") or 0
        job = self.core.jobs.writer(*place)
        if job is not None:
            await job.wait(MAX_TIMEOUT_MS / 1000, self.core.clock)
            note(**{RECORDING: job.found.name})
            result, total = job.result, job.result.total_rows
            rows, shown = result.page_json(start, limit, wire, selected)
            name = job.found.name
        else:
            rows, shown, total, name = self._table_rows(asked, resource, token, start, limit, wire, selected)
        answer: dict[str, Any] = {"kind": "bigquery#tableDataList"}
        answer["etag"] = hashlib.blake2b(f"{name}/{total}".encode(), digest_size=12).hexdigest()
        answer["totalRows"] = str(total)
        following = start + shown
        if following < total and limit != 0:
            answer["pageToken"] = paging.encode(resource, following)
        if shown:
            answer["rows"] = rows
        return Reply(answer)

    def _table_rows(
        self,
        asked: Asked,
        resource: str,
        token: str | None,
        start: int,
        limit: int | None,
        wire: WireOptions,
        selected: str | None,
    ) -> tuple[Raw, int, int, str]:
        """A page of rows of a table that were read when it was recorded."""
        from .queries import rows_page, unread
        from .reads import Asked as AskedRows
        from .rows import Missing
        from .sources import Sources

        if self._sources is None:
            self._sources = Sources(self.core.book)
        key = resource, selected or ""
        source = self._tables.get(key) if token or start else None
        if source is None:
            fields = tuple(f.strip() for f in (selected or "").split(",") if f.strip())
            try:
                source = self._sources.find(AskedRows(resource, fields))
            except Exception as error:
                raise _as_rest(error) from error
            self._tables[key] = source
        left = max(0, source.total - start)
        wanted = left if limit is None else min(limit, left)
        if not wanted:
            return Raw(b"[]"), 0, source.total, resource
        try:
            rows, shown = rows_page(source.rows, start, wanted, wire, selected)
        except Missing as missing:
            raise unread(resource, missing.start, missing.stop, source.rows.recorded) from None
        return Raw(rows), shown, source.total, resource

    async def _insert_all(self, asked: Asked) -> Reply:
        from .inserts import insert_request

        found = self.core.book.find("insert", insert_request(asked), project=asked.project)
        note(**{RECORDING: found.name})
        result = self.core.book.bindings.rendered(found.operation.result, found.play)
        if result.get("error"):
            raise Refused(result["error"], found.name)
        body: dict[str, Any] = {"kind": "bigquery#tableDataInsertAllResponse"}
        if result.get("insertErrors"):
            body["insertErrors"] = result["insertErrors"]
        return Reply(body)

    # Everything else

    async def _metadata(self, asked: Asked) -> Reply:
        from urllib.parse import unquote

        reply, name = self.metadata.answer(
            asked.method,
            unquote(asked.found.resource),
            asked.path,
            asked.query,
            asked.body,
            base_url(asked.headers, self.core.settings),
        )
        if name:
            note(**{RECORDING: name})
        return reply


@dataclass(slots=True)
class Asked:
    """One call: its method, parameters and body."""

    app: ReplayApp
    found: Match
    data: bytes
    query: dict[str, str]
    http: HttpRequest
    body: dict[str, Any]

    @property
    def method(self) -> str:
        return self.found.method.id

    @property
    def path(self) -> Mapping[str, str]:
        return self.found.path

    @property
    def project(self) -> str:
        return self.found.path.get("projectId", "")

    @property
    def headers(self) -> Mapping[str, str]:
        return self.http.head.headers

    def call(self) -> Call:
        """The call as the gate sees it."""
        return Call(
            "rest",
            self.method,
            self.found.resource,
            CALLER,
            self.body,
            self.headers,
            (),
            self.http.head.scope,
            len(self.data),
            raw=self.data,
            query=self.query,
        )

    def integer(self, name: str) -> int | None:
        """An integer parameter of the URL; 400 for what is none."""
        text = self.query.get(name)
        if not text:
            return None
        try:
            number = int(text)
        except ValueError:
            number = -1
        if number < 0:
            raise BigQueryError(
                "invalid", f"Invalid value at '{name}' (TYPE_INT64), \"{text[:100]}\"", location=name
            )
        return number

    def wire_options(self) -> WireOptions:
        """How TIMESTAMP is spelled: ``formatOptions`` of the URL."""
        flag = self.query.get("formatOptions.useInt64Timestamp", "").lower()
        return wire_options(
            flag in ("true", "1", "yes", "t"), self.query.get("formatOptions.timestampOutputFormat")
        )


@lru_cache(maxsize=4096)
def _parsed(target: str) -> tuple[str, str, dict[str, str]]:
    """The path of a target, its first segment, and its parameters, which nobody changes."""
    path, query = split_target(target)
    return path, path[1:].partition("/")[0], parse_query(query)


def failed_reply(failure: Mapping[str, Any]) -> Reply:
    """The answer that a recorded passing failure was."""
    broken = str(failure.get("broken") or "")
    status = int(failure.get("status") or 503)
    body = failure.get("body")
    headers = {str(n): str(v) for n, v in dict(failure.get("headers") or {}).items()}
    reply = Reply(body if isinstance(body, Mapping) else None, status, headers=headers)
    if broken:
        reply = error_reply(BigQueryError("backendError", request_text("backendError")))
        reply.fault = Network(_BROKEN.get(broken, "reset"), applied=False)
    return reply


def _as_rest(error: Exception) -> Exception:
    """A failure of the Storage API's words in those of REST."""
    from bqsim.errors import StorageFailure

    if isinstance(error, StorageFailure):
        return Unrecorded("rows", {"table": str(error)}, ())
    return error


def _from_kept(reply: KeptReply, pretty: bool, gzip: bool, fields: str | None) -> Response:
    """The answer to a reply whose text is kept, or will be."""
    key = pretty, gzip, fields
    made = reply.texts.get(key)
    if made is None:
        headers, reply.headers = reply.headers, {}
        try:
            made = respond(reply, pretty=pretty, gzip=gzip, fields=fields)
        except BigQueryError as e:
            return respond(error_reply(e), pretty=pretty, gzip=False, fields=None)
        reply.headers = headers
        if len(made.body) <= TEXT_KEPT_BYTES and len(reply.texts) < PAGES_KEPT:
            reply.texts[key] = made
    return Response(made.status, made.body, {**made.headers, **reply.headers})
