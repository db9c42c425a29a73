"""Calls that read and change resources, answered as they stand after what this replay has done to them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bqsim.record.symbols import symbols_of
from bqsim.server.rest.reply import Reply, etag_of

from . import paging
from .book import Book, Found, Unrecorded
from .jobs import Jobs, KeptReply, ReplayJob
from .quick import SameAnswer

# Lists whose further pages can be asked for at once.
LISTS_KEPT = 1000
# The lists of the API: the member with their items, and the parameter that limits a page.
LISTS: Mapping[str, tuple[str, str]] = {
    "bigquery.datasets.list": ("datasets", "maxResults"),
    "bigquery.jobs.list": ("jobs", "maxResults"),
    "bigquery.models.list": ("models", "maxResults"),
    "bigquery.projects.list": ("projects", "maxResults"),
    "bigquery.routines.list": ("routines", "maxResults"),
    "bigquery.rowAccessPolicies.list": ("rowAccessPolicies", "pageSize"),
    "bigquery.tables.list": ("tables", "maxResults"),
}
# Headers of recorded answers that are told again.
_HEADERS = frozenset({"retry-after", "www-authenticate"})
# BigQuery page "Using pagination": the largest page of a list.
_LARGEST_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that is being paged through."""

    name: str
    body: Mapping[str, Any]


_LASTING = frozenset({"project", "name", "host", "time", "etag", "number", "dataset", "measure"})


def _lasts(found: Found) -> bool:
    """Whether an operation tells the same whenever it is asked for."""
    symbols = symbols_of(found.operation.result)
    return all(symbol.kind in _LASTING and not symbol.of for symbol in symbols)


