"""Google's storage clients on a simulator's gRPC port, and appends of Python values as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import grpc
import pyarrow as pa
from google.cloud import bigquery_storage_v1 as storage
from google.cloud.bigquery_storage_v1 import types
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Clients:
    """Google's read and write clients on one plaintext channel."""

    def __init__(self, target: str) -> None:
        self.channel = grpc.insecure_channel(target, options=UNLIMITED)
        self.read = storage.BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=self.channel))
        self.write = storage.BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=self.channel))

    def session(
        self,
        table: str,
        data_format: str = "ARROW",
        *,
        streams: int = 1,
        modifiers: Any = None,
        trace_id: str = "",
        **options: Any,
    ) -> Any:
        """A read session over ``projects/…/tables/…``; ``options`` are read options."""
        requested = types.ReadSession(
            table=table,
            data_format=types.DataFormat[data_format],
            read_options=types.ReadSession.TableReadOptions(**options),
            trace_id=trace_id,
        )
        if modifiers is not None:
            requested.table_modifiers = modifiers
        project = "/".join(table.split("/")[:2])
        return self.read.create_read_session(parent=project, read_session=requested, max_stream_count=streams)

    def arrow(self, session: Any) -> pa.Table:
        """All rows of a session, stream by stream."""
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        tables = [self.read.read_rows(s.name).to_arrow(session) for s in session.streams]
        return pa.concat_tables([schema.empty_table(), *tables])

    def avro(self, session: Any) -> list[dict[str, Any]]:
        """All rows of an Avro session as ``fastavro`` reads them."""
        return [row for s in session.streams for row in self.read.read_rows(s.name).rows(session)]

    def append(self, stream: str, requests: Iterable[types.AppendRowsRequest]) -> list[Any]:
        """Answers to the requests, sent on one connection."""
        metadata = [("x-goog-request-params", f"write_stream={stream}")]
        return list(self.write.append_rows(iter(requests), metadata=metadata))

    def close(self) -> None:
        self.channel.close()


def table_path(project: str, table: str, dataset: str = "d") -> str:
    return f"projects/{project}/datasets/{dataset}/tables/{table}"


def arrow_append(stream: str, rows: pa.Table, offset: int | None = None) -> Iterator[types.AppendRowsRequest]:
    """Requests that append Arrow rows, one for each record batch."""
    schema: bytes | None = rows.schema.serialize().to_pybytes()
    for batch in rows.to_batches():
        request = types.AppendRowsRequest(write_stream=stream)
        if schema is not None:
            request.arrow_rows.writer_schema.serialized_schema = schema
            schema = None
        if offset is not None:
            request.offset = offset
            offset += batch.num_rows
        request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()
        yield request


F = descriptor_pb2.FieldDescriptorProto


class ProtoMessage:
    """A message type of (name, FieldDescriptorProto.Type, repeated, nested) fields."""

    def __init__(
        self, fields: Sequence[tuple[str, int, bool, ProtoMessage | None]], name: str = "Row"
    ) -> None:
        self.descriptor = descriptor_pb2.DescriptorProto(name=name)
        for number, (field, type_, repeated, nested) in enumerate(fields, 1):
            added = self.descriptor.field.add(
                name=field,
                number=number,
                type=type_,
                label=F.LABEL_REPEATED if repeated else F.LABEL_OPTIONAL,
            )
            if nested is not None:
                inner = f"{name}_{field}"
                self.descriptor.nested_type.add().CopyFrom(nested.descriptor)
                self.descriptor.nested_type[-1].name = inner
                added.type_name = inner

    def rows(self, rows: Sequence[dict[str, Any]]) -> list[bytes]:
        """Messages of dicts; None leaves a field out."""
        file = descriptor_pb2.FileDescriptorProto(name="rows.proto", package="tests")
        file.message_type.add().CopyFrom(self.descriptor)
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        message = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tests.{self.descriptor.name}"))
        return [_fill(message(), row).SerializeToString() for row in rows]

    def append(
        self, stream: str, rows: Sequence[dict[str, Any]], offset: int | None = None
    ) -> types.AppendRowsRequest:
        """The request that appends rows, with the schema."""
        request = types.AppendRowsRequest(write_stream=stream)
        request.proto_rows.writer_schema.proto_descriptor = self.descriptor
        request.proto_rows.rows.serialized_rows.extend(self.rows(rows))
        if offset is not None:
            request.offset = offset
        return request


def _fill(message: Any, row: dict[str, Any]) -> Any:
    for name, value in row.items():
        if value is None:
            continue
        if isinstance(value, dict):
            inner = getattr(message, name)
            inner.SetInParent()
            _fill(inner, value)
        elif isinstance(value, list):
            target = getattr(message, name)
            for item in value:
                if isinstance(item, dict):
                    _fill(target.add(), item)
                else:
                    target.append(item)
        else:
            setattr(message, name, value)
    return message
