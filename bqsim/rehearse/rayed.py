"""Work over items on Ray, as :mod:`~bqsim.rehearse.spreading` does it on processes."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .errors import RehearsalError
from .spreading import PATIENCE_S, Failure, R, S, T, TellOf, Work, WorkFailed

# How often workers are asked how far they are.
TELL_S = 1.0
# The least that Ray takes; results are far smaller.
OBJECT_STORE_BYTES = 80 * 1024 * 1024
_ADDRESS = re.compile(r"(ray://)?(?P<host>\[[0-9a-fA-F:]+\]|[^:/\s]+):(?P<port>\d{1,5})")


def over_ray(
    work: Work[S, T, R], shared: S, items: Sequence[T], workers: int, tell: TellOf, address: str = ""
) -> Iterator[tuple[int, R]]:
    """The results by number, as they come from ``workers`` actors, of a Ray of our own on this machine or of
    the one at ``address``.

    What is told on the way is asked for every second, the last of each worker. Raises :class:`WorkFailed`,
    also when an actor dies, and :class:`RehearsalError` without Ray.
    """
    with joined(min(workers, len(items)), address) as ray:
        # A second thread of the actor tells while the first works.
        actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0, max_concurrency=2)(Worker)
        given = ray.put((work, shared))
        waiting = list(range(len(items)))[::-1]
        at: dict[Any, tuple[int, Any]] = {}
        for one in [actor.remote(given) for _ in range(min(workers, len(items)))]:
            number = waiting.pop()
            at[one.run.remote(items[number])] = number, one
        while at:
            ready, _ = ray.wait(list(at), num_returns=1, timeout=TELL_S)
            if not ready:
                for number, what in _told(ray, at.values()):
                    tell(number, what)
                continue
            number, one = at.pop(ready[0])
            try:
                result = ray.get(ready[0])
            except ray.exceptions.RayError as error:
                raise WorkFailed(number, f"its Ray worker ended: {_first_line(error)}", str(error)) from None
            if isinstance(result, Failure):
                raise WorkFailed(number, result.reason, result.details)
            if waiting:
                following = waiting.pop()
                at[one.run.remote(items[following])] = following, one
            yield number, result


class Worker:
    """What an actor is: an error of the work is its answer."""

    def __init__(self, given: Any) -> None:
        self._work, self._shared = given
        self._last: Any = None

    def run(self, item: Any) -> Any:
        self._last = None
        try:
            return self._work(self._shared, item, self._tell)
        except Exception as error:
            return Failure.of(error)

    def _tell(self, what: Any) -> None:
        self._last = what

    def told(self) -> Any:
        """What the item that is worked on told last; None before it has told anything."""
        return self._last


def _told(ray: Any, working: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """What workers tell who answer soon."""
    asked = {one.told.remote(): number for number, one in working}
    ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=TELL_S)
    for one in ready:
        try:
            what = ray.get(one)
        except ray.exceptions.RayError:
            # Its end is told by its work.
            continue
        if what is not None:
            yield asked[one], what


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _ray(address: str) -> Any:
    # Ray reads these when it is imported. Nothing is sent to anybody unless the user has asked for it, and a
    # Ray of our own listens on the loopback address only, which this turns on, whatever the system.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not address:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ImportError:
        text = "to spread over Ray needs the extra bqsim[ray]: pip install 'bqsim[ray]'"
        raise RehearsalError(text) from None
    return ray


def _reached(address: str) -> None:
    """Raises :class:`RehearsalError` where nothing listens: Ray itself tries for many minutes."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise RehearsalError(
            f"{address} is no address of a Ray, such as 10.0.0.1:6379 or ray://10.0.0.1:10001"
        )
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise RehearsalError(f"no Ray at {address}: {error}") from None


@contextmanager
def joined(workers: int, address: str = "") -> Iterator[Any]:
    """The module ``ray``, with a Ray while this is entered: one joined before, the one at ``address``,
    else one for ``workers`` that is started here and ends here. Raises :class:`RehearsalError`."""
    ray = _ray(address)
    if ray.is_initialized():
        yield ray
        return
    settings: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address:
        _reached(address)
        settings["address"] = address
    else:
        settings |= {
            "address": "local",
            "num_cpus": workers,
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
        }
    try:
        ray.init(**settings)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = f"at {address}" if address else "on this machine"
        raise RehearsalError(f"no Ray {where}: {_first_line(error)}") from None
    try:
        yield ray
    finally:
        ray.shutdown()
