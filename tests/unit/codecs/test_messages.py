"""Messages of clients are limited in their nesting, also while deep ones of ours are read."""

from __future__ import annotations

import threading

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.message import DecodeError

from bqsim.codecs.messages import merge, parse, parse_deep
from bqsim.storage.v1.write_pb2 import AppendRowsRequest


def nested(levels: int) -> bytes:
    """A DescriptorProto with this many levels of nested types."""
    data, parts = 0, []
    for _ in range(levels):
        head = b"\x1a" + varint(data)
        parts.append(head)
        data += len(head)
    return b"".join(reversed(parts))


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def wrapped(*fields: tuple[int, bytes]) -> bytes:
    return b"".join(varint(number << 3 | 2) + varint(len(data)) + data for number, data in fields)


def test_bytes_of_clients_may_nest_a_hundred_levels() -> None:
    assert parse(DescriptorProto, nested(99)).nested_type
    with pytest.raises(DecodeError):
        parse(DescriptorProto, nested(101))
    into = DescriptorProto()
    merge(into, nested(50))
    with pytest.raises(DecodeError):
        merge(into, nested(101))


def test_a_schema_of_a_million_levels_does_no_harm() -> None:
    request = wrapped((4, wrapped((1, wrapped((1, nested(1_000_000)))))))
    failures = []

    def read() -> None:
        try:
            parse(AppendRowsRequest, request)
        except DecodeError as error:
            failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert len(failures) == 1


def test_our_own_bytes_may_nest_deeper_and_lift_the_limit_for_nobody_else() -> None:
    deep, levels = nested(2_000), 0
    message = parse_deep(DescriptorProto, deep)
    while message.nested_type:
        message, levels = message.nested_type[0], levels + 1
    assert levels == 2_000
    refused = []

    def read_ours() -> None:
        for _ in range(200):
            parse_deep(DescriptorProto, deep)

    def read_theirs() -> None:
        for _ in range(200):
            with pytest.raises(DecodeError):
                parse(DescriptorProto, deep)
            refused.append(1)

    threads = [threading.Thread(target=t) for t in (read_ours, read_theirs) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 400


def test_a_failure_leaves_the_limit_in_place() -> None:
    with pytest.raises(DecodeError):
        parse_deep(DescriptorProto, b"\xff")
    with pytest.raises(DecodeError):
        parse(DescriptorProto, nested(101))
