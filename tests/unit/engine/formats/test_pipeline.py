from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

import pytest

from bqsim.engine.formats.pipeline import ahead


def test_results_come_in_the_order_of_the_items() -> None:
    second = threading.Event()

    def work(item: int) -> int:
        # The first item waits for the second one, which another thread works on.
        assert item or second.wait(10)
        second.set()
        return item * 2

    assert list(ahead(work, range(20))) == [item * 2 for item in range(20)]


def test_a_single_item_needs_no_thread() -> None:
    assert list(ahead(lambda _: threading.current_thread(), [1])) == [threading.current_thread()]
    assert list(ahead(str, [])) == []


def test_failures_are_raised_at_their_place() -> None:
    found = ahead(lambda item: 1 // item, [1, 1, 0, 1])
    assert (next(found), next(found)) == (1, 1)
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_what_is_not_taken_is_not_worked_on() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    found = ahead(str, items())
    assert next(found) == "0"
    assert isinstance(found, Generator)
    found.close()
    assert len(taken) < 6