class Metadata:
    """Answers calls of the kind ``metadata``. Thread-safe."""

    def __init__(self, book: Book, jobs: Jobs) -> None:
        self._book, self._jobs = book, jobs
        self._lock = threading.Lock()
        self._lists: OrderedDict[str, Listed] = OrderedDict()

    def answer(
        self,
        method: str,
        resource: str,
        path: Mapping[str, str],
        query: Mapping[str, str],
        body: Any,
        base_url: str,
    ) -> tuple[Reply, str]:
        """The reply to a call, and the name of the operation that gave it ('' where it follows from others).

        Raises what :meth:`Book.find` does.
        """
        token = query.get("pageToken")
        if method in LISTS and token:
            listed = self._lists.get(token)
            if listed is not None:
                return self._page(method, query, listed, paging.decode(listed.name, token)), listed.name
            if self._book.open_ended:
                # The list began with who answers the rest.
                raise Unrecorded("metadata", {"method": method, "resource": resource}, ())
            raise paging.refused(token)
        request: dict[str, Any] = {"method": method, "resource": resource}
        if query:
            request["query"] = dict(query)
        if body:
            request["body"] = body
        project = path.get("projectId", "")
        derived = self._derived(method, path, query, base_url, request, project)
        if derived is not None:
            return derived, ""
        found = self.find(request, project)
        return self._reply(method, query, found), found.name

    def find(self, request: Mapping[str, Any], project: str) -> Found:
        """The recorded call; a project of the URL is the replay's, or one that was recorded by its name."""
        book = self._book
        if project and project != book.project and book.has("metadata", request):
            return book.find("metadata", request)
        return book.find("metadata", request, project=project)

    def _reply(self, method: str, query: Mapping[str, str], found: Found) -> Reply:
        kept = found.recording.result
        if kept is None:
            made = self._made(method, query, found)
            if method not in LISTS and _lasts(found):
                # It is told as it is as long as it is the one that fits.
                found.recording.result = kept = made, {}
            return made
        reply, texts = kept
        work = None
        if reply.status == 200 and self._book.answers_always(found.recording):
            work = SameAnswer(self._book, found.recording, self._book.project)
        return KeptReply(reply.body, reply.status, reply.etag, reply.headers, texts=texts, work=work)

    def _made(self, method: str, query: Mapping[str, str], found: Found) -> Reply:
        result, render = found.operation.result, self._book.bindings.rendered
        error = result.get("error")
        told = render(error or result, found.play)
        status = int(told.get("status") or 200)
        body = told.get("body")
        headers = {n: str(v) for n, v in dict(told.get("headers") or {}).items() if n.lower() in _HEADERS}
        if status >= 400 or not isinstance(body, Mapping):
            return Reply(body if isinstance(body, Mapping) else None, status, headers=headers)
        if method in LISTS:
            return self._page(method, query, Listed(f"{found.name}/{found.play.number}", body), 0)
        etag = body.get("etag")
        return Reply(body, status, str(etag) if etag else None, headers)

    def _page(self, method: str, query: Mapping[str, str], listed: Listed, position: int) -> Reply:
        member, limited_by = LISTS[method]
        items = list(listed.body.get(member) or ())
        limit = int(query.get(limited_by) or _LARGEST_PAGE)
        if limited_by == "pageSize" and not limit:
            limit = _LARGEST_PAGE
        body = {k: v for k, v in listed.body.items() if k not in (member, "nextPageToken")}
        shown = items[position : position + limit]
        following = position + len(shown)
        if following < len(items) and limit:
            token = paging.encode(listed.name, following)
            body["nextPageToken"] = token
            with self._lock:
                self._lists[token] = listed
                if len(self._lists) > LISTS_KEPT:
                    self._lists.popitem(last=False)
        if shown or member in listed.body:
            body[member] = shown
        etag = body.get("etag")
        return Reply(body, etag=str(etag) if etag else None)

    # What follows from other operations

    def _derived(
        self,
        method: str,
        path: Mapping[str, str],
        query: Mapping[str, str],
        base_url: str,
        request: Mapping[str, Any],
        project: str,
    ) -> Reply | None:
        if method == "bigquery.jobs.list":
            return (
                None
                if self._book.has("metadata", request, project)
                else self._job_list(path, query, base_url)
            )
        if method == "bigquery.tables.get":
            job = self._jobs.writer(project, path["datasetId"], path["tableId"])
            if job is not None and not self._book.has("metadata", request, project):
                return self._result_table(job, path, base_url)
        return None

    def _job_list(self, path: Mapping[str, str], query: Mapping[str, str], base_url: str) -> Reply:
        """The jobs of this replay, the newest first."""
        states = {s.upper() for s in (query.get("stateFilter") or "").split(",") if s}
        least, most = query.get("minCreationTime"), query.get("maxCreationTime")
        parent = query.get("parentJobId") or ""
        full = (query.get("projection") or "").lower() == "full"

        def wanted(job: ReplayJob) -> bool:
            created_ms = job.created_us // 1000
            return (
                job.project == path["projectId"]
                and job.parent == parent
                and (not states or job.state() in states)
                and (not least or created_ms >= int(least))
                and (not most or created_ms <= int(most))
            )

        jobs = [job.entry(base_url, full=full) for job in self._jobs.all() if wanted(job)]
        body: dict[str, Any] = {"kind": "bigquery#jobList", "jobs": jobs}
        body["etag"] = etag_of(body)
        return self._page("bigquery.jobs.list", query, Listed(f"jobs/{body['etag']}", body), 0)

    def _result_table(self, job: ReplayJob, path: Mapping[str, str], base_url: str) -> Reply:
        """The table that holds the result of a query."""
        reference = {
            "projectId": path["projectId"],
            "datasetId": path["datasetId"],
            "tableId": path["tableId"],
        }
        place = "projects/{projectId}/datasets/{datasetId}/tables/{tableId}".format_map(reference)
        result = job.result
        body: dict[str, Any] = {
            "kind": "bigquery#table",
            "etag": job.etag("table"),
            "id": "{projectId}:{datasetId}.{tableId}".format_map(reference),
            "selfLink": f"{base_url}/bigquery/v2/{place}",
            "tableReference": reference,
            "schema": result.schema or {},
            "numRows": str(result.total_rows),
            "creationTime": str(job.end_us // 1000),
            "lastModifiedTime": str(job.end_us // 1000),
            "type": "TABLE",
            "location": job.location,
        }
        return Reply(body, etag=body["etag"])
