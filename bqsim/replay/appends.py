"""BigQueryWrite from recorded append operations.

Rows are found by what they hold: an application may send them in other batches than when it was recorded,
over more or fewer connections. What the service answered is told where the rows stand that it was about.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from bqsim.errors import STATUS_CODES, StorageFailure
from bqsim.storage.errors import invalid_argument
from bqsim.storage.names import WriteStreamName, table_of, table_path, write_stream_of
from bqsim.storage.v1 import status_pb2, stream_pb2, table_pb2, write_pb2
from bqsim.storage.write.failures import (
    application_stream,
    flush_beyond,
    no_offset,
    no_type,
    not_committable,
    stream_finalized,
    wrong_offset,
)

from .append_rows import Writer, recorded_texts
from .matching import EQUALS
from .near import title_of
from .reads import NotHere, unrecorded
from .report import CONTENT, Finding
from .sources import details_of, project_of, refuse, symbolic_table

if TYPE_CHECKING:
    from bqsim.record.model import Operation
    from bqsim.sim.clock import Clock
    from bqsim.sim.draws import Draws

    from .book import Book, Found, Recording

_PB = stream_pb2.WriteStream
_TYPES = {_PB.COMMITTED: "COMMITTED", _PB.PENDING: "PENDING", _PB.BUFFERED: "BUFFERED"}
# What the place of rows in their stream decides again at every replay.
_BY_PLACE = frozenset({"OFFSET_ALREADY_EXISTS", "OFFSET_OUT_OF_RANGE"})
_BY_PLACE_STATUS = frozenset({"ALREADY_EXISTS", "OUT_OF_RANGE"})
# Members of messages that are times, which are now's.
_TIMES = ("createTime", "commitTime", "create_time", "commit_time")


@dataclass(slots=True)
class _Told:
    """What answered an append besides its offset: at which row, about how many rows; once."""

    row: int
    count: int
    status: status_pb2.Status | None = None
    row_errors: Sequence[Mapping[str, Any]] = ()
    schema: Mapping[str, Any] | None = None
    done: bool = False


@dataclass(slots=True)
class _Log:
    """The recorded rows of an append operation, and which of them have come."""

    found: Found
    texts: Mapping[int, str]
    count: int
    told: list[_Told]
    # Rows that were accepted in the end.
    accepted: Collection[int] = ()
    come: set[int] = field(default_factory=set)
    at: int = 0

    @property
    def operation(self) -> Operation:
        return self.found.operation

    def place(self, texts: Sequence[str]) -> int | None:
        """Where rows are that have not come yet, where the next ones are awaited first."""
        if not texts:
            return self.at
        if self._are(self.at, texts):
            return self.at
        first = texts[0]
        starts = (i for i, text in self.texts.items() if text == first and i not in self.come)
        return next((i for i in starts if self._are(i, texts)), None)

    def again(self, texts: Sequence[str]) -> int | None:
        """Where rows are that have come before."""
        return next((i for i in sorted(self.come) if self._are(i, texts)), None)

    def _are(self, start: int, texts: Sequence[str]) -> bool:
        return all(self.texts.get(start + i) == text for i, text in enumerate(texts))

    def were_accepted(self, start: int, texts: Sequence[str]) -> bool:
        """Whether rows are some that were accepted."""
        places = range(start, start + len(texts))
        return bool(texts) and all(i in self.accepted for i in places) and self._are(start, texts)

    def took(self, start: int, count: int) -> None:
        self.come.update(range(start, start + count))
        while self.at in self.come:
            self.at += 1


@dataclass(slots=True)
class _Stream:
    """A write stream of this replay; ``log`` is None until its first append tells which one it is."""

    name: WriteStreamName
    type: str
    recording: Recording
    log: _Log | None = None
    end: int = 0
    flushed: int = 0
    finalized: bool = False
    committed: bool = False


class AppendReplay:
    """The calls of BigQueryWrite. Thread-safe; failures are raised as StorageFailure."""

    def __init__(self, book: Book, clock: Clock, draws: Draws) -> None:
        self._book, self._clock, self._draws = book, clock, draws
        self._lock = threading.RLock()
        self._streams: dict[str, _Stream] = {}
        self._taken: set[int] = set()
        # Logs of default streams by table.
        self._default: dict[str, list[_Log]] = {}
        self._told_of: set[str] = set()
        # That rows are to be equal decides here, row by row, and not in keys.
        of_rows = [p for p, m in book.matching.fields.items() if m == EQUALS and fnmatchcase("rows", p)]
        self._strict = bool(of_rows)
        fields = {p: m for p, m in book.matching.fields.items() if p not in of_rows}
        self._matching = replace(book.matching, fields=fields)

    # Streams

    def create_stream(self, request: write_pb2.CreateWriteStreamRequest) -> _PB:
        """A stream for the next recorded one of its table and type."""
        ref = table_of(request.parent, "parent")
        type_ = _TYPES.get(request.write_stream.type)
        if type_ is None:
            raise no_type(request.parent)
        asked = {"table": request.parent, "type": type_}
        with self._lock:
            recording = next((r for r in self._recorded(asked) if id(r) not in self._taken), None)
            if recording is None:
                # Tells what is near, or that all have been created already.
                recording = self._find(asked).recording
                if self._book.strict and self._book.load(recording).result.get("stream"):
                    raise self._created(asked)
            self._taken.add(id(recording))
            operation = self._book.load(recording)
            if not operation.result.get("stream"):
                found = self._book.use(recording)
                refuse(operation.result, self._book.bindings.rendered, found)
            stream_id = self._stream_id(operation)
            stream = _Stream(WriteStreamName(ref, stream_id), type_, recording)
            self._streams[stream.name.path] = stream
            return self._message(stream.name, type_, operation, full=True)

    def get_stream(self, request: write_pb2.GetWriteStreamRequest) -> _PB:
        """A stream; with the table's schema when the view is FULL and it was recorded."""
        name = write_stream_of(request.name)
        full = request.view == stream_pb2.FULL
        with self._lock:
            if not name.is_default:
                stream = self._stream(name)
                message = self._message(name, stream.type, self._book.load(stream.recording), full)
                if stream.committed:
                    message.commit_time.FromMicroseconds(self._clock.now_us())
                return message
            for recording in self._recorded({"table": table_path(name.table), "type": "DEFAULT"}):
                operation = self._book.load(recording)
                if operation.result.get("stream"):
                    if not recording.used and not self._is_append(operation):
                        found = self._book.use(recording)
                        refuse(operation.result, self._book.bindings.rendered, found)
                    return self._message(name, "COMMITTED", operation, full)
            raise self._missing({"table": table_path(name.table), "type": "DEFAULT"})

    def finalize_stream(
        self, request: write_pb2.FinalizeWriteStreamRequest
    ) -> write_pb2.FinalizeWriteStreamResponse:
        """Close a stream to appends; tells the number of its rows."""
        name = application_stream(request.name, "finalized")
        with self._lock:
            stream = self._stream(name)
            log = self._log(stream)
            stream.finalized = True
            self._refused_later(log, "FinalizeWriteStream")
            rows = stream.end
            recorded = log.operation.result.get("finalized")
            if recorded is not None and stream.end == log.count:
                rows = int(recorded)
            return write_pb2.FinalizeWriteStreamResponse(row_count=rows)

    def flush_rows(self, request: write_pb2.FlushRowsRequest) -> write_pb2.FlushRowsResponse:
        """Make rows of a BUFFERED stream visible, up to and with the one at the offset."""
        name = application_stream(request.write_stream, "flushed")
        if not request.HasField("offset"):
            raise no_offset(name)
        offset = int(request.offset.value)
        with self._lock:
            stream = self._stream(name)
            self._refused_later(self._log(stream), "FlushRows")
            if offset >= stream.end:
                raise flush_beyond(name, offset, stream.end)
            stream.flushed = max(stream.flushed, offset + 1)
            return write_pb2.FlushRowsResponse(offset=stream.flushed - 1)

    def batch_commit(
        self, request: write_pb2.BatchCommitWriteStreamsRequest
    ) -> write_pb2.BatchCommitWriteStreamsResponse:
        """Make the rows of finalized PENDING streams visible, all or none."""
        table_of(request.parent, "parent")
        names = [write_stream_of(n) for n in request.write_streams]
        response = write_pb2.BatchCommitWriteStreamsResponse()
        with self._lock:
            streams = [self._stream(name) for name in names]
            for stream in streams:
                error = not_committable(
                    stream.name, stream.type, committed=stream.committed, finalized=stream.finalized
                ) or self._recorded_error(self._log(stream))
                if error is not None:
                    response.stream_errors.append(error)
            if response.stream_errors:
                return response
            for stream in streams:
                self._refused_later(self._log(stream), "BatchCommitWriteStreams")
            for stream in streams:
                stream.committed = True
        response.commit_time.FromMicroseconds(self._clock.now_us())
        return response

    def connection(self, routed: str = "") -> Connection:
        """One AppendRows call; ``routed`` is the stream that its metadata names."""
        return Connection(self, routed)

    # Appends

    def append(
        self, name: WriteStreamName, request: write_pb2.AppendRowsRequest, count: int, texts: Sequence[str]
    ) -> bytes:
        """The answer to one request with ``count`` rows."""
        from bqsim.storage.write.responses import appended, failed

        offset = int(request.offset.value) if request.HasField("offset") else None
        with self._lock:
            if name.is_default:
                if offset is not None:
                    raise invalid_argument(
                        f"Offset must not be set on the default stream. Entity: {name.path}", entity=name.path
                    )
                log, start = self._default_place(name, count, texts)
                return self._answer(log, name, None, start, texts)
            stream = self._stream(name)
            if stream.finalized:
                return failed(name.path, stream_finalized(name))
            if stream.log is None:
                self._choose(stream, texts)
            log = self._log(stream)
            if offset is not None and offset != stream.end:
                return failed(name.path, wrong_offset(name, offset, stream.end))
            start = stream.end
            if not self._error_at(log, start, count, texts):
                self._check(log, start, count, texts)
            answer = self._answer(log, name, start, start, texts)
            if log.at > stream.end:
                stream.end = log.at
            return answer if count else appended(name.path, start)

    def _answer(
        self, log: _Log, name: WriteStreamName, offset: int | None, start: int, texts: Sequence[str]
    ) -> bytes:
        """The recorded answer about some rows, in the place where they are now."""
        response = write_pb2.AppendRowsResponse(write_stream=name.path)
        count = len(texts)
        error = self._error_at(log, start, count, texts)
        for told in log.told:
            if told.schema is not None and not told.done and told.row < start + max(count, 1):
                _parse(told.schema, response.updated_schema)
                told.done = told.status is None and not told.row_errors
        if error is not None:
            error.done = True
            if error.status is not None:
                response.error.CopyFrom(error.status)
            for row in error.row_errors:
                shown = status_pb2.RowError()
                _parse(row, shown)
                shown.index = error.row + shown.index - start
                if 0 <= shown.index < count:
                    response.row_errors.append(shown)
        else:
            log.took(start, count)
            response.append_result.SetInParent()
            if offset is not None:
                response.append_result.offset.SetInParent()
                response.append_result.offset.value = offset
        answer: bytes = response.SerializeToString()
        return answer

    @staticmethod
    def _error_at(log: _Log, start: int, count: int, texts: Sequence[str]) -> _Told | None:
        """The recorded refusal that is next for rows, of those that their place does not decide. What rows
        hold decides whether they are refused with errors of theirs."""
        for told in log.told:
            if told.done or (told.status is None and not told.row_errors):
                continue
            if told.row < start + max(count, 1):
                if told.row_errors and log.were_accepted(start, texts):
                    continue
                return told
        return None

    def _check(self, log: _Log, start: int, count: int, texts: Sequence[str]) -> None:
        """Compare rows with those recorded at their place. NotHere for rows beyond the recorded ones."""
        if start + count > log.count:
            raise self._beyond(log, start, count)
        if not log.texts or all(log.texts.get(start + i, text) == text for i, text in enumerate(texts)):
            return
        self._differs(log, start, texts)

    def _differs(self, log: _Log, start: int, texts: Sequence[str]) -> None:
        operation = log.operation
        at = next((i for i, text in enumerate(texts) if log.texts.get(start + i, text) != text), 0)
        detail = f"row {start + at}: recorded {log.texts.get(start + at, '')[:200]}, sent {texts[at][:200]}"
        if self._strict:
            raise unrecorded(f"{operation.name} was recorded with other rows; {detail}")
        if operation.name not in self._told_of:
            self._told_of.add(operation.name)
            self._book.tell(Finding(CONTENT, operation.name, title_of(operation.request), detail))

    def _beyond(self, log: _Log, start: int, count: int) -> NotHere:
        title = title_of(log.operation.request)
        text = (
            f"append of rows {start} to {start + count - 1} of {title}: {log.count} rows were recorded"
            f" ({log.operation.name})"
        )
        self._book.unexpected(text)
        return unrecorded(f"not recorded: {text}")

    def _default_place(self, name: WriteStreamName, count: int, texts: Sequence[str]) -> tuple[_Log, int]:
        """Which recorded rows of a table's default stream some rows are."""
        asked = {"table": _shown(name), "type": "DEFAULT"}
        key = symbolic_table(self._book, asked["table"])
        logs = self._default.setdefault(key, [])
        for log in logs:
            start = log.place(texts)
            if start is not None and (start + count <= log.count or self._error_at(log, start, count, texts)):
                return log, start
        while True:
            recording = next(
                (
                    r
                    for r in self._recorded(asked)
                    if id(r) not in self._taken and self._is_append(self._book.load(r))
                ),
                None,
            )
            if recording is None:
                break
            log = self._opened(recording)
            logs.append(log)
            start = log.place(texts)
            if start is not None:
                return log, start
        for log in logs:
            start = log.again(texts)
            if start is not None:
                return log, start
        return self._unlike(logs, asked, count, texts)

    def _unlike(
        self, logs: Sequence[_Log], asked: Mapping[str, Any], count: int, texts: Sequence[str]
    ) -> tuple[_Log, int]:
        """Rows that are like none that were recorded stand for those that are next."""
        for log in logs:
            if self._error_at(log, log.at, count, texts) is not None or log.at + count <= log.count:
                self._check(log, log.at, count if log.at + count <= log.count else 0, texts)
                return log, log.at
        if logs:
            raise self._beyond(logs[-1], logs[-1].at, count)
        raise self._missing(asked)

    def _choose(self, stream: _Stream, texts: Sequence[str]) -> None:
        """Take the recorded stream that has the rows which a stream begins with, where it is another."""
        log = self._peek(stream.recording)
        if log.texts and texts and log.place(texts) != 0:
            asked = {"table": table_path(stream.name.table), "type": stream.type}
            free = {id(s.recording): s for s in self._streams.values() if s.log is None}
            for recording in self._recorded(asked):
                other = free.get(id(recording))
                if recording is stream.recording or (other is None and id(recording) in self._taken):
                    continue
                if self._peek(recording).place(texts) == 0:
                    if other is not None:
                        other.recording = stream.recording
                    else:
                        self._taken.discard(id(stream.recording))
                        self._taken.add(id(recording))
                    stream.recording = recording
                    return

    # Recordings

    def _recorded(self, asked: Mapping[str, Any]) -> list[Recording]:
        """The recordings of append streams of a table and type, in their order."""
        book = self._book
        meaning = book.bindings.symbolised(dict(asked), project_of(str(asked["table"])))
        key = self._matching.key("append", meaning)
        found = []
        for recording in book.recordings("append"):
            own = recording.entry.key
            if not self._matching.plain:
                own = self._matching.key("append", book.load(recording).request)
            if own == key:
                found.append(recording)
        return sorted(found, key=lambda r: (r.cassette, r.entry.occurrence))

    def _find(self, asked: Mapping[str, Any]) -> Found:
        from .book import Unrecorded

        try:
            return self._book.find("append", asked, project=project_of(str(asked["table"])))
        except Unrecorded as error:
            raise unrecorded(error.message) from None

    def _created(self, asked: Mapping[str, Any]) -> NotHere:
        """All recorded streams have been created already."""
        count = len(self._recorded(asked))
        text = f"{title_of(asked)}: recorded {count} time{'s' * (count > 1)}, created as often already"
        self._book.unexpected(text)
        return unrecorded(f"not recorded: {text}")

    def _missing(self, asked: Mapping[str, Any]) -> NotHere:
        try:
            self._find(asked)
        except NotHere as missing:
            return missing
        return unrecorded(f"not recorded: {title_of(asked)}")

    @staticmethod
    def _is_append(operation: Operation) -> bool:
        """Whether rows were sent, not only a stream looked at."""
        return bool(operation.request.get("count") or operation.request.get("rows")) or bool(
            operation.result.get("responses")
        )

    def _peek(self, recording: Recording) -> _Log:
        """The rows of a recording, not used by that."""
        operation = self._book.load(recording)
        texts = recorded_texts(self._book.cassettes[recording.cassette], operation.request.get("rows") or ())
        # The play is that of no use.
        from .book import Found as _Found

        found = _Found(operation, self._book.bindings.play_of(operation), recording)
        return _Log(found, texts, _count(operation, texts), [])

    def _opened(self, recording: Recording) -> _Log:
        """The log of a recording that is used now."""
        self._taken.add(id(recording))
        log = self._peek(recording)
        log.found = self._book.use(recording)
        result = log.found.operation.result
        if not result.get("responses") and result.get("error") and not _method(result["error"]):
            refuse(result, self._book.bindings.rendered, log.found)
        responses = self._book.bindings.rendered(result.get("responses") or [], log.found.play)
        log.told = _told(responses)
        log.accepted = _accepted(responses)
        return log

    def _log(self, stream: _Stream) -> _Log:
        if stream.log is None:
            stream.log = self._opened(stream.recording)
        return stream.log

    def _refused_later(self, log: _Log, method: str) -> None:
        """Raise what a call on a stream was refused with, if that was recorded."""
        error = log.operation.result.get("error")
        if error and _method(error).endswith(method):
            refuse(log.operation.result, self._book.bindings.rendered, log.found)

    def _recorded_error(self, log: _Log) -> status_pb2.StorageError | None:
        """Why a recorded commit refused a stream."""
        for error in log.operation.result.get("streamErrors") or ():
            told = status_pb2.StorageError()
            _parse(self._book.bindings.rendered(error, log.found.play), told)
            return told
        return None

    def _stream(self, name: WriteStreamName) -> _Stream:
        stream = self._streams.get(name.path)
        if stream is None:
            text = f"Requested entity was not found. Entity: {name.path}"
            raise NotHere("NOT_FOUND", text, code="STREAM_NOT_FOUND", entity=name.path)
        return stream

    def _stream_id(self, operation: Operation) -> str:
        """What the stream's id stands for; every stream has one of its own."""
        told = self._book.bindings.rendered(
            str((operation.result.get("stream") or {}).get("name") or ""),
            self._book.bindings.play_of(operation),
        )
        found = told.rpartition("/streams/")[2]
        if found and "/" not in found and not any(s.name.stream == found for s in self._streams.values()):
            return str(found)
        return (
            base64.urlsafe_b64encode(bytes.fromhex(self._draws.hex_id("replay.stream", 32)))
            .decode()
            .rstrip("=")
        )

    def _message(self, name: WriteStreamName, type_: str, operation: Operation, full: bool) -> _PB:
        play = self._book.bindings.play_of(operation)
        told = self._book.bindings.rendered(operation.result.get("stream") or {}, play)
        message = _PB()
        _parse({k: v for k, v in told.items() if k not in _TIMES}, message)
        message.name = name.path
        if not message.type:
            message.type = _PB.Type.Value(type_)
        if not message.write_mode:
            message.write_mode = _PB.INSERT
        now_us = self._clock.now_us()
        message.create_time.FromMicroseconds(now_us)
        if type_ == "COMMITTED" and not name.is_default:
            message.commit_time.FromMicroseconds(now_us)
        if full and not message.table_schema.fields:
            message.table_schema.CopyFrom(self._schema(operation))
        if not full:
            message.ClearField("table_schema")
        return message

    @staticmethod
    def _schema(operation: Operation) -> table_pb2.TableSchema:
        from bqsim.storage.table_schema import table_schema
        from bqsim.types.api_schema import fields_from_api

        schema = operation.request.get("schema") or {}
        return table_schema(fields_from_api(schema.get("fields") or ()))


