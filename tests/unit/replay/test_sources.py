"""Which recorded rows answer a read of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bqsim.errors import StorageFailure
from bqsim.replay.book import Book
from bqsim.replay.reads import Asked, NotHere
from bqsim.replay.sources import Refused, Sources

from .cassettes import TABLE, Writing

T = "projects/p/datasets/d/tables/t"
SCHEMA = {"fields": [{"name": "a", "type": "INTEGER"}, {"name": "b", "type": "STRING"}]}


@pytest.fixture
def writing(tmp_path: Path) -> Writing:
    return Writing(tmp_path / "c.cassette")


def rows(writing: Writing, *numbers: int) -> dict[str, Any]:
    """A result with some rows."""
    cells = ",".join(f'{{"f":[{{"v":"{n}"}},{{"v":"x"}}]}}' for n in numbers)
    data = writing.put(f"[{cells}]".encode())
    stretch = {"start": 0, "count": len(numbers), "format": "json", "data": data}
    return {"schema": SCHEMA, "totalRows": len(numbers), "rows": [stretch]}


def sources(writing: Writing) -> Sources:
    return Sources(Book.open(writing.written(), project="p"))


def numbers(found: Any) -> list[int]:
    values: list[int] = found.rows.table(0, found.total).column(0).to_pylist()
    return values


def test_a_read_like_that_which_was_recorded_comes_first(writing: Writing) -> None:
    writing.add("rows", {"table": TABLE}, rows(writing, 1, 2, 3))
    writing.add("rows", {"table": TABLE, "restriction": "a > 1"}, rows(writing, 2, 3))
    writing.add("rows", {"table": TABLE, "fields": ["a"], "sample": 50.0}, rows(writing, 3))
    found = sources(writing)
    assert numbers(found.find(Asked(T))) == [1, 2, 3]
    assert numbers(found.find(Asked(T, ("b",)))) == [1, 2, 3]
    assert numbers(found.find(Asked(T, restriction="a  >  1"))) == [2, 3]
    assert numbers(found.find(Asked(T, ("a",), sample=50.0))) == [3]


def test_restrictions_and_samples_are_answered_as_recorded_only(writing: Writing) -> None:
    writing.add("rows", {"table": TABLE, "fields": ["a"]}, rows(writing, 1))
    found = sources(writing)
    assert found.known(T)
    for asked in (Asked(T, restriction="a > 1"), Asked(T, sample=1.0)):
        with pytest.raises(NotHere, match="only as recorded"):
            found.find(asked)


def test_columns_that_were_not_read(writing: Writing) -> None:
    writing.add("rows", {"table": TABLE, "fields": ["A"]}, rows(writing, 1))
    found = sources(writing)
    assert numbers(found.find(Asked(T, ("a",)))) == [1]
    with pytest.raises(NotHere, match="not recorded"):
        found.find(Asked(T, ("a", "b")))
    with pytest.raises(NotHere, match="not recorded"):
        found.find(Asked(f"{T}2"))
    assert not found.known(f"{T}2")


def test_results_are_read_by_the_tables_that_queries_name(writing: Writing) -> None:
    named = {"projectId": "${project}", "datasetId": "d", "tableId": "t"}
    writing.query("SELECT 1", rows(writing, 7), destinationTable=named)
    assert numbers(sources(writing).find(Asked(T))) == [7]


def test_recorded_refusals(writing: Writing) -> None:
    error = {"code": "PERMISSION_DENIED", "message": "no access to ${project}", "details": "CAc"}
    writing.add("rows", {"table": TABLE}, {"error": error})
    with pytest.raises(Refused, match="no access to p") as refused:
        sources(writing).find(Asked(T))
    assert isinstance(refused.value, StorageFailure)
    assert refused.value.status == "PERMISSION_DENIED"
    assert refused.value.details == b"\x08\x07"


def test_refusals_that_came_over_rest(writing: Writing) -> None:
    body = {"error": {"code": 404, "message": "Not found: Table"}}
    writing.add("rows", {"table": TABLE}, {"error": {"status": 404, "body": body}})
    with pytest.raises(Refused, match="Not found: Table") as refused:
        sources(writing).find(Asked(T))
    assert refused.value.status == "NOT_FOUND"
