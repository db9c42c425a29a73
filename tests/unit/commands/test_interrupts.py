from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest

from bqsim.commands import rehearse
from bqsim.commands.interrupts import interrupts
from tests.children import output


@pytest.fixture(autouse=True)
def as_in_a_program() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    hook = sys.unraisablehook
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert sys.unraisablehook is hook
    signal.signal(signal.SIGINT, before)


def given(act: Callable[[argparse.Namespace], int]) -> argparse.Namespace:
    return argparse.Namespace(act_run=act)


class Finalized:
    """Is interrupted while it goes."""


def lose_one() -> None:
    held = Finalized()
    kept = weakref.ref(held, lambda _: signal.raise_signal(signal.SIGINT))
    del held
    assert kept() is None


def test_interrupts_that_are_only_printed_come_again() -> None:
    waiting = threading.Event()
    with interrupts() as heard:
        lose_one()
        assert heard.asked
        with pytest.raises(KeyboardInterrupt):
            # The test ends since this does.
            waiting.wait()


def test_one_that_is_lost_at_the_end_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    def act(_given: argparse.Namespace) -> int:
        lose_one()
        return 0

    assert rehearse.run(given(act)) == 130
    assert capsys.readouterr().err.endswith("bqsim rehearse: interrupted\n")


def test_an_interrupt_that_becomes_another_error_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    def act(_given: argparse.Namespace) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise ImportError("a module failed to import") from error
        return 0

    assert rehearse.run(given(act)) == 130
    assert capsys.readouterr().err == "bqsim rehearse: interrupted\n"


def test_other_errors_stay_what_they_are() -> None:
    def act(_given: argparse.Namespace) -> int:
        raise ImportError("a module failed to import")

    with pytest.raises(ImportError):
        rehearse.run(given(act))
    assert rehearse.run(given(lambda _: 1)) == 1


def test_handlers_of_others_stay() -> None:
    mine = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts() as heard:
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert not heard.asked
    signal.signal(signal.SIGINT, mine)


def test_an_interrupt_at_any_point_of_a_sweep_is_heard() -> None:
    told = json.loads(output("tests.unit.commands.interrupt_script").splitlines()[-1])
    assert set(told["ends"]) <= {"interrupted", "told", "none"}
    assert told["ends"].count("interrupted") >= len(told["ends"]) * 2 / 3
    assert told["handler"]
