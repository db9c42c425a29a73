"""The gate for calls that are served on threads, while the gate's hooks run on the simulator's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from bqsim.errors import StorageFailure
from bqsim.sim import stale
from bqsim.sim.gate import Call, Gate, served, serving

T = TypeVar("T")


class Passage:
    """One call inside the gate; its service runs on the thread that entered, between enter and leave."""

    def __init__(self, gate: Gate, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        """Enter: returns when the hooks let the call in, raises what one of them raises instead."""
        self.call = call
        self.view: stale.StaleView | None = None
        self._entered: Future[None] = Future()
        self._answer: Future[Any] = Future()
        # From here on it cannot be cancelled, so that leaving never meets a future that is done.
        self._answer.set_running_or_notify_cancel()
        self._outcome = asyncio.run_coroutine_threadsafe(gate.passes(call, self._serve), loop)
        self._outcome.add_done_callback(self._ended)
        self._entered.result()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Make the call the current one of this thread, which sees what the call is to see."""
        token = serving(self.call)
        try:
            with stale.seen_through(self.view):
                yield
        finally:
            served(token)

    def leave(self, answer: T) -> T:
        """The answer to send, after the hooks. Raises what one of them raises instead."""
        self._answer.set_result(answer)
        sent: T = self._outcome.result()
        return sent

    def fail(self, error: BaseException) -> NoReturn:
        """The service failed; raises ``error``, or what the gate makes of it."""
        self._answer.set_exception(error)
        self._outcome.result()
        raise error

    async def _serve(self) -> Any:
        self.view = stale.seen()
        self._entered.set_result(None)
        return await asyncio.wrap_future(self._answer)

    def _ended(self, outcome: Future[Any]) -> None:
        """Pass a refusal on to who waits to enter."""
        if self._entered.done():
            return
        if outcome.cancelled():
            self._entered.cancel()
        else:
            self._entered.set_exception(outcome.exception())


class Noted:
    """One call that nothing befalls: only the journal hears of it."""

    def __init__(self, gate: Gate, call: Call) -> None:
        self.call = call
        self._simulation = gate.simulation
        self._record = None if self._simulation is None else self._simulation.opened(call)

    def leave(self) -> None:
        """The call is answered."""
        if self._simulation is not None:
            self._simulation.closed(self._record)

    def fail(self, error: BaseException) -> NoReturn:
        """The service failed; raises ``error``."""
        if self._simulation is not None:
            self._simulation.closed(self._record, error)
        raise error


def passes(
    gate: Gate,
    call: Call,
    loop: asyncio.AbstractEventLoop,
    work: Callable[[], T],
    told: Callable[[StorageFailure], T | None] = lambda failure: None,
) -> T:
    """Run ``work`` on this thread as the service of a call; straight through when nothing hooks in.

    ``told`` may make an answer of a failure that the gate has for the call.
    """
    if gate.quiet(call):
        return gate.run(call, work)
    try:
        passage = Passage(gate, call, loop)
    except StorageFailure as failure:
        return _answer(told, failure)
    try:
        with passage.serving():
            answer = work()
    except BaseException as error:
        passage.fail(error)
    try:
        return passage.leave(answer)
    except StorageFailure as failure:
        return _answer(told, failure)


def _answer(told: Callable[[StorageFailure], T | None], failure: StorageFailure) -> T:
    answer = told(failure)
    if answer is None:
        raise failure
    return answer
