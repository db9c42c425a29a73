"""What was there before the first change after each mark."""

from __future__ import annotations

from bqsim.catalog.history import TableVersion
from bqsim.catalog.marks import Mark, Marks, TableState

from .conftest import DATASET, table

A, B = DATASET.table("a"), DATASET.table("b")


def state(etag: str) -> TableState:
    return TableState(TableVersion(table("a", etag=etag), 0))


def marks_of(*before: dict[object, TableState]) -> tuple[Marks, list[Mark]]:
    marks, made = Marks(), []
    for one in before:
        made.append(Mark(1, ("p",), dict(one)))  # type: ignore[arg-type]
        marks.add(made[-1])
    return marks, made


def test_the_oldest_state_since_a_mark_counts() -> None:
    marks, (first, second) = marks_of({A: state("1")}, {A: state("2"), B: state("b")})
    assert marks.since(first) == {A: state("1"), B: state("b")}
    assert marks.since(second) == {A: state("2"), B: state("b")}
    assert marks.latest is second and first in marks


def test_a_reset_forgets_later_marks_and_changes() -> None:
    marks, (first, second) = marks_of({A: state("1")}, {B: state("b")})
    marks.reset(first)
    assert second not in marks and marks.since(first) == {}


def test_what_a_removed_mark_knows_goes_to_the_one_before() -> None:
    marks, (first, second) = marks_of({A: state("1")}, {A: state("2"), B: state("b")})
    marks.remove(second)
    assert marks.since(first) == {A: state("1"), B: state("b")}
    marks.remove(first)
    assert not marks
