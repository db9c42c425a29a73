from __future__ import annotations

import os
import pickle
import signal
from pathlib import Path
from typing import Any

import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.spreading import Failure, Tell, WorkFailed, cores, here, over_processes
from tests.waiting import until


class Calls:
    """What is shared: it counts the calls that the process has seen."""

    def __init__(self) -> None:
        self.seen = 0


def square(shared: Calls, item: int, tell: Tell) -> tuple[int, int]:
    shared.seen += 1
    tell(item * 10)
    return item * item, shared.seen


def picky(shared: None, item: int, tell: Tell) -> int:
    if item == 2:
        raise RehearsalError("two is too many")
    return item


def broken(shared: None, item: int, tell: Tell) -> int:
    return 1 // item


def dying(shared: int, item: int, tell: Tell) -> int:
    if item == 1:
        os.kill(os.getpid(), shared)
    return item


def process(shared: None, item: int, tell: Tell) -> tuple[int, bool]:
    return os.getpid(), signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def endless(shared: None, item: int, tell: Tell) -> int:
    tell(os.getpid())
    while item:
        signal.pause()
    return item


def until_heard(folder: str, item: int, tell: Tell) -> int:
    tell("waiting")
    until((Path(folder) / "heard").exists)
    return item


def untold(number: int, what: Any) -> None:
    pass


def test_here_and_over_processes_make_the_same() -> None:
    told: list[tuple[int, int]] = []
    items = [3, 1, 4, 1, 5]
    alone = dict(here(square, Calls(), items, lambda number, what: told.append((number, what))))
    assert [alone[i][0] for i in range(5)] == [9, 1, 16, 1, 25]
    assert told == [(0, 30), (1, 10), (2, 40), (3, 10), (4, 50)]
    again: list[tuple[int, int]] = []
    spread = dict(
        over_processes(square, Calls(), items, 2, lambda number, what: again.append((number, what)))
    )
    assert {number: result for number, (result, _) in spread.items()} == {
        number: result for number, (result, _) in alone.items()
    }
    assert sorted(again) == told
    # Each process keeps what it shares from item to item.
    assert sum(seen == 1 for _, seen in spread.values()) <= 2


def test_there_are_no_more_processes_than_items_and_no_items_need_none() -> None:
    found = dict(over_processes(process, None, [1, 2], 9, untold))
    assert os.getpid() not in {pid for pid, _ in found.values()}
    assert all(ignored for _, ignored in found.values())
    assert dict(over_processes(process, None, [], 3, untold)) == {}
    assert cores() >= 1


@pytest.mark.parametrize("spread", ["here", "processes"])
def test_the_item_that_fails_is_named(spread: str) -> None:
    def over(work: Any, items: list[int]) -> Any:
        return (
            here(work, None, items, untold)
            if spread == "here"
            else over_processes(work, None, items, 2, untold)
        )

    with pytest.raises(WorkFailed, match="two is too many") as caught:
        dict(over(picky, [0, 1, 2]))
    assert (caught.value.number, caught.value.details) == (2, "")
    with pytest.raises(WorkFailed, match=r"ZeroDivisionError: .*by zero") as caught:
        dict(over(broken, [1, 0]))
    assert caught.value.number == 1
    assert "return 1 // item" in caught.value.details


@pytest.mark.parametrize(
    ("signum", "told"),
    [
        (signal.SIGKILL, "killed, as systems do when memory runs out"),
        (signal.SIGSEGV, "its worker was ended by SIGSEGV"),
    ],
)
def test_a_process_that_dies_is_told_by_its_item(signum: int, told: str) -> None:
    with pytest.raises(WorkFailed, match=told) as caught:
        dict(over_processes(dying, signum, [0, 1], 2, untold))
    assert caught.value.number == 1


def test_processes_end_when_the_caller_is_interrupted() -> None:
    pids: list[int] = []

    def interrupted(number: int, pid: int) -> None:
        pids.append(pid)
        if len(pids) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dict(over_processes(endless, None, [1, 1], 2, interrupted))
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_failures_go_from_process_to_process() -> None:
    assert Failure.of(RehearsalError("no")) == Failure("no")
    assert Failure.of(MemoryError()).reason == "memory ran out"
    made = pickle.loads(pickle.dumps(Failure.of(ValueError("x"))))
    assert made.reason == "ValueError: x" and "ValueError: x" in made.details
