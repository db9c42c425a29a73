"""Messages of the Storage API: texts in them, and rows by their schemas."""

from __future__ import annotations

import io
import json
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .redactor import Redactor

_SERVICE = "google.cloud.bigquery.storage.v1."
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
# Of so many sessions the schemas are known: those whose rows are still being read.
_SESSIONS = 4096


class Sessions:
    """The schemas of read sessions, by name. Thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[str, bytes, str]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, session: Any) -> None:
        """Remember a ReadSession message."""
        form = session.WhichOneof("schema")
        if form == "arrow_schema":
            told = "arrow", session.arrow_schema.serialized_schema
        elif form == "avro_schema":
            told = "avro", session.avro_schema.schema.encode()
        else:
            return
        with self._lock:
            self._known[session.name] = (*told, table_of(session.table))
            while len(self._known) > _SESSIONS:
                self._known.popitem(last=False)

    def of(self, stream: str) -> tuple[str, bytes, str]:
        """The format, schema and table of a stream's session; empty when it is not known."""
        with self._lock:
            return self._known.get(stream.partition("/streams/")[0], ("", b"", ""))


def table_of(path: str) -> str:
    """``project.dataset.table`` of a resource path."""
    parts = path.split("/")
    return ".".join(parts[1:6:2]) if len(parts) >= 6 else ""


