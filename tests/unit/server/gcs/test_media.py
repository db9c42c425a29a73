from __future__ import annotations

import pytest

from bqsim.server.gcs.errors import StorageError
from bqsim.server.gcs.media import range_of


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (None, None),
        ("bytes=0-3", (0, 4)),
        ("bytes=2-", (2, 8)),
        ("bytes=-3", (7, 3)),
        ("bytes=-99", (0, 10)),
        ("bytes=9-99", (9, 1)),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("rows=0-1", None),
    ],
)
def test_ranges(text: str | None, part: tuple[int, int] | None) -> None:
    assert range_of(text, 10) == part


@pytest.mark.parametrize(
    ("text", "size"), [("bytes=10-", 10), ("bytes=10-11", 10), ("bytes=0-", 0), ("bytes=-0", 9)]
)
def test_ranges_behind_the_end_are_416(text: str, size: int) -> None:
    with pytest.raises(StorageError) as failed:
        range_of(text, size)
    assert (failed.value.http, failed.value.why) == (416, "requestedRangeNotSatisfiable")
