from __future__ import annotations

import pytest

from bqsim.storage.errors import StorageFailure
from bqsim.storage.status import failure_of, status_message


@pytest.mark.parametrize(
    ("status", "code"), [("ALREADY_EXISTS", "OFFSET_ALREADY_EXISTS"), ("INVALID_ARGUMENT", None)]
)
def test_a_failure_is_read_from_the_status_that_tells_of_it(status: str, code: str | None) -> None:
    told = status_message(StorageFailure(status, "no", code=code, retry_delay_s=1.0), "no", "projects/p")
    found = failure_of(told)
    assert (found.status, found.message, found.code) == (status, "no", code)
