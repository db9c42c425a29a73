"""Which calls make up one operation, and what they name."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from bqsim.record.model import Exchange
from bqsim.record.routes import DISCOVERY, READ, WRITE

from .identities import Identities
from .views import Source, View

_TABLE = re.compile(r"projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)")
_PROJECT = re.compile(r"projects/([^/]+)")
_STARTS = frozenset(("bigquery.jobs.insert", "bigquery.jobs.query"))
_FOLLOWS = frozenset(
    (
        "bigquery.jobs.get",
        "bigquery.jobs.getQueryResults",
        "bigquery.jobs.cancel",
        "bigquery.jobs.delete",
    )
)
# Members of answers that make names: what the last part of a call's resource is called.
_MAKES = frozenset(
    (
        "bigquery.datasets.insert",
        "bigquery.tables.insert",
        "bigquery.routines.insert",
        "bigquery.rowAccessPolicies.insert",
        "storage.buckets.insert",
        "storage.objects.insert",
        "storage.objects.compose",
        "storage.objects.copy",
        "storage.objects.rewrite",
        "storage.objects.move",
        "storage.xml.put",
    )
)
JOB_KINDS = ("query", "load", "extract", "copy")


@dataclass(slots=True)
class Group:
    """Calls that make up one operation: ``units`` are their places."""

    number: int
    kind: str
    units: list[tuple[int, int]] = field(default_factory=list)
    # Calls of other groups that tell of this one, too: commits of several streams, shared connections, lists
    # of a script's jobs.
    also: list[tuple[int, int]] = field(default_factory=list)
    started_s: float = 0.0
    ended_s: float = 0.0
    # Of a job: its id, and those of its children in their order. Of a stream: its name.
    name: str = ""
    children: list[str] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    random: list[str] = field(default_factory=list)
    # The number of the operation that it became; the same for groups that tell the same.
    key: str = ""
    occurrence: int = 0


class Grouping:
    """Goes through ``source`` once; then ``groups`` are in the order in which they began."""

    def __init__(self, source: Source, identities: Identities) -> None:
        self.groups: list[Group] = []
        self.identities = identities
        self._jobs: dict[tuple[str, str], Group] = {}
        self._requests: dict[tuple[str, str], Group] = {}
        self._tables: dict[tuple[str, str, str], Group] = {}
        self._tokens: dict[tuple[str, str], Group] = {}
        self._sessions: dict[str, Group] = {}
        self._write_streams: dict[str, Group] = {}
        self._uploads: dict[str, Group] = {}
        # Where jobs that scripts started put their results.
        self._child_tables: dict[str, str] = {}
        # When jobs that scripts started began, as the service told it.
        self._began: dict[str, str] = {}
        self._again: dict[bytes, tuple[Group, float]] = {}
        for index in range(len(source)):
            for part, exchange in enumerate(source.calls(index)):
                self._take(View(exchange), index, part)
        for group in self.groups:
            self._name_children(group)

    def _new(self, kind: str, view: View) -> Group:
        group = Group(len(self.groups), kind, started_s=view.started_s, ended_s=view.ended_s)
        self.groups.append(group)
        return group

    def _take(self, view: View, index: int, part: int) -> None:
        mark = _fingerprint(view.exchange)
        waiting = self._again.pop(mark, None)
        repeated = waiting[0] if waiting and waiting[1] <= view.started_s else None
        group = self._group(view, repeated)
        group.units.append((index, part))
        for other in self._others(view, group):
            other.also.append((index, part))
        group.started_s = min(group.started_s, view.started_s)
        group.ended_s = max(group.ended_s, view.ended_s)
        if view.retryable:
            self._again[mark] = group, view.ended_s

    def _group(self, view: View, repeated: Group | None) -> Group:
        method = view.method
        if method in _STARTS:
            return self._start(view, repeated)
        if method in _FOLLOWS:
            group = self._follow(view)
            if group is not None:
                return group
        if method.startswith((READ, WRITE)):
            return self._storage(view, repeated)
        if method == "bigquery.tabledata.list":
            return self._list_rows(view, repeated)
        if method == "bigquery.tabledata.insertAll":
            return repeated or self._new("insert", view)
        if method.startswith("storage."):
            return self._object(view, repeated)
        if method.startswith("bigquery."):
            return self._call(view, repeated)
        return repeated or self._new("metadata" if method == DISCOVERY else "other", view)

    # Jobs

    def _start(self, view: View, repeated: Group | None) -> Group:
        body = view.body if isinstance(view.body, dict) else {}
        upload = view.query.get("upload_id", "")
        project = _project(view.resource)
        told = view.job
        asked = _dict(body.get("jobReference"))
        job = _text(told.get("jobId")) or _text(asked.get("jobId"))
        request = _text(body.get("requestId"))
        group = self._uploads.get(upload) if upload else None
        group = group or (self._jobs.get((project, job)) if job else None)
        group = group or (self._requests.get((project, request)) if request else None) or repeated
        if group is None:
            configuration = _dict(body.get("configuration"))
            kind = next((k for k in JOB_KINDS if k in configuration), "query")
            if view.method == "bigquery.jobs.insert" and not configuration:
                kind = _kind_of(view) or ("load" if upload or "uploadType" in view.query else "query")
            group = self._new(kind, view)
        if request:
            self._requests.setdefault((project, request), group)
        if "upload" in view.exchange.target:
            self._upload(view, group)
        if job:
            self._know_job(project, job, group)
        self._learn(view.answer, group, project)
        for name in _destinations(body):
            self.identities.made(name, group.number, group.random)
        return group

    def _follow(self, view: View) -> Group | None:
        parts = view.resource.split("/")
        if len(parts) < 4:
            return None
        project, job = parts[1], parts[3]
        group = self._jobs.get((project, job))
        if group is None:
            parent = _text(_dict(_dict(view.answer).get("statistics")).get("parentJobId"))
            group = self._jobs.get((project, parent)) if parent else None
            if group is None:
                return None
            self._child(project, job, group)
        answer = view.answer
        if view.method == "bigquery.jobs.cancel":
            answer = _dict(answer).get("job")
        self._learn(answer, group, project)
        return group

    def _know_job(self, project: str, job: str, group: Group) -> None:
        known = self._jobs.setdefault((project, job), group)
        if known is group and not group.name:
            group.name = job
            self.identities.add(job, group.number, "job")

    def _child(self, project: str, job: str, group: Group) -> None:
        if job != group.name and job not in group.children:
            group.children.append(job)
            self._jobs.setdefault((project, job), group)

    def _learn(self, answer: Any, group: Group, project: str) -> None:
        """What an answer about a job names."""
        told = _dict(answer)
        statistics = _dict(told.get("statistics"))
        job = _text(_dict(told.get("jobReference")).get("jobId"))
        main = not job or job == group.name
        began = _text(statistics.get("startTime")) or _text(statistics.get("creationTime"))
        if not main and began:
            self._began.setdefault(job, began)
        query_id = _text(told.get("queryId"))
        if query_id and query_id != job:
            self.identities.add(query_id, group.number, "job", "query")
        for where in (told, statistics):
            session = _text(_dict(where.get("sessionInfo")).get("sessionId")).rstrip("=")
            self.identities.add(session, group.number, "sqlsession")
            transaction = _text(_dict(where.get("transactionInfo")).get("transactionId"))
            self.identities.add(transaction, group.number, "random", "transaction")
        configuration = _dict(told.get("configuration"))
        destination = _dict(_dict(configuration.get("query")).get("destinationTable"))
        dataset, table = _text(destination.get("datasetId")), _text(destination.get("tableId"))
        if dataset.startswith("_") and table:
            self.identities.hidden.add(dataset)
            self._tables[_text(destination.get("projectId")) or project, dataset, table] = group
            if main:
                self.identities.add(table, group.number, "table")
            else:
                self._child_tables[job] = table
        referenced = _dict(statistics.get("query")).get("referencedTables")
        for reference in referenced if isinstance(referenced, list) else ():
            name = _text(_dict(reference).get("datasetId"))
            if name.startswith("_"):
                self.identities.hidden.add(name)
        for member in ("ddlTargetTable", "ddlTargetRoutine", "ddlDestinationTable"):
            target = _dict(_dict(statistics.get("query")).get(member))
            name = _text(target.get("tableId")) or _text(target.get("routineId"))
            if _text(target.get("datasetId")).startswith("_"):
                self.identities.hidden.add(_text(target.get("datasetId")))
            if name and _text(_dict(statistics.get("query")).get("statementType")).startswith("CREATE"):
                self.identities.made(name, group.number, group.random)

    def _name_children(self, group: Group) -> None:
        known = {job: n for n, job in enumerate(group.children)}
        group.children.sort(key=lambda job: (self._began.get(job, ""), known[job]))
        for number, job in enumerate(group.children, 2):
            self.identities.add(job, group.number, "job", str(number))
            self.identities.add(self._child_tables.get(job, ""), group.number, "table", str(number))

    def _upload(self, view: View, group: Group) -> None:
        ids = [view.query.get("upload_id", ""), view.told_header("x-guploader-uploadid")]
        location = view.told_header("location")
        found = re.search(r"[?&]upload_id=([^&]+)", location)
        if found:
            ids.append(found[1])
        for upload in filter(None, (ids[0], ids[2] if len(ids) > 2 else "")):
            self._uploads.setdefault(upload, group)
            self.identities.add(upload, group.number, "upload")

    # Rows

    def _list_rows(self, view: View, repeated: Group | None) -> Group:
        place = _table(view.resource)
        group = self._tables.get(place)
        if group is not None:
            return group
        token = view.query.get("pageToken", "")
        group = self._tokens.get((view.resource, token)) if token else None
        group = group or repeated or self._new("rows", view)
        following = _text(_dict(view.answer).get("pageToken"))
        if following:
            self._tokens[view.resource, following] = group
        return group

    def _storage(self, view: View, repeated: Group | None) -> Group:
        name = view.method.rpartition(".")[2]
        asked = view.asked()
        if name == "CreateReadSession":
            table = _table(asked.read_session.table) if asked is not None else ("", "", "")
            group = self._tables.get(table) or repeated or self._new("rows", view)
            told = view.told()
            if told is not None and told.name:
                self._sessions[told.name] = group
                self.identities.add(told.name.rpartition("/")[2], group.number, "session")
                for stream in told.streams:
                    self._read_stream(stream.name, group)
            return group
        if name in ("ReadRows", "SplitReadStream"):
            path = "" if asked is None else asked.read_stream if name == "ReadRows" else asked.name
            known = self._sessions.get(path.partition("/streams/")[0])
            group = known or repeated or self._new("rows", view)
            if known is None:
                self._sessions[path.partition("/streams/")[0]] = group
                self._read_stream(path, group)
            told = view.told() if name == "SplitReadStream" else None
            if told is not None:
                for stream in (told.primary_stream, told.remainder_stream):
                    self._read_stream(stream.name, group)
            return group
        return self._write(view, name, asked, repeated)

    def _read_stream(self, path: str, group: Group) -> None:
        if path and path not in group.streams:
            group.streams.append(path)
            number = len(group.streams)
            which = str(number) if number > 1 else ""
            self.identities.add(path.rpartition("/")[2], group.number, "stream", which)

    def _write(self, view: View, name: str, asked: Any, repeated: Group | None) -> Group:
        told = view.told()
        if name == "CreateWriteStream":
            group = repeated or self._new("append", view)
            if told is not None and told.name:
                self._write_stream(told.name, group)
            return group
        path = ""
        if asked is not None:
            if name == "BatchCommitWriteStreams":
                path = next(iter(asked.write_streams), "")
            elif name in ("AppendRows", "FlushRows"):
                path = asked.write_stream
            elif name in ("GetWriteStream", "FinalizeWriteStream"):
                path = asked.name
        if path.endswith("/_default"):
            # Every connection to a default stream is an operation of its own.
            return repeated or self._new("append", view)
        known = self._write_streams.get(path) or repeated
        group = known or self._new("append", view)
        if known is None:
            self._write_stream(path, group)
        return group

    def _others(self, view: View, group: Group) -> list[Group]:
        """Groups of other streams that a call is about."""
        if view.method == WRITE + "BatchCommitWriteStreams":
            asked = view.asked()
            paths = list(asked.write_streams) if asked is not None else []
        elif view.method == "bigquery.jobs.list" and view.ok:
            return self._listed_jobs(view)
        elif view.method == WRITE + "AppendRows" and len(view.exchange.request.parts) > 1:
            messages = (view.asked(n) for n in range(len(view.exchange.request.parts)))
            paths = [m.write_stream for m in messages if m is not None and m.write_stream]
        else:
            return []
        out: dict[int, Group] = {}
        for path in paths:
            if path.endswith("/_default") or not path:
                continue
            other = self._write_streams.get(path)
            if other is None:
                other = self._new("append", view)
                self._write_stream(path, other)
            if other is not group:
                out[other.number] = other
        return list(out.values())

    def _write_stream(self, path: str, group: Group) -> None:
        if path:
            self._write_streams.setdefault(path, group)
            group.name = group.name or path
            self.identities.add(path.rpartition("/")[2], group.number, "stream")

    # Calls

    def _object(self, view: View, repeated: Group | None) -> Group:
        upload = view.query.get("upload_id", "") or view.query.get("uploadId", "")
        group = self._uploads.get(upload) if upload else None
        group = group or self._listed(view, repeated, "object")
        if "upload" in view.exchange.target:
            self._upload(view, group)
        answer = _dict(view.answer)
        if view.method in _MAKES:
            body = _dict(view.body)
            name = _text(body.get("name")) or view.query.get("name", "") or _text(answer.get("name"))
            for text in filter(None, (name, view.resource.partition("/o/")[2])):
                self.identities.made(text, group.number, group.random)
        if view.ok:
            items = answer.get("items")
            for told in (answer, _dict(answer.get("resource")), *(items if isinstance(items, list) else ())):
                generation = _text(_dict(told).get("generation"))
                if len(generation) >= 10:
                    self.identities.add(generation, group.number, "generation", str(len(group.streams) or ""))
                    group.streams.append(generation)
            generation = view.told_header("x-goog-generation")
            if len(generation) >= 10:
                self.identities.add(generation, group.number, "generation", str(len(group.streams) or ""))
                group.streams.append(generation)
        self._etags(view, group)
        return group

    def _call(self, view: View, repeated: Group | None) -> Group:
        group = self._listed(view, repeated, "metadata")
        body = _dict(view.body)
        if view.method in _MAKES:
            for member in ("datasetReference", "tableReference", "routineReference"):
                for part in _dict(body.get(member)).values():
                    # Of a path of names only the last is made here; the first that made one is right.
                    self.identities.made(_text(part), group.number, group.random)
        self._etags(view, group)
        return group

    def _listed_jobs(self, view: View) -> list[Group]:
        """Learn the jobs of scripts from a list; the groups of those scripts."""
        project = _project(view.resource)
        parent = view.query.get("parentJobId", "")
        jobs = _dict(view.answer).get("jobs")
        found: dict[int, Group] = {}
        # The newest stands first.
        for told in reversed(jobs if isinstance(jobs, list) else []):
            job = _text(_dict(_dict(told).get("jobReference")).get("jobId"))
            of = _text(_dict(_dict(told).get("statistics")).get("parentJobId")) or parent
            group = self._jobs.get((project, of)) if of else None
            if job and group is not None:
                self._child(project, job, group)
                self._learn(told, group, project)
                found[group.number] = group
        return list(found.values())

    def _listed(self, view: View, repeated: Group | None, kind: str) -> Group:
        """The group of a call, which may be a page of a list."""
        token = view.query.get("pageToken", "")
        group = self._tokens.get((view.resource, token)) if token else None
        group = group or repeated or self._new(kind, view)
        following = _text(_dict(view.answer).get("nextPageToken"))
        if following:
            self._tokens[view.resource, following] = group
        return group

    def _etags(self, view: View, group: Group) -> None:
        if not view.ok:
            return
        for tag in (_text(_dict(view.answer).get("etag")), view.told_header("etag")):
            bare = tag.removeprefix("W/").strip('"')
            if bare:
                makers = self.identities.etags.setdefault(bare, [])
                if group.number not in makers:
                    if view.exchange.verb == "GET":
                        makers.append(group.number)
                    else:
                        makers.insert(0, group.number)


def _fingerprint(exchange: Exchange) -> bytes:
    """The same for requests that say the same."""
    known = hashlib.blake2b(digest_size=16)
    known.update(f"{exchange.verb}\0{exchange.target}\0{exchange.request.digest}\0".encode())
    for part in exchange.request.parts:
        known.update(part.data)
    return known.digest()


def _kind_of(view: View) -> str:
    configuration = _dict(_dict(view.answer).get("configuration"))
    return next((kind for kind in JOB_KINDS if kind in configuration), "")


def _destinations(body: Any) -> list[str]:
    """Names that a job's configuration gives to what it makes."""
    out = []
    configuration = _dict(_dict(body).get("configuration"))
    for kind in ("query", "load", "copy"):
        table = _dict(_dict(configuration.get(kind)).get("destinationTable"))
        out += [_text(table.get("datasetId")), _text(table.get("tableId"))]
    extract = _dict(configuration.get("extract"))
    uris = extract.get("destinationUris")
    out += [_text(uri) for uri in uris] if isinstance(uris, list) else []
    out.append(_text(extract.get("destinationUri")))
    return [name for name in out if name]


def _project(resource: str) -> str:
    found = _PROJECT.match(resource)
    return found[1] if found else ""


def _table(path: str) -> tuple[str, str, str]:
    found = _TABLE.match(path)
    return (found[1], found[2], found[3].partition("$")[0].partition("@")[0]) if found else ("", "", "")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
