"""What is known of a call or of a job when rules are asked about it.

Four events ask: a ``call`` at the gate, a ``job`` that is about to enter a state, the ``cancel`` of a job,
and a ``stream`` that is about to carry more rows or bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bqsim.sim.gate import Call

from .fingerprint import request_fingerprint
from .sqltext import sql_fingerprint, statement_type

CALL, JOB, CANCEL, STREAM = "call", "job", "cancel", "stream"

# By this header a client keeps its calls apart from those of others; else its project does.
SCOPE_HEADER = "x-bqsim-scope"

_NOTHING: Mapping[str, Any] = {}
_JOB_TYPES = ("query", "load", "copy", "extract")


class Facts:
    """One event. What costs time to find out (SQL, labels, fingerprints) is found out when it is asked for.

    ``clients`` are the texts by which the client tells itself; header names are in lower case. ``state`` is
    the state that the job is about to enter; for calls about a known job (``about``), the one that it is in.
    ``offset_rows`` and ``offset_bytes`` are where in a stream ``rows`` rows and ``size`` bytes begin.
    ``attempt`` None lets each rule count the tries that it saw.
    """

    __slots__ = (
        "_body",
        "_configuration",
        "_fingerprint",
        "_labels",
        "_sql",
        "_sql_fingerprint",
        "_statement_type",
        "about",
        "attempt",
        "caller",
        "clients",
        "event",
        "headers",
        "job_id",
        "method",
        "offset_bytes",
        "offset_rows",
        "origin",
        "project",
        "request_id",
        "resource",
        "rows",
        "scope",
        "size",
        "state",
        "transport",
    )

    def __init__(
        self,
        event: str = CALL,
        *,
        transport: str = "",
        method: str = "",
        resource: str = "",
        caller: str = "",
        clients: tuple[str, ...] = (),
        headers: Mapping[str, str] = _NOTHING,
        body: Any = None,
        configuration: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        sql: str | None = None,
        statement_type: str | None = None,
        state: str | None = None,
        job_id: str = "",
        request_id: str = "",
        attempt: int | None = None,
        offset_rows: int | None = None,
        rows: int = 0,
        offset_bytes: int | None = None,
        size: int = 0,
        about: Facts | None = None,
        origin: str = "",
        scope: str = "",
    ) -> None:
        self.event = event
        self.transport = transport
        self.method = method
        self.resource = resource
        self.project = _project(resource)
        self.scope = scope or headers.get(SCOPE_HEADER, "") or self.project
        self.caller = caller
        self.clients = clients
        self.headers = headers
        self.state: str | None = about.state if state is None and about is not None else state
        self.job_id = job_id
        self.request_id = request_id
        self.attempt = attempt
        self.offset_rows = offset_rows
        self.rows = rows
        self.offset_bytes = offset_bytes
        self.size = size
        self.about = about
        self.origin = origin
        self._body = body
        self._configuration = configuration
        self._labels = labels
        self._sql = sql
        self._statement_type = statement_type
        self._fingerprint: str | None = None
        self._sql_fingerprint: str | None = None

    @property
    def configuration(self) -> Mapping[str, Any]:
        """The ``JobConfiguration`` that the event is about; empty when it is about none."""
        if self._configuration is None:
            given = self._body.get("configuration") if isinstance(self._body, Mapping) else None
            if isinstance(given, Mapping):
                self._configuration = given
            else:
                self._configuration = self.about.configuration if self.about is not None else _NOTHING
        return self._configuration

    @property
    def labels(self) -> Mapping[str, Any]:
        """Labels of the job, or of the resource that the request makes or changes."""
        if self._labels is None:
            given = self.configuration.get("labels")
            if given is None and isinstance(self._body, Mapping):
                given = self._body.get("labels")
            if isinstance(given, Mapping):
                self._labels = given
            else:
                self._labels = self.about.labels if self.about is not None else _NOTHING
        return self._labels

    @property
    def job_type(self) -> str:
        """``QUERY``, ``LOAD``, ``COPY``, ``EXTRACT``; '' when no job is concerned."""
        configuration = self.configuration
        for name in _JOB_TYPES:
            if name in configuration:
                return name.upper()
        if self.method == "bigquery.jobs.query":
            return "QUERY"
        return self.about.job_type if self.about is not None else ""

    @property
    def sql(self) -> str:
        """The text of the query; '' when there is none."""
        if self._sql is None:
            query = self.configuration.get("query")
            text = query.get("query") if isinstance(query, Mapping) else None
            if text is None and self.method == "bigquery.jobs.query" and isinstance(self._body, Mapping):
                text = self._body.get("query")
            if isinstance(text, str):
                self._sql = text
            else:
                self._sql = self.about.sql if self.about is not None else ""
        return self._sql

    @property
    def sql_fingerprint(self) -> str:
        """The fingerprint of the query's normal form; '' when there is no query."""
        if self._sql_fingerprint is None:
            self._sql_fingerprint = sql_fingerprint(self.sql) if self.sql else ""
        return self._sql_fingerprint

    @property
    def statement_type(self) -> str:
        """As the job tells it; before the query is analyzed, as its text does."""
        if self._statement_type is None:
            about = self.about.statement_type if self.about is not None else ""
            self._statement_type = about or (statement_type(self.sql) if self.sql else "")
        return self._statement_type

    @property
    def fingerprint(self) -> str:
        """What two tries of the same request, or two jobs for the same work, have in common."""
        if self._fingerprint is None:
            if self.event == CALL:
                what: tuple[str, str, Any] = (self.method, self.resource, self._body)
            elif self.event == STREAM:
                what = (self.method, self.resource, [self.offset_rows, self.offset_bytes])
            else:
                what = (f"{self.event} {self.state}", self.resource, self.configuration)
            self._fingerprint = request_fingerprint(*what, self.origin)
        return self._fingerprint

    @property
    def try_key(self) -> str:
        """What tries are counted by: the ``requestId`` or job id in the request, else its fingerprint.

        Jobs count by their fingerprint: a client that tries again makes a new job of the same configuration.
        """
        if self.event == CALL and (self.request_id or self.job_id):
            return f"{self.method} {self.project} {self.request_id or self.job_id}"
        return self.fingerprint


