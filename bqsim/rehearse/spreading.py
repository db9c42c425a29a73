"""Work over items, here or on several processes: the results are the same, only the time is not.

``work(shared, item, tell)`` makes a result of an item; ``shared`` is the same object for all items of a
process, ``tell`` says how far it is. Other processes must be able to import ``work`` by its name.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from .errors import RehearsalError

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")
Tell = Callable[[Any], None]
Work = Callable[[S, T, Tell], R]
# What is told, of the item with this number.
TellOf = Callable[[int, Any], None]

SPREADS = PROCESSES, RAY = ("processes", "ray")
PATIENCE_S = 5.0


class WorkFailed(RehearsalError):
    """The work over item ``number`` failed; ``details`` is where, unless the reason tells all."""

    def __init__(self, number: int, reason: str, details: str = "") -> None:
        super().__init__(reason)
        self.number, self.reason, self.details = number, reason, details

    def told_of(self, item: str) -> RehearsalError:
        """The error as users get it, who know the item by that name."""
        error = RehearsalError(f"{item}: {self.reason}")
        if self.details:
            error.add_note(self.details)
        return error


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it goes from process to process."""

    reason: str
    details: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """What a user is told. Errors of rehearsals say it all; others come with where they were raised."""
        if isinstance(error, RehearsalError):
            return cls(str(error))
        text = "memory ran out" if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"
        return cls(text, "".join(traceback.format_exception(error)))


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_spread(spread: str) -> None:
    """Raises :class:`RehearsalError` unless ``spread`` is one of :data:`SPREADS`."""
    if spread not in SPREADS:
        raise RehearsalError(f"there is no spread {spread!r}: {' or '.join(SPREADS)}")


def spread_over(
    spread: str,
    work: Work[S, T, R],
    shared: S,
    items: Sequence[T],
    workers: int,
    tell: TellOf,
    address: str = "",
) -> Generator[tuple[int, R]]:
    """The results by number, as they come: from Ray (``address``: one that runs already), else from
    processes, or from this one where one is enough. Raises :class:`WorkFailed`."""
    if spread == RAY:
        from .rayed import over_ray

        yield from over_ray(work, shared, items, max(workers, 1), tell, address)
    elif min(workers, len(items)) <= 1:
        yield from here(work, shared, items, tell)
    else:
        yield from over_processes(work, shared, items, workers, tell)


def here(work: Work[S, T, R], shared: S, items: Sequence[T], tell: TellOf) -> Iterator[tuple[int, R]]:
    """The results by number, one item after the other, in this process. Raises :class:`WorkFailed`."""
    for number, item in enumerate(items):
        try:
            result = work(shared, item, partial(tell, number))
        except Exception as error:
            failure = Failure.of(error)
            raise WorkFailed(number, failure.reason, failure.details) from error
        yield number, result


def over_processes(
    work: Work[S, T, R], shared: S, items: Sequence[T], workers: int, tell: TellOf
) -> Iterator[tuple[int, R]]:
    """The results by number, as they come from ``workers`` processes of their own.

    Raises :class:`WorkFailed`, also when a process ends by itself. The processes end with the iterator.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(range(len(items)))[::-1]
    at: dict[Any, int] = {}
    processes: dict[Any, BaseProcess] = {}
    try:
        for _ in range(min(workers, len(items))):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, work, shared), daemon=True)
            with _uninterrupted():
                process.start()
                theirs.close()
                processes[ours] = process
            _hand(ours, at, waiting, items)
        while at:
            for one in wait(list(at)):
                ready: Any = one
                try:
                    kind, number, what = ready.recv()
                except (EOFError, OSError):
                    processes[ready].join(PATIENCE_S)
                    raise WorkFailed(at[ready], _ended(processes[ready].exitcode)) from None
                if kind == "told":
                    tell(number, what)
                elif kind == "failed":
                    raise WorkFailed(number, what.reason, what.details)
                else:
                    _hand(ready, at, waiting, items)
                    yield number, what
    finally:
        with _deferred():
            for connection, worker in processes.items():
                connection.close()
                # Idle ones end when their pipe does.
                if connection in at:
                    worker.terminate()
            for worker in processes.values():
                worker.join(PATIENCE_S)
                if worker.exitcode is None:
                    worker.kill()
                    worker.join()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """An interrupt waits until this is left. Processes that are started within are never interrupted: a
    terminal means all of its processes, but it is for the first of them to end the others."""
    with _deferred(), _masked():
        yield


@contextlib.contextmanager
def _deferred() -> Iterator[None]:
    """An interrupt waits until this is left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
        if asked:
            signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def _masked() -> Iterator[None]:
    """Processes inherit what the thread that starts them keeps out."""
    on_main = threading.current_thread() is threading.main_thread()
    if not on_main or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # It starts with the first process, and would let interrupts in after that.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _hand(connection: Any, at: dict[Any, int], waiting: list[int], items: Sequence[Any]) -> None:
    """Give a process its next item, if there is one."""
    at.pop(connection, None)
    if waiting:
        at[connection] = number = waiting.pop()
        # A process that is gone is told of when its answer is awaited.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send((number, items[number]))


def _serve(connection: Any, work: Work[Any, Any, Any], shared: Any) -> None:
    """The other end: items in, results out, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            number, item = connection.recv()
            try:
                result = work(shared, item, partial(_told, connection, number))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:
                connection.send(("failed", number, Failure.of(error)))
            else:
                connection.send(("done", number, result))


def _told(connection: Any, number: int, what: Any) -> None:
    connection.send(("told", number, what))


def _ended(code: int | None) -> str:
    if code == -9:
        return "its worker was killed, as systems do when memory runs out"
    if code is not None and code < 0:
        return f"its worker was ended by {signal.Signals(-code).name}"
    return f"its worker ended by itself, with exit code {code}"
