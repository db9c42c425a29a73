from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.server.identity import Caller
from bqsim.server.rest.preconditions import check_if_match, merge_patch, same_reference, without_nulls
from bqsim.server.rest.request import Request

pytestmark = pytest.mark.fidelity("http:etags", "exact", tests="test_*etags*")


def request(if_match: str | None) -> Request:
    core: object = None
    headers = {} if if_match is None else {"if-match": if_match}
    return Request(core, "m", {}, {}, headers, Caller("a@b.c"))  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [None, "", "*", "e1", '"e1"', 'W/"e1"', '"x", "e1"'])
def test_matching_etags_pass(given: str | None) -> None:
    check_if_match(request(given), "e1")


@pytest.mark.parametrize("given", ["e2", '"e1x"', "e"])
def test_other_etags_are_412(given: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        check_if_match(request(given), "e1")
    assert (caught.value.http, caught.value.reason.name) == (412, "conditionNotMet")


@pytest.mark.parametrize(
    ("current", "patch", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": None, "c": 3}, {"a": 1, "c": 3}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": None, "z": 3}}, {"a": {"y": 2, "z": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": {"x": None, "y": 1}}, {"a": {"y": 1}}),
        ({}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
    ],
)
def test_merge_patch(current: object, patch: dict[str, object], expected: object) -> None:
    assert merge_patch(current, patch) == expected


def test_nulls_count_as_not_given() -> None:
    assert without_nulls({"a": None, "b": {"c": None, "d": 1}}) == {"b": {"d": 1}}


def test_references_must_agree_where_they_are_given() -> None:
    expected = {"projectId": "p", "datasetId": "d"}
    for given in (None, {}, {"datasetId": "d"}, {"projectId": "", "datasetId": "d"}):
        same_reference(given, expected, "dataset")
    with pytest.raises(BigQueryError):
        same_reference({"projectId": "q"}, expected, "dataset")
