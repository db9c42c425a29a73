from __future__ import annotations

from dataclasses import replace

import pytest

from bqsim.sim.draws import Draws
from bqsim.storage.errors import StorageFailure
from bqsim.storage.names import write_stream_of
from bqsim.storage.write.intake import Intake
from bqsim.storage.write.streams import StreamRegistry

from .conftest import TABLE, Stack, opening, request, rows_of

DEFAULT = "projects/p/datasets/d/tables/t/streams/_default"


@pytest.fixture
def intake(stack: Stack) -> Intake:
    return Intake(stack.catalog, StreamRegistry(stack.catalog, stack.clock, Draws(1)))


def test_rows_of_requests(intake: Intake) -> None:
    assert intake.stream is None
    first = intake.first(opening(rows_of(range(3)), DEFAULT))
    assert intake.stream == write_stream_of(DEFAULT)
    assert (first.num_rows, first.failure) == (3, None)
    further = intake.next(request(rows_of(range(2))))
    assert (further.num_rows, further.failure) == (2, None)
    assert further.name == first.name


def test_failures_leave_the_connection_usable(intake: Intake) -> None:
    first = intake.first(opening(rows_of([1]), DEFAULT, offset=3))
    assert first.failure is not None
    assert first.failure.status == "INVALID_ARGUMENT"
    bad = intake.next(b"\xff\xff")
    assert bad.failure is not None
    assert bad.size == 2
    assert intake.next(request(rows_of([1]))).failure is None


def test_no_first_request(intake: Intake) -> None:
    with pytest.raises(StorageFailure, match="must have a writer schema") as caught:
        intake.first(request(rows_of([1]), stream=DEFAULT))
    assert caught.value.entity == DEFAULT


def test_change_of_the_table_is_told_once(stack: Stack, intake: Intake) -> None:
    name = intake.first(opening(rows_of([1]), DEFAULT)).name
    assert intake.changed_fields(name) is None
    table = stack.catalog.table(TABLE)
    changed = replace(table, fields=(replace(table.fields[0], description="new"), table.fields[1]))

    def work(session: object) -> None:
        with stack.catalog.change(session) as change:  # type: ignore[arg-type]
            change.put_table(changed)

    stack.work(work)
    assert intake.changed_fields(name) == changed.fields
    assert intake.changed_fields(name) is None