class Connection:
    """One AppendRows call: its requests, one by one."""

    def __init__(self, replay: AppendReplay, routed: str) -> None:
        self._replay = replay
        self._writer = Writer()
        self.stream = routed

    def append(self, request: write_pb2.AppendRowsRequest) -> bytes:
        """The answer to a request. Raises StorageFailure to end the call."""
        from bqsim.storage.write.responses import failed

        self.stream = request.write_stream or self.stream
        if not self.stream:
            raise invalid_argument("write_stream must be specified in the first request")
        name = write_stream_of(self.stream)
        try:
            count, texts = self._writer.rows(request)
        except StorageFailure as failure:
            return failed(name.path, failure)
        return self._replay.append(name, request, count, texts)

    def end(self) -> None:
        """The client has sent everything."""


def _count(operation: Operation, texts: Mapping[int, str]) -> int:
    rows = operation.request.get("rows") or ()
    ends = [int(s["start"]) + int(s["count"]) for s in rows]
    return max([int(operation.request.get("count") or 0), *ends, *([max(texts) + 1] if texts else [])])


def _accepted(responses: Sequence[Mapping[str, Any]]) -> set[int]:
    """The places of rows that answers without an error were about."""
    found: set[int] = set()
    for told in responses:
        if not told.get("error") and not told.get("rowErrors"):
            row = int(told.get("row") or told.get("offset") or 0)
            found.update(range(row, row + int(told.get("count") or 0)))
    return found


