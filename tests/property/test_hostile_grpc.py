"""Hostile calls of the Storage API: whatever bytes and messages arrive, in whatever order, all ends well.

Never INTERNAL or UNKNOWN, never a hang, never the engine's words, and the server still answers afterwards.
``BQSIM_HOSTILE`` is how many calls of each kind are made.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from bqsim.server.grpc.methods import METHODS, PACKAGE, VERSIONS, Method, Shape
from bqsim.simulator import Simulator
from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2
from tests.conftest import Http

from .test_hostile_rest import ENGINE_WORDS, TEXTS

COUNT = int(os.environ.get("BQSIM_HOSTILE", "300"))
TIMEOUT_S = 60
# What a client must never see: a defect, a status that nobody chose, a hang.
DISORDER = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED}
WORDS = (*(word.decode() for word in ENGINE_WORDS), "Exception", "ArrowInvalid", "flatbuffer")

INTEGERS = (0, 1, -1, 2, 7, 100, 2**31 - 1, -(2**31), 2**32, 2**63 - 1, -(2**63))
FLOATS = (0.0, 0.5, 1.0, -1.0, 1e308, float("nan"), float("inf"), float("-inf"), 5e-324)
RESTRICTIONS = (
    "n > 1",
    "n = 'x'",
    "s IS NOT NULL AND",
    "1/0 = 1",
    "SELECT 1",
    "n; DROP TABLE d.t",
    "COUNT(*) > 1",
)

ENDINGS = ("", "/", "//", "$20260101", "@-1", "%2F", "\n")

F = descriptor_pb2.FieldDescriptorProto


@dataclass(slots=True)
class Target:
    """A simulator's storage port and the names of a table and of streams that exist there."""

    channel: grpc.Channel
    project: str
    names: list[str]
    named: dict[str, list[str]]
    batch: tuple[bytes, bytes]

    @property
    def table(self) -> str:
        return f"projects/{self.project}/datasets/d/tables/t"

    def call(self, method: Method, data: Iterable[bytes], rng: random.Random) -> tuple[grpc.StatusCode, str]:
        """Make one call with the raw messages ``data``; the status it ended with, and its text."""
        path = f"/{PACKAGE}.{rng.choice(VERSIONS)}.{method.service}/{method.name}"
        messages = list(data)
        metadata = [("x-goog-request-params", f"write_stream={self.table}/_default")] * rng.randrange(2)
        try:
            if method.shape is Shape.UNARY:
                self.channel.unary_unary(path)(messages[0], timeout=TIMEOUT_S, metadata=metadata)
            elif method.shape is Shape.SERVER_STREAM:
                for _ in self.channel.unary_stream(path)(messages[0], timeout=TIMEOUT_S, metadata=metadata):
                    pass
            else:
                call = self.channel.stream_stream(path)(iter(messages), timeout=TIMEOUT_S, metadata=metadata)
                for answer in call:
                    response = write_pb2.AppendRowsResponse.FromString(answer)
                    error = response.error
                    assert error.code not in {s.value[0] for s in DISORDER}, error
                    assert_clean(" ".join([error.message, *(e.message for e in response.row_errors)]))
        except grpc.RpcError as error:
            return error.code(), error.details()
        return grpc.StatusCode.OK, ""

    def check(self, method: Method, data: list[bytes], rng: random.Random) -> grpc.StatusCode:
        """Make a call that must end in order."""
        status, text = self.call(method, data, rng)
        assert status not in DISORDER, (method.name, status, text, data)
        assert_clean(text)
        return status


def assert_clean(text: str) -> None:
    assert not any(word in text for word in WORDS), text


