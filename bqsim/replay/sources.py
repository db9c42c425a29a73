"""Which recorded rows answer a read of a table: those of a read of it, or of a query whose result it is."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bqsim.errors import StorageFailure
from bqsim.record.symbols import parsed

from .queries import RecordedResult
from .reads import Asked, Readable, unrecorded
from .rows import RecordedRows

if TYPE_CHECKING:
    from .book import Book, Found, Recording

_ESTIMATES = {
    "estimatedTotalBytesScanned": "estimated_total_bytes_scanned",
    "estimatedTotalPhysicalFileSize": "estimated_total_physical_file_size",
    "estimatedRowCount": "estimated_row_count",
}
_LOCATION = re.compile(r"/locations/([^/${}]+)/")


class Refused(StorageFailure):
    """A call that was refused when it was recorded: ``details`` is its ``google.rpc.Status``, serialised."""

    def __init__(self, code: str, message: str, details: bytes = b"") -> None:
        super().__init__(code, message)
        self.details = details


class Sources:
    """Finds recorded rows by tables. Thread-safe."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._lock = threading.Lock()
        self._results: dict[str, list[Recording]] | None = None
        self._rows: dict[str, list[Recording]] | None = None

    def find(self, asked: Asked) -> Readable:
        """The rows that a session reads.

        A read that was recorded with the same fields and restriction comes first, then a read of the whole
        table with all fields that are asked for, then the query whose destination the table is.
        """
        book = self._book
        request = request_of(asked)
        project = project_of(asked.table)
        if book.has("rows", request, project):
            return self._read(book.find("rows", request, project=project))
        if not asked.restriction and asked.sample is None:
            recording = self._wider(asked) or self._result(asked.table)
            if recording is not None:
                return self._read(book.use(recording))
        raise self._missing(asked, request)

    def known(self, table: str) -> bool:
        """Whether any rows of a table were recorded, by a read or as a query's result."""
        return (
            bool(self._by_table().get(symbolic_table(self._book, table))) or self._result(table) is not None
        )

    def _read(self, found: Found) -> Readable:
        operation = found.operation
        refuse(operation.result, self._book.bindings.rendered, found)
        cassette = self._book.cassette_of(found)
        result = RecordedResult(cassette, operation)
        session = operation.result.get("session") or {}
        rows = result.rows
        if rows is None:
            rows = RecordedRows(cassette, [], result.schema or _schema_of(session))
        return Readable(
            rows,
            result.total_rows,
            len(session.get("streams") or ()),
            _location(session, operation.result),
            {
                ours: int(session[theirs])
                for theirs, ours in _ESTIMATES.items()
                if _is_number(session, theirs)
            },
        )

    def _wider(self, asked: Asked) -> Recording | None:
        """The best recorded read of a whole table that has all columns that are asked for."""
        path = symbolic_table(self._book, asked.table)
        wanted = {f.partition(".")[0].casefold() for f in asked.fields}
        found = []
        for recording in self._by_table().get(path, ()):
            operation = self._book.load(recording)
            request = operation.request
            if any(request.get(n) for n in ("restriction", "sample", "snapshot")) or operation.result.get(
                "error"
            ):
                continue
            fields = {str(f).casefold() for f in request.get("fields") or ()}
            if not fields or (wanted and wanted <= fields):
                found.append(recording)
        if not found:
            return None
        standing = [r for r in found if self._book.stands(self._book.load(r))] or found
        return next((r for r in standing if not r.used), standing[-1])

    def _result(self, table: str) -> Recording | None:
        """The query whose destination a table is: of several the last that was used."""
        path = symbolic_table(self._book, table)
        made = _maker(path)
        if made is not None:
            for recording in self._book.recordings("query"):
                if (recording.entry.key, recording.entry.occurrence) == made:
                    return recording
        found = self._by_destination().get(path, ())
        used = [r for r in found if r.used]
        return used[-1] if used else (found[0] if found else None)

    def _by_table(self) -> Mapping[str, Sequence[Recording]]:
        with self._lock:
            if self._rows is None:
                self._rows = {}
                for recording in self._book.recordings("rows"):
                    table = str(self._book.load(recording).request.get("table"))
                    self._rows.setdefault(table, []).append(recording)
            return self._rows

    def _by_destination(self) -> Mapping[str, Sequence[Recording]]:
        """Query operations by the tables that clients named for their results."""
        with self._lock:
            if self._results is None:
                self._results = {}
                for recording in self._book.recordings("query"):
                    path = destination_of(self._book.load(recording).request)
                    if path:
                        self._results.setdefault(path, []).append(recording)
            return self._results

    def _missing(self, asked: Asked, request: Mapping[str, Any]) -> StorageFailure:
        book = self._book
        shown = f"a read of {asked.table}"
        if asked.restriction:
            shown += f" where {asked.restriction}"
        if asked.sample is not None:
            shown += f", a sample of {asked.sample} percent"
        if (asked.restriction or asked.sample is not None) and self.known(asked.table):
            shown += "; the table was read, but restrictions and samples are answered only as recorded"
        near = book.near("rows", book.bindings.symbolised(dict(request), project_of(asked.table)))
        book.unexpected(f"rows {asked.table}", shown)
        lines = [f"not recorded: {shown}"] + [line for miss in near for line in miss.lines()]
        return unrecorded("\n".join(lines))


