from __future__ import annotations

import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.errors import BigQueryError
from bqsim.jobs.reading import boolean, dataset_ref, enum, int64, items, mapping, table_ref, text, texts


@pytest.mark.parametrize(("given", "number"), [("5", 5), (5, 5), (None, None), ("", None)])
def test_int64(given: object, number: int | None) -> None:
    assert int64({"n": given}, "n") == number


@pytest.mark.parametrize("given", ["x", "9" * 30, [1], "1.5", 1.5, True, float("inf"), float("nan")])
def test_bad_int64(given: object) -> None:
    with pytest.raises(BigQueryError):
        int64({"n": given}, "n")


@pytest.mark.parametrize(
    ("given", "value"), [(True, True), ("true", True), ("False", False), (None, True), ("TRUE", True)]
)
def test_boolean(given: object, value: bool) -> None:
    assert boolean({"b": given}, "b", True) is value


@pytest.mark.parametrize("given", ["yes", 1, [], ""])
def test_bad_boolean(given: object) -> None:
    with pytest.raises(BigQueryError, match="Invalid value for b"):
        boolean({"b": given}, "b", True)


def test_absent_members() -> None:
    assert mapping({}, "x") == {}
    assert items({"x": None}, "x") == ()
    assert texts({}, "x") == ()
    assert text({"x": ""}, "x") is None
    assert enum({}, "x", frozenset({"A"}), "A") == "A"
    assert enum({"x": "named"}, "x", frozenset({"NAMED"}), "") == "NAMED"
    assert dataset_ref({}, "x", "p") is None


def test_references() -> None:
    body = {"x": {"datasetId": "d", "tableId": "t"}}
    assert table_ref(body, "x", "p") == TableRef("p", "d", "t")
    assert dataset_ref(body, "x", "p") == DatasetRef("p", "d")
    with pytest.raises(BigQueryError, match=r"missing: x\.tableId"):
        table_ref({"x": {"datasetId": "d"}}, "x", "p")


@pytest.mark.parametrize("read", [mapping, items, texts, text])
def test_other_types_are_refused(read: object) -> None:
    with pytest.raises(BigQueryError, match="Invalid value for x: 5 is not a valid value"):
        read({"x": 5}, "x")  # type: ignore[operator]