@pytest.fixture
def target(bqsim_server: Simulator, rest: Http) -> Iterator[Target]:
    rest.dataset()
    rest.table()
    assert rest.query("INSERT INTO d.t (n, s) VALUES (1, 'a'), (2, NULL)").status == 200
    channel = grpc.insecure_channel(
        bqsim_server.grpc_target,
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    table = f"projects/{rest.project}/datasets/d/tables/t"
    names = [
        table,
        f"projects/{rest.project}",
        f"{table}/_default",
        f"{table}/streams/_default",
        f"{table}/streams/none",
        f"projects/{rest.project}/datasets/d/tables/none",
        f"projects/{rest.project}/locations/us/sessions/none/streams/0",
    ]
    batch = pa.record_batch({"n": [1, 2], "s": ["x", None]})
    made = Target(
        channel,
        rest.project,
        names,
        {"table": [table], "parent": [table, f"projects/{rest.project}"]},
        (batch.schema.serialize().to_pybytes(), batch.serialize().to_pybytes()),
    )
    renew(made)
    made.named["read_stream"] = [s.name for format_ in (1, 2) for s in session(made, format_).streams]
    names += made.named["read_stream"]
    yield made
    # The server still answers, with the rows as they should be.
    assert session(made, 2).streams
    assert rest.query("SELECT COUNT(*) AS n FROM d.t WHERE n IN (1, 2)").status == 200
    channel.close()


def renew(target: Target) -> None:
    """Make a new write stream of each type."""
    streams = []
    for type_ in (1, 2, 3):
        request = write_pb2.CreateWriteStreamRequest(
            parent=target.table, write_stream=stream_pb2.WriteStream(type=type_)
        )
        data = target.channel.unary_unary(f"/{PACKAGE}.v1.BigQueryWrite/CreateWriteStream")(
            request.SerializeToString(), timeout=TIMEOUT_S
        )
        streams.append(stream_pb2.WriteStream.FromString(data).name)
    target.named["write_stream"] = [*target.names[2:4], *streams, *streams]


def session(target: Target, data_format: int, table: str = "t") -> Any:
    request = read_pb2.CreateReadSessionRequest(parent=f"projects/{target.project}")
    request.read_session.table = f"projects/{target.project}/datasets/d/tables/{table}"
    request.read_session.data_format = data_format
    data = target.channel.unary_unary(f"/{PACKAGE}.v1.BigQueryRead/CreateReadSession")(
        request.SerializeToString(), timeout=TIMEOUT_S
    )
    return stream_pb2.ReadSession.FromString(data)


# Random messages


def random_bytes(rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice([0, 1, 3, 20, 300]))


# What a field of text is mostly about, by its name.
PLAUSIBLE: dict[str, tuple[str, ...]] = {
    "row_restriction": RESTRICTIONS,
    "selected_fields": ("n", "s", "n", "s", "N", "n.x", "x", "*", "s.", "`n`"),
    "missing_value_interpretations": ("n", "s", "N", "x", ""),
    "trace_id": ("bqsim:1", "x" * 257),
}


def text(rng: random.Random, target: Target, name: str = "") -> str:
    kind = rng.random()
    if kind < 0.8:
        return rng.choice(PLAUSIBLE.get(name) or target.named.get(name) or target.names)
    if kind < 0.9:
        whole = rng.choice(target.names)
        return whole[: rng.randrange(len(whole) + 1)] + rng.choice(ENDINGS)
    return rng.choice(TEXTS)


def scalar(rng: random.Random, field: Any, target: Target) -> Any:
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return rng.choice(FLOATS)
    if field.cpp_type == field.CPPTYPE_BOOL:
        return rng.random() < 0.5
    if field.cpp_type == field.CPPTYPE_ENUM:
        known = [v.number for v in field.enum_type.values] * 3
        return rng.choice(known if field.enum_type.is_closed else [*known, 99, -1])
    if field.cpp_type == field.CPPTYPE_STRING:
        return (
            payload(rng, field, target) if field.type == field.TYPE_BYTES else text(rng, target, field.name)
        )
    low, high = (-(2**31), 2**31 - 1) if field.cpp_type == field.CPPTYPE_INT32 else (-(2**63), 2**63 - 1)
    return rng.choice([n for n in INTEGERS if low <= n <= high])


def payload(rng: random.Random, field: Any, target: Target) -> bytes:
    """Bytes of a field: what belongs there, a damaged form of it, or anything."""
    schema, batch = target.batch
    good = {
        "serialized_schema": schema,
        "serialized_record_batch": batch,
        "serialized_rows": b"\x08\x01\x12\x01x",
    }.get(field.name, b"")
    kind = rng.random()
    if kind < 0.4:
        return good
    return mutated(rng, good) if kind < 0.8 and good else random_bytes(rng)


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Bytes with some changed, cut, doubled or dropped."""
    if not data:
        return random_bytes(rng)
    kind, at = rng.randrange(5), rng.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data + data[at:]
    if kind == 2:
        return data[:at] + random_bytes(rng) + data[at:]
    if kind == 3:
        return data[:at] + struct.pack("<q", rng.choice(INTEGERS[:-3])) + data[at + 8 :]
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def filled(rng: random.Random, target: Target, message: Any, share: float = 0.6, depth: int = 0) -> Any:
    """A share of the fields of a message set to plausible and implausible values."""
    if message.DESCRIPTOR.full_name == "google.protobuf.DescriptorProto" and rng.random() < 0.7:
        message.CopyFrom(descriptor(rng))
        return message
    for field in message.DESCRIPTOR.fields:
        if rng.random() > share:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            getattr(message, field.name)[text(rng, target, field.name)] = rng.choice((0, 1, 2, 99))
        elif field.message_type is not None:
            if depth < 4:
                inner = getattr(message, field.name)
                made = inner.add() if field.is_repeated else inner
                made.SetInParent()
                filled(rng, target, made, share, depth + 1)
        elif field.is_repeated:
            getattr(message, field.name).extend(scalar(rng, field, target) for _ in range(rng.randrange(3)))
        else:
            setattr(message, field.name, scalar(rng, field, target))
    return message


def asked(rng: random.Random, target: Target, method: Method) -> Any:
    """A request of a method: often one that would do but for a few fields."""
    message = method.request()
    if rng.random() < 0.3:
        return filled(rng, target, message)
    good = {
        "CreateReadSession": lambda: read_pb2.CreateReadSessionRequest(
            parent=f"projects/{target.project}",
            read_session=stream_pb2.ReadSession(table=target.table, data_format=rng.choice((1, 2))),
        ),
        "CreateWriteStream": lambda: write_pb2.CreateWriteStreamRequest(
            parent=target.table, write_stream=stream_pb2.WriteStream(type=rng.choice((1, 2, 3)))
        ),
        "BatchCommitWriteStreams": lambda: write_pb2.BatchCommitWriteStreamsRequest(
            parent=target.table, write_streams=rng.sample(target.named["write_stream"], 2)
        ),
        "AppendRows": lambda: well_formed(rng, target),
        "FinalizeWriteStream": lambda: method.request(name=rng.choice(target.named["write_stream"])),
        "GetWriteStream": lambda: method.request(name=rng.choice(target.named["write_stream"])),
        "FlushRows": lambda: method.request(
            write_stream=rng.choice(target.named["write_stream"]), offset={"value": rng.randrange(4)}
        ),
        "ReadRows": lambda: method.request(read_stream=rng.choice(target.named["read_stream"])),
        "SplitReadStream": lambda: method.request(
            name=rng.choice(target.named["read_stream"]), fraction=rng.choice((0.5, 1e-9, *FLOATS))
        ),
    }
    message.MergeFrom(good[method.name]())
    return filled(rng, target, message, 0.12)


def descriptor(rng: random.Random, depth: int = 0) -> Any:
    """A description of rows that may lack names, repeat numbers, name unknown types or itself."""
    made = descriptor_pb2.DescriptorProto(name=rng.choice(("Row", "", "a.b", "Row Row", "R" * 300)))
    for name in ("n", "s", rng.choice(("", "x", "n", "\u0000", "_CHANGE_TYPE")))[: rng.randrange(4)]:
        field = made.field.add()
        field.name = name
        field.number = rng.choice((0, 1, 2, 2, 3, -1, 19_000, 2**29 - 1, 2**29, 2**31 - 1))
        field.label = rng.choice((1, 1, 1, 2, 3))
        field.type = rng.choice((3, 9, 3, 9, *range(1, 19)))
        if field.type in (10, 11, 14):
            field.type_name = rng.choice(("", "Row", ".Row", "Inner", ".x.y.Inner", made.name, ".", "\u00e4"))
        if rng.random() < 0.1:
            field.default_value = rng.choice(("5", "x", "", "-1e999", "\\x"))
        if rng.random() < 0.1:
            field.oneof_index = rng.choice((0, 1, -1, 99))
        if rng.random() < 0.1:
            field.proto3_optional = True
    if depth < 3 and rng.random() < 0.4:
        made.nested_type.add().CopyFrom(descriptor(rng, depth + 1))
        made.nested_type[-1].name = rng.choice(("Inner", "Row", ""))
    return made


# The tests


def test_bytes_that_are_no_messages(target: Target) -> None:
    rng = random.Random(11)
    for i in range(COUNT):
        method = METHODS[i % len(METHODS)]
        whole = asked(rng, target, method).SerializeToString()
        count = rng.randrange(1, 4) if method.shape is Shape.BOTH_STREAM else 1
        data = [random_bytes(rng) if rng.random() < 0.3 else mutated(rng, whole) for _ in range(count)]
        target.check(method, data, rng)


def test_messages_of_any_values(target: Target) -> None:
    rng = random.Random(12)
    seen = set()
    for i in range(COUNT):
        if i % 40 == 0:
            renew(target)
        method = METHODS[i % len(METHODS)]
        messages = [asked(rng, target, method) for _ in range(rng.randrange(1, 4))]
        seen.add(target.check(method, [m.SerializeToString() for m in messages], rng))
    assert {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND} <= seen


def test_strings_that_are_no_utf8(target: Target) -> None:
    rng = random.Random(13)
    for method in METHODS:
        for field in method.request.DESCRIPTOR.fields:
            if field.type == field.TYPE_STRING:
                data = bytes([field.number << 3 | 2, 2, 0xFF, 0xFE])
                assert target.check(method, [data], rng) is grpc.StatusCode.INVALID_ARGUMENT


def well_formed(rng: random.Random, target: Target) -> Any:
    """A request of AppendRows that would do at its place."""
    schema, batch = target.batch
    request = write_pb2.AppendRowsRequest()
    if rng.random() < 0.6:
        request.write_stream = rng.choice(
            target.named["write_stream"] if rng.random() < 0.8 else target.names
        )
    if rng.random() < 0.5:
        if rng.random() < 0.7:
            request.arrow_rows.writer_schema.serialized_schema = schema
        if rng.random() < 0.8:
            request.arrow_rows.rows.serialized_record_batch = batch
    else:
        if rng.random() < 0.7:
            described = request.proto_rows.writer_schema.proto_descriptor
            described.name = "Row"
            described.field.add(name="n", number=1, type=F.TYPE_INT64, label=F.LABEL_OPTIONAL)
            described.field.add(name="s", number=2, type=F.TYPE_STRING, label=F.LABEL_OPTIONAL)
        if rng.random() < 0.8:
            request.proto_rows.rows.serialized_rows.extend([b"\x08\x01", b"\x12\x01x"])
    if rng.random() < 0.3:
        request.offset.value = rng.choice((0, 2, 4, -5, 2**62))
    return request


def test_requests_of_a_stream_in_any_order(target: Target) -> None:
    rng = random.Random(14)
    method = next(m for m in METHODS if m.name == "AppendRows")
    others = [m for m in METHODS if m.service == "BigQueryWrite" and m.shape is Shape.UNARY]
    for i in range(COUNT // 3):
        if i % 10 == 0:
            renew(target)
        requests = [well_formed(rng, target) for _ in range(rng.randrange(1, 7))]
        if rng.random() < 0.8:
            requests[0].write_stream = rng.choice(target.named["write_stream"])
        target.check(method, [r.SerializeToString() for r in requests], rng)
        other = rng.choice(others)
        target.check(other, [asked(rng, target, other).SerializeToString()], rng)


# Values of every type, under columns of every type

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


def test_calls_that_are_given_up(target: Target) -> None:
    rng = random.Random(15)
    for i in range(COUNT // 3):
        method = METHODS[i % len(METHODS)]
        data = asked(rng, target, method).SerializeToString()
        path = f"/{PACKAGE}.v1.{method.service}/{method.name}"
        call: Any
        if method.shape is Shape.BOTH_STREAM:
            call = target.channel.stream_stream(path)(iter([data] * 3), timeout=TIMEOUT_S)
        elif method.shape is Shape.SERVER_STREAM:
            call = target.channel.unary_stream(path)(data, timeout=TIMEOUT_S)
        else:
            call = target.channel.unary_unary(path).future(data, timeout=TIMEOUT_S)
        call.cancel()
