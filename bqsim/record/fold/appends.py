"""Write streams: from the first append to the commit."""

from __future__ import annotations

import json
from typing import Any

from bqsim.record.messages import ARROW_END
from bqsim.record.routes import WRITE

from .grouping import Group
from .made import Made, table_name
from .reading import message_json
from .rows import ARROW, NDJSON, Keep, kept
from .views import View

_PROTO_TYPES = {
    1: "FLOAT",
    2: "FLOAT",
    8: "BOOLEAN",
    9: "STRING",
    12: "BYTES",
    14: "STRING",
}
_MESSAGE = 11
_REPEATED = 3


def made_append(group: Group, views: list[View], keep: Keep) -> Made:
    """The operation of a write stream's calls."""
    return _Append(group, views, keep).made()


class _Append:
    def __init__(self, group: Group, views: list[View], keep: Keep) -> None:
        self.group, self.views, self.keep = group, views, keep
        self.path = group.name
        self.stream: dict[str, Any] = {}
        # The type of a stream that was not created.
        self.wanted = ""
        self.pieces: dict[int, dict[str, Any]] = {}
        # Where rows start that the service refused: they may be sent again, and be others.
        self.rejected: set[int] = set()
        self.next = 0
        self.responses: list[dict[str, Any]] = []
        self.failures: list[dict[str, Any]] = []
        self.error: dict[str, Any] | None = None
        self.finalized: int | None = None
        self.committed: bool | None = None
        self.flushed: int | None = None
        self.commit_errors: list[Any] = []
        self.schema: list[dict[str, Any]] | None = None
        self.missing: dict[str, Any] = {}
        self.done_s = 0.0

    def made(self) -> Made:
        for view in self.views:
            self._take(view)
        table = self.path.removesuffix("/_default").partition("/streams/")[0].removesuffix("/streams")
        default = self.path.endswith("/_default") or not self.path
        kind = "DEFAULT" if default else str(self.stream.get("type") or self.wanted or "COMMITTED")
        request: dict[str, Any] = {"table": table, "type": kind}
        if self.schema is not None:
            request["schema"] = {"fields": self.schema}
        request.update(self.missing)
        rows = [self.pieces[start] for start in sorted(self.pieces)]
        request["count"] = sum(piece["count"] for piece in rows)
        if rows:
            request["rows"] = rows
        result: dict[str, Any] = {}
        if self.stream:
            result["stream"] = self.stream
        if self.responses:
            result["responses"] = self.responses
        for name, value in (
            ("finalized", self.finalized),
            ("flushed", self.flushed),
            ("committed", self.committed),
            ("error", self.error),
        ):
            if value is not None:
                result[name] = value
        if self.commit_errors:
            result["streamErrors"] = self.commit_errors
        if self.failures:
            result["failures"] = self.failures
        made = Made("append", request, result, done_s=self.done_s)
        parts = table.split("/")
        if len(parts) >= 6:
            made.adds.add(table_name(parts[1], parts[3], parts[5]))
        return made

    def _take(self, view: View) -> None:
        name = view.method.rpartition(".")[2]
        if view.method == WRITE + "AppendRows":
            self._append(view)
            self.done_s = max(self.done_s, view.ended_s)
            return
        told = view.told()
        if not view.ok or told is None:
            asked = view.asked()
            if name == "CreateWriteStream" and asked is not None:
                types = asked.write_stream.Type
                type_ = asked.write_stream.type
                self.wanted = types.Name(type_) if type_ in types.values() else ""
                self.path = self.path or asked.parent
            if view.retryable:
                self.failures.append(view.failure)
            else:
                self.error = {"method": view.method, **view.error}
            return
        if name == "CreateWriteStream":
            self.stream = message_json(told)
            self.path = self.group.name or told.name
        elif name == "GetWriteStream":
            self.stream = self.stream or message_json(told)
        elif name == "FinalizeWriteStream":
            self.finalized = told.row_count
        elif name == "FlushRows":
            self.flushed = max(self.flushed or 0, told.offset)
        elif name == "BatchCommitWriteStreams":
            self.commit_errors = [message_json(error) for error in told.stream_errors]
            self.committed = not self.commit_errors
        self.done_s = max(self.done_s, view.ended_s)

    def _append(self, view: View) -> None:
        current, written = "", 0
        schemas: dict[str, bytes] = {}
        # Of the appends on this connection: whether they are about this stream, where their rows start.
        starts: list[tuple[bool, int, int]] = []
        for number in range(len(view.exchange.request.parts)):
            asked = view.asked(number)
            if asked is None:
                starts.append((False, 0, 0))
                continue
            current = asked.write_stream or current
            self.path = self.path or current
            if current != self.path:
                starts.append((False, 0, 0))
                continue
            start, count = self._rows(asked, schemas)
            starts.append((True, start, count))
            written += count
        for number in range(len(view.exchange.response.parts)):
            told = view.told(number)
            if told is None or number >= len(starts) or not starts[number][0]:
                continue
            self._response(told, *starts[number][1:])
        if not view.ok:
            answered = len(view.exchange.response.parts)
            if view.exchange.code == "CANCELLED" or (view.exchange.broken and answered >= len(starts)):
                # The client has gone when all was answered.
                return
            if view.retryable or view.exchange.broken:
                self.failures.append(view.failure)
            else:
                self.error = {"method": view.method, **view.error}

    def _rows(self, asked: Any, schemas: dict[str, bytes]) -> tuple[int, int]:
        start = asked.offset.value if asked.HasField("offset") else self.next
        for name in ("missing_value_interpretations", "default_missing_value_interpretation"):
            self._interpretation(asked, name)
        if asked.HasField("arrow_rows"):
            data = asked.arrow_rows
            if data.writer_schema.serialized_schema:
                schemas["arrow"] = data.writer_schema.serialized_schema
            count, piece = self._arrow(schemas.get("arrow", b""), data.rows)
        else:
            data = asked.proto_rows
            if data.HasField("writer_schema"):
                schemas["proto"] = data.writer_schema.proto_descriptor.SerializeToString()
                self.schema = _fields(data.writer_schema.proto_descriptor)
            rows = list(data.rows.serialized_rows)
            count, piece = len(rows), self._proto(schemas.get("proto", b""), rows)
        if piece is not None and (start not in self.pieces or start in self.rejected):
            self.rejected.discard(start)
            self.pieces[start] = {"start": start, "count": count, **piece}
        self.next = max(self.next, start + count)
        return start, count

    def _interpretation(self, asked: Any, name: str) -> None:
        field = asked.DESCRIPTOR.fields_by_name[name]
        value = getattr(asked, name)
        if not value:
            return
        values = field.enum_type.values_by_number if field.enum_type else {}
        if field.message_type is not None:
            values = field.message_type.fields_by_name["value"].enum_type.values_by_number
            told: Any = {key: values[value[key]].name for key in sorted(value) if value[key] in values}
        else:
            told = values[value].name if value in values else value
        member = {"missing_value_interpretations": "missingValues"}.get(name, "defaultMissingValue")
        self.missing[member] = told

    def _arrow(self, schema: bytes, batch: Any) -> tuple[int, dict[str, Any] | None]:
        import pyarrow as pa

        raw = schema + batch.serialized_record_batch + ARROW_END
        try:
            with pa.ipc.open_stream(raw) as reader:
                table = reader.read_all()
        except (ValueError, OSError):
            count = batch.row_count
            data = self.keep(raw, "application/octet-stream", [])
            return count, {"format": "unreadable", "data": data} if raw else None
        reference = kept(self.keep, raw, ARROW, preview=not self.pieces)
        return table.num_rows, {"format": "arrow", "data": reference}

    def _proto(self, descriptor: bytes, rows: list[bytes]) -> dict[str, Any] | None:
        if not rows:
            return None
        reader = row_reader(descriptor)
        data = b"".join(_line(reader(row)) for row in rows)
        reference = kept(self.keep, data, NDJSON, preview=not self.pieces)
        return {"format": "ndjson", "data": reference}

    def _response(self, told: Any, start: int, count: int) -> None:
        response: dict[str, Any] = {"row": start, "count": count}
        if told.HasField("append_result"):
            if told.append_result.HasField("offset"):
                response["offset"] = told.append_result.offset.value
        elif told.HasField("error"):
            response["error"] = message_json(told.error)
            self.rejected.add(start)
        if told.row_errors:
            response["rowErrors"] = [message_json(error) for error in told.row_errors]
        if told.HasField("updated_schema"):
            response["updatedSchema"] = message_json(told.updated_schema)
        self.responses.append(response)