def _told(responses: Sequence[Mapping[str, Any]]) -> list[_Told]:
    """What answered appends, without what is decided anew by the place of rows."""
    found = []
    for told in responses:
        status = _status(told.get("error"))
        row = int(told.get("row") or told.get("offset") or told.get("start") or 0)
        errors = told.get("rowErrors") or told.get("row_errors") or ()
        schema = told.get("updatedSchema") or told.get("updated_schema")
        if status is not None and not errors and _by_place(status):
            status = None
        if status is not None or errors or schema:
            found.append(_Told(row, int(told.get("count") or 1), status, errors, schema))
    return found


def _status(error: Any) -> status_pb2.Status | None:
    """The google.rpc.Status of an error, as JSON or with its name and details."""
    if not isinstance(error, Mapping):
        return None
    status = status_pb2.Status()
    details = error.get("details")
    if isinstance(details, str) and details:
        status.ParseFromString(details_of(error))
        return status
    code = error.get("code")
    status.code = STATUS_CODES.get(str(code), int(str(code)) if str(code).isdigit() else 2)
    status.message = str(error.get("message") or "")
    for detail in details or ():
        if isinstance(detail, Mapping) and "value" in detail:
            url = str(detail.get("@type") or detail.get("type_url") or detail.get("typeUrl") or "")
            status.details.add(type_url=url, value=base64.b64decode(detail["value"]))
    return status


def _by_place(status: status_pb2.Status) -> bool:
    from bqsim.storage.status import STATUS_NAMES, failure_of

    failure = failure_of(status)
    if failure.code is not None:
        return failure.code in _BY_PLACE
    return STATUS_NAMES.get(status.code) in _BY_PLACE_STATUS


def _parse(value: Any, message: Any) -> None:
    from google.protobuf.json_format import ParseDict

    ParseDict(value, message, ignore_unknown_fields=True)


def _method(error: Mapping[str, Any]) -> str:
    return str(error.get("method") or "")


def _shown(name: WriteStreamName) -> str:
    return table_path(name.table) + (f"${name.partition}" if name.partition else "")
