"""Hostile values of the Storage API: rows whose types and values may not suit, for columns of every type."""

from __future__ import annotations

import random
from typing import Any

import grpc
import pyarrow as pa
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from bqsim.server.grpc.methods import METHODS
from bqsim.storage.v1 import read_pb2, write_pb2
from tests.conftest import Http

from .storage_target import COUNT, FLOATS, INTEGERS, Target, session

F = descriptor_pb2.FieldDescriptorProto


# Each with the Arrow type that suits it.
COLUMNS: tuple[tuple[str, Any], ...] = (
    ("INT64", pa.int64()),
    ("STRING", pa.string()),
    ("BYTES", pa.binary()),
    ("BOOL", pa.bool_()),
    ("FLOAT64", pa.float64()),
    ("NUMERIC", pa.decimal128(38, 9)),
    ("BIGNUMERIC", pa.decimal256(76, 38)),
    ("DATE", pa.date32()),
    ("TIME", pa.time64("us")),
    ("DATETIME", pa.timestamp("us")),
    ("TIMESTAMP", pa.timestamp("us", "UTC")),
    ("JSON", pa.string()),
    ("INTERVAL", pa.month_day_nano_interval()),
    ("ARRAY<INT64>", pa.list_(pa.int64())),
    ("ARRAY<DATE>", pa.list_(pa.date32())),
    (
        "STRUCT<a NUMERIC, b ARRAY<STRING>>",
        pa.struct([("a", pa.decimal128(38, 9)), ("b", pa.list_(pa.string()))]),
    ),
    ("RANGE<DATE>", pa.struct([("start", pa.date32()), ("end", pa.date32())])),
    ("STRING(2)", pa.string()),
    ("NUMERIC(3, 1)", pa.decimal128(38, 9)),
    ("RANGE<TIMESTAMP>", pa.struct([("start", pa.timestamp("us", "UTC"))])),
)
LITERALS = (
    "",
    "0",
    "-1",
    "NaN",
    "-inf",
    "1e40",
    "0.1234567890123",
    "9999-12-31",
    "0000-00-00",
    "2020-02-30 25:61:61",
    "2020-01-01T00:00:00.123456789Z",
    "23:59:60",
    "{",
    '{"a": 1e999}',
    "P1Y2M",
    "1-2 3 4:5:6.7",
    "[2020-01-01, UNBOUNDED)",
    "true",
    "x" * 100,
    "\u0000",
    "\U0001f600",
)
# The types that suit many columns come more often.
SCALARS = (*range(1, 10), 12, 13, 15, 16, 17, 18, *(3, 9, 9, 9, 12) * 4)


def wide(rest: Http) -> None:
    """Create table ``d.wide`` with a column of each type."""
    columns = ", ".join(f"c{i} {type_}" for i, (type_, _) in enumerate(COLUMNS))
    answer = rest.query(f"CREATE TABLE d.wide ({columns})")
    assert answer.status == 200, answer.data


def any_message(rng: random.Random, depth: int = 0) -> Any:
    """A valid description of rows, whose fields have types that may not suit their columns."""
    made = descriptor_pb2.DescriptorProto(name=f"M{depth}")
    if depth:
        names = rng.sample(
            ("start", "end", "a", "b", "seconds", "nanos", "value", "months"), rng.randrange(4)
        )
    else:
        names = [f"c{i}" for i in rng.sample(range(len(COLUMNS)), rng.choice((1, 1, 2)))]
    for number, name in enumerate(names, 1):
        label = F.LABEL_REPEATED if rng.random() < 0.25 else F.LABEL_OPTIONAL
        field = made.field.add(name=name, number=number, label=label, type=rng.choice(SCALARS))
        if depth < 2 and rng.random() < 0.3:
            field.type = F.TYPE_MESSAGE
            field.type_name = f"M{depth + 1}_{number}"
            made.nested_type.add().CopyFrom(any_message(rng, depth + 1))
            made.nested_type[-1].name = field.type_name
    return made


def any_rows(rng: random.Random, described: Any) -> list[bytes]:
    """Rows of a description, of extreme values."""
    file = descriptor_pb2.FileDescriptorProto(name="rows.proto", package="hostile")
    file.message_type.add().CopyFrom(described)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"hostile.{described.name}"))
    return [extreme(rng, made()).SerializeToString() for _ in range(rng.randrange(1, 4))]


def extreme(rng: random.Random, message: Any) -> Any:
    for field in message.DESCRIPTOR.fields:
        for _ in range(rng.randrange(3) if field.is_repeated else rng.randrange(2)):
            if field.message_type is not None:
                inner = getattr(message, field.name)
                made = inner.add() if field.is_repeated else inner
                made.SetInParent()
                extreme(rng, made)
            elif field.is_repeated:
                getattr(message, field.name).append(extreme_value(rng, field))
            else:
                setattr(message, field.name, extreme_value(rng, field))
    return message