def _line(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def row_reader(descriptor: bytes) -> Any:
    """What reads rows by the writer's descriptor; rows that it cannot read are kept as their bytes."""
    import base64

    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError

    from bqsim.codecs.messages import parse

    def raw(row: bytes) -> Any:
        return {"$proto": base64.b64encode(row).decode()}

    file = descriptor_pb2.FileDescriptorProto(name="rows.proto", package="rows", syntax="proto2")
    message = file.message_type.add()
    try:
        message.ParseFromString(descriptor)
        message.name = message.name or "Row"
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        found = pool.FindMessageTypeByName(f"rows.{message.name}")
    except (DecodeError, TypeError, KeyError, ValueError):
        return raw
    made = message_factory.GetMessageClass(found)

    def read(row: bytes) -> Any:
        try:
            return MessageToDict(parse(made, row), preserving_proto_field_name=True)
        except (DecodeError, ValueError, TypeError, RecursionError):
            return raw(row)

    return read


def _fields(descriptor: Any, depth: int = 0) -> list[dict[str, Any]]:
    """A writer's descriptor as the fields of a table schema."""
    nested = {message.name: message for message in descriptor.nested_type}
    out = []
    for field in descriptor.field:
        told: dict[str, Any] = {"name": field.name, "type": _PROTO_TYPES.get(field.type, "INTEGER")}
        told["mode"] = "REPEATED" if field.label == _REPEATED else "NULLABLE"
        if field.type == _MESSAGE:
            told["type"] = "RECORD"
            inner = nested.get(field.type_name.rpartition(".")[2])
            told["fields"] = _fields(inner, depth + 1) if inner is not None and depth < 15 else []
        out.append(told)
    return out
