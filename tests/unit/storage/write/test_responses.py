from __future__ import annotations

import grpc

from bqsim.errors import STATUS_CODES
from bqsim.storage.errors import StorageFailure, invalid_argument
from bqsim.storage.v1 import write_pb2
from bqsim.storage.write.responses import MAX_ROW_ERROR_BYTES, appended, failed, with_entity

STREAM = "projects/p/datasets/d/tables/t/streams/s"


def test_codes_are_those_of_grpc() -> None:
    assert {c.name: c.value[0] for c in grpc.StatusCode} == STATUS_CODES


def test_offset_zero_is_there() -> None:
    found = write_pb2.AppendRowsResponse.FromString(appended(STREAM, 0))
    assert found.append_result.HasField("offset")
    assert found.write_stream == STREAM
    none = write_pb2.AppendRowsResponse.FromString(appended(STREAM, None))
    assert none.HasField("append_result")
    assert not none.append_result.HasField("offset")


def test_failure_without_a_code_has_no_detail() -> None:
    found = write_pb2.AppendRowsResponse.FromString(failed(STREAM, StorageFailure("INTERNAL", "Oops")))
    assert (found.error.code, found.error.message) == (13, f"Oops Entity: {STREAM}")
    assert not found.error.details


def test_row_errors_are_bounded() -> None:
    errors = [(i, "x" * 1000) for i in range(1000)]
    found = write_pb2.AppendRowsResponse.FromString(failed(STREAM, invalid_argument("Bad"), errors))
    assert 0 < len(found.row_errors) < 1000
    assert found.ByteSize() < MAX_ROW_ERROR_BYTES * 1.1


def test_entity_is_told_once() -> None:
    text = with_entity("Bad", STREAM)
    assert text == f"Bad Entity: {STREAM}"
    assert with_entity(text, STREAM) == text
    assert with_entity("Bad", "") == "Bad"
