from __future__ import annotations

import pytest

from bqsim.jobs.streaming.repeats import InsertIds


class Clock:
    us = 1_000_000_000

    def now_us(self) -> int:
        return self.us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ids(clock: Clock) -> InsertIds:
    return InsertIds(clock)  # type: ignore[arg-type]


def test_new_ids_are_remembered_for_a_minute(ids: InsertIds, clock: Clock) -> None:
    assert ids.claim("t", ["a", "b"]) is None
    assert ids.claim("t", ["b", "c"]) == [1]
    clock.us += 59_999_999
    assert ids.claim("t", ["a", "b", "c"]) == []
    clock.us += 1
    assert ids.claim("t", ["a", "b", "c"]) is None
    assert len(ids) == 3


def test_streams_are_apart(ids: InsertIds) -> None:
    assert ids.claim("t", ["a"]) is None
    assert ids.claim("u", ["a"]) is None


def test_rows_without_ids_are_always_new(ids: InsertIds) -> None:
    assert ids.claim("t", ["", ""]) is None
    assert ids.claim("t", ["", "a", ""]) is None
    assert ids.claim("t", ["", "a", "", "b", "b"]) == [0, 2, 3]
    assert len(ids) == 2


def test_ids_twice_in_one_request(ids: InsertIds) -> None:
    assert ids.claim("t", ["a", "a", "b"]) == [0, 2]


def test_released_ids_are_new_again(ids: InsertIds) -> None:
    ids.claim("t", ["a", "b"])
    ids.release("t", ["a"])
    assert ids.claim("t", ["a", "b"]) == [0]


def test_memory_is_bounded(clock: Clock) -> None:
    ids = InsertIds(clock, capacity=10)  # type: ignore[arg-type]
    for n in range(100):
        ids.claim(n % 3, [f"{n}-{i}" for i in range(5)])
    assert len(ids) <= 15
    assert sum(map(len, ids._seen.values())) == len(ids)


def test_what_came_after_a_moment_is_forgotten(ids: InsertIds, clock: Clock) -> None:
    ids.claim("t", ["a"])
    clock.us += 1000
    ids.claim("t", ["b"])
    ids.forget_since(clock.us - 500)
    assert ids.claim("t", ["a", "b"]) == [1]