class Messages:
    """The messages of one call of ``method`` (``google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows``), in
    their order: what was sent is redacted before what came back."""

    def __init__(self, redactor: Redactor, sessions: Sessions, method: str) -> None:
        self._redactor, self._sessions = redactor, sessions
        self.method = method
        self._schema: tuple[str, bytes, str] = ("", b"", "")
        self._rows: Any = None
        self._table = ""

    def sent(self, data: bytes) -> bytes:
        """A message of the client's, without secrets; the same bytes when it has none."""
        return self._message(data, "request")

    def received(self, data: bytes) -> bytes:
        """A message of the service's."""
        return self._message(data, "response")

    def _message(self, data: bytes, way: str) -> bytes:
        from google.protobuf.message import DecodeError

        from bqsim.codecs.messages import parse
        from bqsim.server.grpc.methods import METHODS

        known = next((m for m in METHODS if m.id == self.method), None)
        if known is None:
            return self._redactor.content(data, "application/grpc")
        try:
            message = parse(known.answer if way == "response" else known.request, data)
        except DecodeError:
            return self._redactor.content(data, "application/grpc")
        name = type(message).__name__
        if name == "ReadRowsRequest":
            self._schema = self._sessions.of(message.read_stream)
        elif name == "ReadSession":
            self._sessions.add(message)
        changed = self._texts(message)
        if name == "ReadRowsResponse":
            changed |= self._read(message)
        elif name == "AppendRowsRequest":
            changed |= self._append(message)
        return message.SerializeToString() if changed else data

    def _texts(self, message: Any) -> bool:
        """Redact the texts of a message and of those inside it; whether any changed."""
        changed = False
        for field, value in message.ListFields():
            if field.type == field.TYPE_STRING:
                if field.is_repeated:
                    made = [self._redactor.text(item) for item in value]
                    if made != list(value):
                        value[:] = made
                        changed = True
                elif (one := self._redactor.text(value)) != value:
                    setattr(message, field.name, one)
                    changed = True
            elif field.type == field.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
                for item in value if field.is_repeated else (value,):
                    changed |= self._texts(item)
        return changed

    # --- rows that are read

    def _read(self, message: Any) -> bool:
        form, schema, table = self._schema
        told = message.WhichOneof("schema")
        if told == "arrow_schema":
            form, schema = "arrow", message.arrow_schema.serialized_schema
        elif told == "avro_schema":
            form, schema = "avro", message.avro_schema.schema.encode()
        self._schema = form, schema, table
        rows = message.WhichOneof("rows")
        if rows is None:
            return False
        held = message.arrow_record_batch if rows == "arrow_record_batch" else message.avro_rows
        name = "serialized_record_batch" if rows == "arrow_record_batch" else "serialized_binary_rows"
        data = getattr(held, name)
        plain = _uncompressed(data, message.uncompressed_byte_size)
        if rows == "arrow_record_batch":
            made = self._arrow(plain, schema, table)
        else:
            made = self._avro(plain, schema, table)
        if made == plain:
            return False
        if plain is not data:
            message.uncompressed_byte_size = len(made)
            made = _compressed(made)
        setattr(held, name, made)
        return True

    def _arrow(self, data: bytes, schema: bytes, table: str) -> bytes:
        import pyarrow as pa

        try:
            with pa.ipc.open_stream(schema + data + _END) as reader:
                batches = list(reader)
        except (pa.ArrowException, OSError, ValueError):
            return self._redactor.masked(data)
        made = [self._redactor.batch(batch, table=table) for batch in batches]
        if all(a.equals(b) for a, b in zip(made, batches, strict=True)):
            return data
        return b"".join(batch.serialize().to_pybytes() for batch in made)

    def _avro(self, data: bytes, schema: bytes, table: str) -> bytes:
        import fastavro

        try:
            parsed = fastavro.parse_schema(json.loads(schema))
            source = io.BytesIO(data)
            records = []
            while source.tell() < len(data):
                records.append(fastavro.schemaless_reader(source, parsed, None))
            made = self._redactor.records(records, parsed, table=table)
            if made == records:
                return data
            out = io.BytesIO()
            for record in made:
                fastavro.schemaless_writer(out, parsed, record)
        except (ValueError, TypeError, KeyError, IndexError, EOFError, fastavro.schema.SchemaParseException):
            return self._redactor.masked(data)
        return out.getvalue()

    # --- rows that are appended

    def _append(self, message: Any) -> bool:
        self._table = table_of(message.write_stream) or self._table
        if message.HasField("arrow_rows"):
            held = message.arrow_rows
            if held.writer_schema.serialized_schema:
                self._schema = "arrow", held.writer_schema.serialized_schema, ""
            data = held.rows.serialized_record_batch
            made = self._arrow(data, self._schema[1], self._table) if data else data
            if made != data:
                held.rows.serialized_record_batch = made
            return bool(made != data)
        if not message.HasField("proto_rows"):
            return False
        if message.proto_rows.HasField("writer_schema"):
            self._rows = row_class(message.proto_rows.writer_schema.proto_descriptor)
        rows = message.proto_rows.rows.serialized_rows
        made_rows = [self._proto(row) for row in rows]
        if made_rows == list(rows):
            return False
        rows[:] = made_rows
        return True

    def _proto(self, row: bytes) -> bytes:
        from google.protobuf.message import DecodeError

        from bqsim.codecs.messages import parse

        if self._rows is None:
            return self._redactor.content(row, "application/grpc")
        try:
            message = parse(self._rows, row)
        except DecodeError:
            return self._redactor.content(row, "application/grpc")
        return message.SerializeToString() if self._members(message, "") else row

    def _members(self, message: Any, path: str) -> bool:
        changed = False
        for field, value in message.ListFields():
            place = f"{path}.{field.name}" if path else field.name
            if field.type in (field.TYPE_MESSAGE, field.TYPE_GROUP):
                for item in value if field.is_repeated else (value,):
                    changed |= self._members(item, place)
                continue
            if field.type == field.TYPE_ENUM:
                continue
            optional = not field.is_required
            if field.is_repeated:
                made = [self._value(item, field, place, False) for item in value]
                if made != list(value):
                    value[:] = [item for item in made if item is not None]
                    changed = True
                continue
            one = self._value(value, field, place, optional)
            if one is None:
                message.ClearField(field.name)
            elif one != value:
                setattr(message, field.name, one)
            changed |= one != value
        return changed

    def _value(self, value: Any, field: Any, place: str, optional: bool) -> Any:
        made = self._redactor.cell(value, field.name, place, optional, table=self._table)
        if isinstance(made, int) and not isinstance(made, bool) and made != value:
            narrow = field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32)
            signed = field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_INT64)
            span = 1 << (32 if narrow else 64)
            low = -(span >> 1) if signed else 0
            return low + (made - low) % span
        return made


def row_class(descriptor: Any) -> Any:
    """The class of rows of a writer's descriptor; None when it describes none."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf.message import DecodeError

    file = descriptor_pb2.FileDescriptorProto(name="rows.proto", package="rows", syntax="proto2")
    message = file.message_type.add()
    try:
        message.ParseFromString(descriptor.SerializeToString())
        message.name = message.name or "Row"
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        found = pool.FindMessageTypeByName(f"rows.{message.name}")
    except (DecodeError, TypeError, KeyError, ValueError):
        return None
    return message_factory.GetMessageClass(found)


def _uncompressed(data: bytes, size: int) -> bytes:
    """The rows of an answer that may be compressed as a whole (LZ4, when it tells their size)."""
    import pyarrow as pa

    if not size or size == len(data):
        return data
    try:
        return bytes(pa.Codec("lz4_raw").decompress(data, size, asbytes=True))
    except (OSError, ValueError):
        return data


def _compressed(data: bytes) -> bytes:
    import pyarrow as pa

    return bytes(pa.Codec("lz4_raw").compress(data, asbytes=True))
