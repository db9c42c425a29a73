"""Messages of ReadRows taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqclient.errors import StorageError
from bqclient.storage_api.messages import message_of
from bqclient.wire import read_pb2


def response(rows: bytes, **fields: object) -> read_pb2.ReadRowsResponse:
    made = read_pb2.ReadRowsResponse(**fields)  # type: ignore[arg-type]
    made.arrow_record_batch.serialized_record_batch = rows
    return made


@given(
    rows=st.binary(max_size=400),
    count=st.integers(0, 1 << 40),
    size=st.none() | st.integers(-1, 1 << 40),
    percent=st.integers(0, 100),
    end=st.floats(0, 1),
    schema=st.binary(max_size=40),
)
def test_messages_are_what_the_generated_class_reads(
    rows: bytes, count: int, size: int | None, percent: int, end: float, schema: bytes
) -> None:
    whole = response(rows, row_count=count, uncompressed_byte_size=size)
    whole.stats.progress.at_response_end = end
    whole.throttle_state.throttle_percent = percent
    whole.arrow_schema.serialized_schema = schema
    whole.arrow_record_batch.row_count = 7
    found = message_of(whole.SerializeToString())
    assert bytes(found.rows) == rows
    assert found.row_count == count
    whole.ClearField("arrow_record_batch")
    assert found.rest == whole


def test_avro_rows_are_found_too() -> None:
    whole = read_pb2.ReadRowsResponse(row_count=2)
    whole.avro_rows.serialized_binary_rows = b"abc"
    found = message_of(whole.SerializeToString())
    assert (bytes(found.rows), found.row_count) == (b"abc", 2)


def test_fields_of_a_later_version_are_passed_over() -> None:
    # Fields 100 to 103 of each wire type there is, before and after the rows.
    new = b"\xa0\x06\x01" + b"\xa9\x06" + bytes(8) + b"\xb2\x06\x02ab" + b"\xbd\x06" + bytes(4)
    whole = response(b"rows", row_count=1).SerializeToString()
    found = message_of(new + whole + new)
    assert (bytes(found.rows), found.row_count) == (b"rows", 1)


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 255))
def test_what_is_no_message_is_an_error_of_its_own(rows: bytes, at: int, byte: int) -> None:
    raw = bytearray(response(rows, row_count=3).SerializeToString())
    raw[at % len(raw)] = byte
    try:
        message_of(bytes(raw))
    except StorageError as error:
        assert error.retryable


@pytest.mark.parametrize("raw", [b"\x22\x05a", b"\x22\xff", b"\xff" * 11, b"\x0b", b"\x09a"])
def test_cut_messages_are_an_error(raw: bytes) -> None:
    with pytest.raises(StorageError, match="could not be read"):
        message_of(raw)