def extreme_value(rng: random.Random, field: Any) -> Any:
    if field.cpp_type == field.CPPTYPE_STRING:
        return rng.choice(LITERALS).encode() if field.type == field.TYPE_BYTES else rng.choice(LITERALS)
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return rng.choice(FLOATS)
    if field.cpp_type == field.CPPTYPE_BOOL:
        return rng.random() < 0.5
    low, high = {
        field.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
        field.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
        field.CPPTYPE_UINT32: (0, 2**32 - 1),
        field.CPPTYPE_UINT64: (0, 2**64 - 1),
    }[field.cpp_type]
    near = (1 << rng.randrange(64)) * rng.choice((1, -1))
    return min(
        max(rng.choice((*INTEGERS, near, 253402300799999999 + rng.randrange(2), low, high)), low), high
    )


ARROW_TYPES: tuple[tuple[Any, tuple[Any, ...]], ...] = (
    (pa.int64(), (0, 2**63 - 1, -(2**63))),
    (pa.int8(), (-128, 127)),
    (pa.uint64(), (2**64 - 1, 0)),
    (pa.float64(), FLOATS),
    (pa.float32(), (0.0, float("nan"))),
    (pa.float16(), (0.0, 1.0)),
    (pa.bool_(), (True, False)),
    (pa.string(), LITERALS),
    (pa.large_string(), LITERALS),
    (pa.string_view(), LITERALS),
    (pa.binary(), (b"", b"\xff\x00")),
    (pa.binary(2), (b"ab",)),
    (pa.date32(), (0, 2**31 - 1, -(2**31), 2932896, 2932897)),
    (pa.date64(), (0, 2**62, -(2**62))),
    (pa.time32("s"), (0, 86399)),
    (pa.time64("us"), (0, 2**62, -1)),
    (pa.time64("ns"), (0, 1)),
    (pa.timestamp("us"), (0, 2**63 - 1, -(2**62))),
    (pa.timestamp("us", "UTC"), (0, 2**63 - 1, 253402300799999999, -62135596800000001)),
    (pa.timestamp("s", "UTC"), (0, 2**62)),
    (pa.timestamp("ns", "Europe/Paris"), (1, 2**63 - 1)),
    (pa.duration("us"), (0, 2**62)),
    (pa.month_day_nano_interval(), ((1, 2, 3), (-(2**31), 2**31 - 1, -(2**63)))),
    (pa.decimal128(38, 9), (0, 1, 10**28)),
    (pa.decimal128(3, 1), (0, 1)),
    (pa.decimal256(76, 38), (0, 10**37)),
    (pa.null(), (None,)),
    (pa.list_(pa.int64()), ([], [1, None], [2**63 - 1])),
    (pa.large_list(pa.date32()), ([], [2**31 - 1])),
    (pa.list_(pa.date32()), ([], [0, None], [2**31 - 1])),
    (pa.list_(pa.list_(pa.int64())), ([[1]],)),
    (pa.struct([("a", pa.decimal128(38, 9)), ("b", pa.list_(pa.string()))]), ({"a": 1, "b": ["x"]}, {})),
    (pa.struct([("start", pa.date32()), ("end", pa.date32())]), ({"start": 5, "end": 1}, {"end": 2**31 - 1})),
    (pa.struct([("start", pa.timestamp("us", "UTC"))]), ({"start": 2**63 - 1}, {"start": 0})),
    (pa.struct([]), ({},)),
    (pa.map_(pa.string(), pa.int64()), ([("k", 1)],)),
    (pa.dictionary(pa.int8(), pa.string()), LITERALS),
)


def any_batch(rng: random.Random) -> Any:
    """A record batch of some columns of the wide table, of types that may not suit them."""
    count = rng.randrange(1, 4)
    columns = {}
    for i in rng.sample(range(len(COLUMNS)), rng.choice((1, 1, 2))):
        type_, values = rng.choice(ARROW_TYPES)
        if rng.random() < 0.8:
            type_ = COLUMNS[i][1]
            values = next(v for t, v in ARROW_TYPES if t == type_)
        chosen = [rng.choice((*values, None)) for _ in range(count)]
        columns[f"c{i}"] = pa.array(chosen, type_)
    return pa.record_batch(columns)


def test_values_under_columns_of_every_type(target: Target, rest: Http) -> None:
    wide(rest)
    rng = random.Random(16)
    method = next(m for m in METHODS if m.name == "AppendRows")
    for i in range(COUNT):
        request = write_pb2.AppendRowsRequest(write_stream=f"{target.table[:-1]}wide/_default")
        if i % 2:
            described = any_message(rng)
            request.proto_rows.writer_schema.proto_descriptor.CopyFrom(described)
            request.proto_rows.rows.serialized_rows.extend(any_rows(rng, described))
        else:
            batch = any_batch(rng)
            request.arrow_rows.writer_schema.serialized_schema = batch.schema.serialize().to_pybytes()
            request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()
        target.check(method, [request.SerializeToString()], rng)
    # What got in can be read in both formats.
    for data_format in (1, 2):
        for stream in session(target, data_format, "wide").streams:
            read = next(m for m in METHODS if m.name == "ReadRows")
            data = read_pb2.ReadRowsRequest(read_stream=stream.name).SerializeToString()
            assert target.check(read, [data], rng) is grpc.StatusCode.OK
    assert rest.query("SELECT * FROM d.wide").status == 200
