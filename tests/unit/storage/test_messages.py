"""Our messages are Google's on the wire, and both live in one process."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.storage.v1 import formats_pb2, read_pb2, status_pb2, stream_pb2, table_pb2, write_pb2

MODULES = (formats_pb2, read_pb2, status_pb2, stream_pb2, table_pb2, write_pb2)
# Ours by name: messages that Google keeps in other packages.
ELSEWHERE = {"Status", "RetryInfo"}


def _shape(message: Any) -> dict[int, tuple[Any, ...]]:
    """Field numbers with what decides the bytes: type, repetition, presence."""
    return {
        f.number: (f.name.rstrip("_"), f.type, f.is_repeated, f.has_presence, _named(f))
        for f in message.fields
    }


def _named(field: Any) -> str:
    named = field.message_type or field.enum_type
    return "" if named is None else named.full_name.rpartition(".")[2]


def _messages(container: Any) -> list[Any]:
    found = []
    for message in container:
        found += [message, *_messages(message.nested_types)]
    return found


OURS = [m for module in MODULES for m in _messages(module.DESCRIPTOR.message_types_by_name.values())]


@pytest.mark.parametrize("ours", OURS, ids=lambda m: m.full_name)
def test_a_message_has_the_fields_of_googles(ours: Any) -> None:
    types = pytest.importorskip("google.cloud.bigquery_storage_v1.types")
    if ours.name in ELSEWHERE:
        pytest.skip("not a message of the Storage API")
    path = ours.full_name.removeprefix("bqsim.storage.v1.").split(".")
    top = getattr(types, path[0]).pb().DESCRIPTOR
    theirs = top
    for name in path[1:]:
        theirs = theirs.nested_types_by_name[name]
    assert _shape(ours) == _shape(theirs)
    ours_enums = {e.name: {v.name: v.number for v in e.values} for e in ours.enum_types}
    theirs_enums = {e.name: {v.name: v.number for v in e.values} for e in theirs.enum_types}
    assert ours_enums == theirs_enums


def test_status_is_that_of_google_rpc() -> None:
    google = pytest.importorskip("google.rpc.status_pb2")
    details = pytest.importorskip("google.rpc.error_details_pb2")
    assert _shape(status_pb2.Status.DESCRIPTOR) == _shape(google.Status.DESCRIPTOR)
    assert _shape(status_pb2.RetryInfo.DESCRIPTOR) == _shape(details.RetryInfo.DESCRIPTOR)


def test_bytes_written_by_one_are_read_by_the_other() -> None:
    types = pytest.importorskip("google.cloud.bigquery_storage_v1.types")
    theirs = types.AppendRowsRequest(
        write_stream="s",
        offset=7,
        proto_rows=types.AppendRowsRequest.ProtoData(rows=types.ProtoRows(serialized_rows=[b"a", b"b"])),
        missing_value_interpretations={"x": 2},
    )
    ours = write_pb2.AppendRowsRequest.FromString(types.AppendRowsRequest.serialize(theirs))
    assert (ours.write_stream, ours.offset.value) == ("s", 7)
    assert list(ours.proto_rows.rows.serialized_rows) == [b"a", b"b"]
    assert dict(ours.missing_value_interpretations) == {"x": 2}