def symbolic_table(book: Book, table: str) -> str:
    """The resource path of a table as cassettes have it."""
    return str(book.bindings.symbolised({"table": table}, project_of(table))["table"])


def project_of(path: str) -> str:
    """The project of a resource path, which is what the client calls it."""
    parts = path.split("/")
    return parts[1] if len(parts) > 1 and parts[0] == "projects" else ""


def request_of(asked: Asked) -> dict[str, Any]:
    """The request of a ``rows`` operation."""
    request: dict[str, Any] = {"table": asked.table}
    if asked.fields:
        request["fields"] = list(asked.fields)
    if asked.restriction:
        request["restriction"] = asked.restriction
    if asked.snapshot_us is not None:
        request["snapshot"] = asked.snapshot_us
    if asked.sample is not None:
        request["sample"] = asked.sample
    return request


def destination_of(request: Mapping[str, Any]) -> str:
    """The path of the table that a query's request names for its result; '' for none."""
    query = (request.get("configuration") or {}).get("query") or {}
    table = query.get("destinationTable") or {}
    if not table.get("tableId"):
        return ""
    project = table.get("projectId") or "${project}"
    return f"projects/{project}/datasets/{table.get('datasetId')}/tables/{table['tableId']}"


def refuse(result: Mapping[str, Any], render: Any, found: Found) -> None:
    """Raise what a recorded call was refused with, if it was."""
    error = result.get("error")
    if not error:
        return
    told = render(error, found.play)
    if "code" in told:
        raise Refused(str(told["code"]), str(told.get("message") or ""), details_of(told))
    body = told.get("body") or {}
    inner = body.get("error") if isinstance(body, Mapping) else None
    message = str((inner or {}).get("message") or "The call was refused")
    raise Refused(_CODES.get(int(told.get("status") or 400), "INVALID_ARGUMENT"), message)


def details_of(error: Mapping[str, Any]) -> bytes:
    """The serialised ``google.rpc.Status`` of a recorded error: base64 without padding, as in metadata."""
    text = str(error.get("details") or "")
    return base64.b64decode(text + "=" * (-len(text) % 4))


_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def _maker(path: str) -> tuple[str, int] | None:
    """The key and occurrence of the operation that made a table, if its name tells."""
    for part in parsed(path.rpartition("/")[2]):
        if not isinstance(part, str) and part.kind == "table" and part.of:
            key, _, occurrence = part.of.partition(".")
            return key, int(occurrence)
    return None


def _schema_of(session: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema that a recorded session without rows tells."""
    from bqsim.types.api_schema import fields_to_api

    from .row_blocks import fields_of_arrow, fields_of_avro

    arrow = (session.get("arrowSchema") or {}).get("serializedSchema")
    if isinstance(arrow, str):
        import pyarrow as pa

        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(arrow)))
        return {"fields": fields_to_api(fields_of_arrow(schema))}
    avro = (session.get("avroSchema") or {}).get("schema")
    return {"fields": fields_to_api(fields_of_avro(avro))} if isinstance(avro, str) else None


def _location(session: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    found = _LOCATION.search(str(session.get("name") or ""))
    if found is not None:
        return found[1]
    reference = (result.get("job") or {}).get("jobReference") or {}
    return str(reference.get("location") or "us").lower()


def _is_number(members: Mapping[str, Any], name: str) -> bool:
    return str(members.get(name, "")).isdigit()
