"""Reading ahead: the next batches of a file are parsed while the last one is being stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

# How many threads parse a file, and how many results wait at most.
THREADS = 2


def ahead(work: Callable[[In], Out], items: Iterable[In], threads: int = THREADS) -> Iterator[Out]:
    """``work`` of each item in their order, ``threads`` at a time ahead of who takes the results.

    ``items`` is iterated by one thread at a time. What either raises is raised at its place. A single item is
    worked on at once, without a thread.
    """
    source = iter(items)
    start = [item for _, item in zip(range(2), source)]  # noqa: B905
    if len(start) < 2:
        yield from map(work, start)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="bqsim-read") as pool:
        waiting: deque[Future[Out]] = deque(pool.submit(work, item) for item in start)
        start.clear()
        try:
            while waiting:
                try:
                    waiting.append(pool.submit(work, next(source)))
                except StopIteration:
                    yield from (w.result() for w in _emptied(waiting))
                    return
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()


def _emptied(waiting: deque[Future[Out]]) -> Iterator[Future[Out]]:
    while waiting:
        yield waiting.popleft()
