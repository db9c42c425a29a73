"""Prebuilt AppendRows requests of ten columns, as Arrow and as protocol buffer messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from bqsim.storage.v1 import formats_pb2, write_pb2
from tests.servers import PROJECT

_F = descriptor_pb2.FieldDescriptorProto
PROTO_FIELDS = (
    ("id", _F.TYPE_INT64), ("k", _F.TYPE_INT64), ("v", _F.TYPE_DOUBLE), ("name", _F.TYPE_STRING), ("note", _F.TYPE_STRING),
    ("flag", _F.TYPE_BOOL), ("day", _F.TYPE_INT32), ("ts", _F.TYPE_INT64), ("price", _F.TYPE_STRING), ("g", _F.TYPE_INT64),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Requests:
    """The first request of a connection (with the schema) and one that may be repeated; their row count."""

    first: bytes
    next: bytes
    rows: int


def stream_name(table: str) -> str:
    return f"projects/{PROJECT}/datasets/d/tables/{table}/streams/_default"


def _numeric(billionths: Any) -> pa.Array:
    """decimal128(38, 9) of non-negative int64 numbers of billionths."""
    words = np.zeros((len(billionths), 2), np.int64)
    words[:, 0] = billionths
    return pa.Array.from_buffers(pa.decimal128(38, 9), len(billionths), [None, pa.py_buffer(words)], 0)


def batch(rows: int) -> pa.RecordBatch:
    """``rows`` rows of the ten columns of ``storage_clients.DDL``, about 100 bytes each."""
    i = np.arange(rows, dtype=np.int64)
    text = pa.array(i).cast(pa.string())
    arrays = {
        "id": pa.array(i),
        "k": pa.array(i * 7919 % 100003),
        "v": pa.array(i / 7),
        "name": pc.binary_join_element_wise("name", pa.array(i % 1000).cast(pa.string()), " "),
        "note": pc.binary_join_element_wise("longer text of row", text, " "),
        "flag": pa.array(i % 3 == 0),
        "day": pa.array((18262 + i % 1000).astype(np.int32)).cast(pa.date32()),
        "ts": pa.array(1577836800000000 + i * 1_000_003).cast(pa.timestamp("us", "UTC")),
        "price": _numeric(i * 10_000_000),
        "g": pa.array(i % 97),
    }
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))


def arrow_requests(table: str, rows: int) -> Requests:
    data = batch(rows)
    body = data.serialize().to_pybytes()
    payload = formats_pb2.ArrowRecordBatch(serialized_record_batch=body)
    schema = formats_pb2.ArrowSchema(serialized_schema=data.schema.serialize().to_pybytes())
    arrow = write_pb2.AppendRowsRequest.ArrowData
    return _requests(
        table,
        rows,
        write_pb2.AppendRowsRequest(arrow_rows=arrow(writer_schema=schema, rows=payload)),
        write_pb2.AppendRowsRequest(arrow_rows=arrow(rows=payload)),
    )


def proto_descriptor() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="bench.proto", package="bench")
    message = file.message_type.add(name="Row")
    for number, (name, type_) in enumerate(PROTO_FIELDS, 1):
        message.field.add(name=name, number=number, type=type_, label=_F.LABEL_OPTIONAL)
    return file


def proto_rows(rows: int) -> list[bytes]:
    file = proto_descriptor()
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    row_class = message_factory.GetMessageClass(pool.FindMessageTypeByName("bench.Row"))
    made = []
    for i in range(rows):
        row = row_class(
            id=i, k=i * 7919 % 100003, v=i / 7, name=f"name {i % 1000}", note=f"longer text of row {i}", flag=i % 3 == 0,
            day=18262 + i % 1000, ts=1577836800000000 + i * 1_000_003, price=f"{i / 100:.2f}", g=i % 97,
        )  # fmt: skip
        made.append(row.SerializeToString())
    return made


def proto_requests(table: str, rows: int) -> Requests:
    payload = formats_pb2.ProtoRows(serialized_rows=proto_rows(rows))
    schema = formats_pb2.ProtoSchema(proto_descriptor=proto_descriptor().message_type[0])
    proto = write_pb2.AppendRowsRequest.ProtoData
    return _requests(
        table,
        rows,
        write_pb2.AppendRowsRequest(proto_rows=proto(writer_schema=schema, rows=payload)),
        write_pb2.AppendRowsRequest(proto_rows=proto(rows=payload)),
    )


def _requests(table: str, rows: int, first: Any, later: Any) -> Requests:
    first.write_stream = stream_name(table)
    return Requests(first.SerializeToString(), later.SerializeToString(), rows)
