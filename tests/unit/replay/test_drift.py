from __future__ import annotations

from typing import Any

import pytest

from bqsim.replay.drift import differences


@pytest.mark.parametrize(
    ("was", "now", "told"),
    (
        ({"a": 1}, {"a": "1"}, []),
        ({"a": 1}, {"a": 2}, ["a: recorded 1, now 2"]),
        ({"a": {"b": 1}}, {"a": {}}, ["a.b: recorded 1, not told any more"]),
        ({}, {"a": None}, ["a: not recorded, told now: None"]),
        ({"r": [1, 2]}, {"r": [1]}, ["r: 2 items recorded, 1 now"]),
        ({"r": [{"v": 1}]}, {"r": [{"v": 2}]}, ["r[0].v: recorded 1, now 2"]),
        ({"etag": "x", "creationTime": "1"}, {"etag": "y"}, []),
        ({"datasetId": "_a", "tableId": "x"}, {"datasetId": "_b", "tableId": "y"}, []),
        ({"datasetId": "a", "tableId": "x"}, {"datasetId": "a", "tableId": "y"}, 1),
        ({"schema": {}}, None, ["recorded {'schema': {}}, now None"]),
    ),
)
def test_differences(was: Any, now: Any, told: Any) -> None:
    found = differences(was, now)
    if isinstance(told, int):
        assert len(found) == told
    else:
        assert [f.removeprefix(": ") for f in found] == told


def test_no_more_than_ten_and_none_long() -> None:
    found = differences({str(n): "x" * 500 for n in range(50)}, {str(n): "y" for n in range(50)})
    assert len(found) == 10
    assert all(len(f) < 200 for f in found)
