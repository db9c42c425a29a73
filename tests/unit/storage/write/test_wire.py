from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.storage.errors import StorageFailure
from bqsim.storage.v1 import write_pb2
from bqsim.storage.write.wire import parse_request


def message(batch: bytes, schema: bytes = b"") -> write_pb2.AppendRowsRequest:
    request = write_pb2.AppendRowsRequest(write_stream="s", trace_id="t")
    request.offset.value = 5
    if schema:
        request.arrow_rows.writer_schema.serialized_schema = schema
    request.arrow_rows.rows.serialized_record_batch = batch
    return request


@pytest.mark.parametrize("schema", [b"", b"schema"])
def test_large_batch_is_left_in_its_place(schema: bytes) -> None:
    whole = message(b"x" * 100_000, schema)
    request, batch = parse_request(whole.SerializeToString())
    assert batch is not None
    assert bytes(batch) == b"x" * 100_000
    assert request.WhichOneof("rows") == "arrow_rows"
    whole.arrow_rows.ClearField("rows")
    assert request == whole


def test_small_messages_and_other_rows_are_parsed() -> None:
    small = message(b"x")
    assert parse_request(small.SerializeToString()) == (small, None)
    proto = write_pb2.AppendRowsRequest()
    proto.proto_rows.rows.serialized_rows.extend([b"y" * 1000] * 100)
    assert parse_request(proto.SerializeToString()) == (proto, None)


def test_unusual_forms_are_left_to_protobuf() -> None:
    one = message(b"x" * 50_000).SerializeToString()
    twice = one + message(b"z" * 50_000).SerializeToString()
    request, batch = parse_request(twice)
    assert batch is None
    assert request.arrow_rows.rows.serialized_record_batch == b"z" * 50_000
    proto = write_pb2.AppendRowsRequest()
    proto.proto_rows.rows.serialized_rows.append(b"y")
    request, batch = parse_request(one + proto.SerializeToString())
    assert (request.WhichOneof("rows"), batch) == ("proto_rows", None)


def test_broken_messages() -> None:
    whole = message(b"x" * 100_000).SerializeToString()
    for broken in (whole[:-1], b"\xff" * 100_000, b"\x2a\xff\xff\xff\xff\xff\xff" + whole):
        with pytest.raises(StorageFailure) as caught:
            parse_request(broken)
        assert caught.value.status == "INVALID_ARGUMENT"


@given(st.integers(0, 200), st.binary(min_size=1, max_size=6))
def test_damage_is_seen_as_protobuf_sees_it(position: int, damage: bytes) -> None:
    whole = bytearray(message(b"x" * 40_000, b"schema").SerializeToString())
    whole[position : position + len(damage)] = damage
    raw = bytes(whole)
    expected = write_pb2.AppendRowsRequest()
    try:
        expected.ParseFromString(raw)
    except Exception:
        with pytest.raises(StorageFailure):
            parse_request(raw)
        return
    request, batch = parse_request(raw)
    if batch is not None:
        request.arrow_rows.rows.serialized_record_batch = bytes(batch)
        assert request.arrow_rows.rows.serialized_record_batch == (
            expected.arrow_rows.rows.serialized_record_batch
        )
        expected.arrow_rows.ClearField("rows")
        request.arrow_rows.ClearField("rows")
    assert request == expected
