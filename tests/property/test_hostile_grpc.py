"""Hostile calls of the Storage API: whatever bytes and messages arrive, in whatever order, all ends well.

Never INTERNAL or UNKNOWN, never a hang, never the engine's words, and the server still answers afterwards.
``BQSIM_HOSTILE`` is how many calls of each kind are made.
"""

from __future__ import annotations

import random
import struct
from typing import Any

import grpc
from google.protobuf import descriptor_pb2

from bqsim.server.grpc.methods import METHODS, PACKAGE, Method, Shape
from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2

from .storage_target import COUNT, FLOATS, INTEGERS, TIMEOUT_S, Target, renew
from .test_hostile_rest import TEXTS

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