def call_facts(call: Call, *, about: Facts | None = None, origin: str = "") -> Facts:
    """The facts of a call at the gate.

    ``about``: the facts of the job that the call reads or cancels. ``origin``: the fingerprint of the request
    that made the resource, so that draws for concurrent polls of several jobs do not mix.
    """
    body, headers = call.body, call.headers
    clients = tuple(headers[name] for name in ("user-agent", "x-goog-api-client") if name in headers)
    if isinstance(body, Mapping):
        reference = body.get("jobReference")
        return Facts(
            transport=call.transport,
            method=call.method,
            resource=call.resource,
            caller=call.caller,
            clients=clients,
            headers=headers,
            body=body,
            job_id=_text(reference.get("jobId")) if isinstance(reference, Mapping) else "",
            request_id=_text(body.get("requestId")),
            about=about,
            origin=origin,
            scope=call.scope,
        )
    trace = getattr(body, "trace_id", "") or getattr(getattr(body, "read_session", None), "trace_id", "")
    offset, rows = _position(body)
    return Facts(
        transport=call.transport,
        method=call.method,
        resource=call.resource,
        caller=call.caller,
        clients=(*clients, trace) if trace else clients,
        headers=headers,
        body=body,
        offset_rows=offset,
        rows=rows,
        about=about,
        origin=origin,
        scope=call.scope,
    )


def job_facts(
    *,
    project: str,
    job_id: str,
    configuration: Mapping[str, Any],
    state: str,
    event: str = JOB,
    transport: str = "rest",
    method: str = "bigquery.jobs.insert",
    caller: str = "",
    clients: tuple[str, ...] = (),
    headers: Mapping[str, str] = _NOTHING,
    labels: Mapping[str, str] | None = None,
    statement_type: str | None = None,
    attempt: int | None = None,
    scope: str = "",
) -> Facts:
    """The facts of a job that is about to enter ``state``, or (``event`` CANCEL) to be cancelled.

    ``configuration`` is its ``JobConfiguration`` as JSON; ``method`` and ``transport`` are those of the call
    that made it.
    """
    return Facts(
        event,
        transport=transport,
        method=method,
        resource=f"projects/{project}/jobs/{job_id}",
        caller=caller,
        clients=clients,
        headers=headers,
        configuration=configuration,
        labels=labels,
        statement_type=statement_type,
        state=state,
        job_id=job_id,
        attempt=attempt,
        scope=scope,
    )


def stream_facts(
    call: Facts,
    *,
    offset_rows: int | None = None,
    rows: int = 0,
    offset_bytes: int | None = None,
    size: int = 0,
) -> Facts:
    """The facts of the next ``rows`` rows or ``size`` bytes of the stream that ``call`` opened."""
    return Facts(
        STREAM,
        transport=call.transport,
        method=call.method,
        resource=call.resource,
        caller=call.caller,
        clients=call.clients,
        headers=call.headers,
        offset_rows=offset_rows,
        rows=rows,
        offset_bytes=offset_bytes,
        size=size,
        about=call,
        origin=call.fingerprint,
        scope=call.scope,
    )


def _project(resource: str) -> str:
    if not resource.startswith("projects/"):
        return ""
    return resource[9:].partition("/")[0]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _position(message: Any) -> tuple[int | None, int]:
    """The offset that a request message names, and how many rows it carries."""
    if not hasattr(message, "ListFields"):
        return None, 0
    name = message.DESCRIPTOR.name
    if name == "ReadRowsRequest":
        return int(message.offset), 0
    if name != "AppendRowsRequest":
        return None, 0
    offset = int(message.offset.value) if message.HasField("offset") else None
    if message.HasField("proto_rows"):
        return offset, len(message.proto_rows.rows.serialized_rows)
    return offset, int(message.arrow_rows.rows.row_count)
