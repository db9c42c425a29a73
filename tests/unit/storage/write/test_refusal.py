from __future__ import annotations

import pyarrow as pa
import pytest

from bqsim.storage.errors import StorageFailure
from bqsim.storage.write.arrow_messages import batch_rows
from bqsim.storage.write.refusal import Refused


def test_a_refused_request_is_its_bytes_with_a_failure() -> None:
    failure = StorageFailure("INTERNAL", "no")
    made = Refused.of(b"abc", failure)
    assert (made, len(made), made.failure) == (b"abc", 3, failure)


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_record_batches_tell_their_rows(rows: int) -> None:
    batch = pa.record_batch({"n": pa.array(range(rows), pa.int64())})
    assert batch_rows(batch.serialize().to_pybytes()) == rows


@pytest.mark.parametrize(
    "message", [b"", b"\xff\xff\xff\xff", b"x" * 100, pa.schema([]).serialize().to_pybytes()]
)
def test_other_messages_have_none(message: bytes) -> None:
    assert batch_rows(message) == 0
