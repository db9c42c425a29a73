from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs.streaming.request import InsertRequest, parse_insert


def test_a_whole_request() -> None:
    body = {
        "rows": [{"json": {"a": 1}, "insertId": "x"}, {"json": {"a": 2}}, {"json": {}, "insertId": None}],
        "templateSuffix": "_s",
        "skipInvalidRows": True,
        "ignoreUnknownValues": True,
    }
    assert parse_insert(body) == InsertRequest([{"a": 1}, {"a": 2}, {}], ["x", "", ""], "_s", True, True)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"rows": []}, "No rows present in the request."),
        ({"rows": [{"json": 5}]}, "Required parameter is missing: rows.json"),
        (
            {"rows": [{"json": {}}] * 50_001},
            "too many rows present in the request, limit: 50000 row count: 50001.",
        ),
        (
            {"rows": [{"json": {}, "insertId": "x" * 129}]},
            "insertId of 129 characters exceeds the limit: 128 characters.",
        ),
    ],
    ids=["no rows", "no json", "rows", "insertId"],
)
def test_refusals(body: dict[str, Any], message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        parse_insert(body)
    assert (caught.value.http, caught.value.message) == (400, message)


def test_the_longest_insert_id() -> None:
    assert parse_insert({"rows": [{"json": {}, "insertId": "x" * 128}]}).ids == ["x" * 128]
