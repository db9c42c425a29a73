"""What calls of BigQueryWrite are refused with."""

from __future__ import annotations

import pytest

from bqsim.errors import StorageFailure
from bqsim.storage.names import write_stream_of
from bqsim.storage.write.failures import application_stream, flush_beyond, not_committable, wrong_offset

TABLE = "projects/p/datasets/d/tables/t"
STREAM = f"{TABLE}/streams/s"


def test_default_streams_are_not_the_application_s() -> None:
    assert application_stream(STREAM, "flushed").path == STREAM
    with pytest.raises(StorageFailure, match=r"^The default stream cannot be flushed\. Entity: ") as caught:
        application_stream(f"{TABLE}/_default", "flushed")
    assert (caught.value.status, caught.value.code) == ("INVALID_ARGUMENT", "INVALID_STREAM_TYPE")


@pytest.mark.parametrize(
    ("offset", "where", "status", "code"),
    [
        (4, "within", "ALREADY_EXISTS", "OFFSET_ALREADY_EXISTS"),
        (6, "beyond", "OUT_OF_RANGE", "OFFSET_OUT_OF_RANGE"),
    ],
)
def test_offsets_are_the_next_one(offset: int, where: str, status: str, code: str) -> None:
    found = wrong_offset(write_stream_of(STREAM), offset, 5)
    assert str(found) == f"The offset is {where} stream, expected offset 5, received {offset}"
    assert (found.status, found.code) == (status, code)


def test_flushes_end_within_the_stream() -> None:
    found = flush_beyond(write_stream_of(STREAM), 5, 5)
    assert found.message.startswith("The flush offset is beyond stream, expected offset below 5, received 5.")


@pytest.mark.parametrize(
    ("type_", "committed", "finalized", "told"),
    [
        ("BUFFERED", False, True, "Stream must be created in pending mode, actual: BUFFERED"),
        ("PENDING", True, True, "Stream has been committed already."),
        ("PENDING", False, False, "Stream has not been finalized."),
        ("PENDING", False, True, None),
    ],
)
def test_finalized_pending_streams_are_committed_once(
    type_: str, committed: bool, finalized: bool, told: str | None
) -> None:
    found = not_committable(write_stream_of(STREAM), type_, committed=committed, finalized=finalized)
    assert (None if found is None else found.error_message) == told
