from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import Any

import pytest

from bqsim.server.grpc.passage import Passage, passes
from bqsim.sim.gate import Call, Gate
from tests.gates import Hooks

from .conftest import Hook

CALL = Call("grpc", "m", "r", "c")


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


@pytest.fixture
def hook() -> Hook:
    return Hook()


@pytest.fixture
def gate(hook: Hook) -> Gate:
    return Gate(Hooks(hook))


def test_without_a_simulation_the_loop_is_not_asked() -> None:
    gate = Gate()
    nowhere: Any = None
    assert passes(gate, CALL, nowhere, lambda: 5) == 5


def test_the_service_runs_on_the_callers_thread_between_the_hooks(
    gate: Gate, hook: Hook, loop: asyncio.AbstractEventLoop
) -> None:
    def work() -> int:
        assert (len(hook.before_calls), hook.after_calls) == (1, [])
        return threading.get_ident()

    assert passes(gate, CALL, loop, work) == threading.get_ident()
    assert hook.after_calls == [(CALL, threading.get_ident())]


def test_errors_of_the_service_are_raised_as_they_are(
    gate: Gate, hook: Hook, loop: asyncio.AbstractEventLoop
) -> None:
    def work() -> int:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        passes(gate, CALL, loop, work)
    assert hook.after_calls == []


@pytest.mark.parametrize("late", [False, True])
def test_errors_of_hooks_take_the_place_of_the_answer(
    gate: Gate, hook: Hook, loop: asyncio.AbstractEventLoop, late: bool
) -> None:
    def refuse(given: Any) -> None:
        raise LookupError("no")

    if late:
        hook.change = refuse
    else:
        hook.refuse = refuse
    ran: list[int] = []
    with pytest.raises(LookupError):
        passes(gate, CALL, loop, lambda: ran.append(1))
    assert len(ran) == late


def test_a_stopped_loop_lets_go_of_who_waits(gate: Gate, hook: Hook, loop: asyncio.AbstractEventLoop) -> None:
    passage = Passage(gate, CALL, loop)

    async def cancel_all() -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run_coroutine_threadsafe(cancel_all(), loop).result()
    with pytest.raises(CancelledError):
        passage.leave(1)


def test_a_cancelled_hook_lets_nobody_in(gate: Gate, hook: Hook, loop: asyncio.AbstractEventLoop) -> None:
    def cancel(call: Call) -> None:
        raise asyncio.CancelledError

    hook.refuse = cancel
    with pytest.raises(CancelledError):
        Passage(gate, CALL, loop)
