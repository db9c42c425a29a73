"""Interrupts (Ctrl-C) of commands that end by them, wherever they come."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from types import FrameType
from typing import Any

# After a lost one, until the next: the callback that lost it is left by then.
_AGAIN_S = 0.02


class Interrupts:
    """Whether there was one: ``asked``.

    An interrupt is raised where the program happens to be. Callbacks of the interpreter (finalizers, weak
    references) only print what is raised in them, and modules that are being imported may make another error
    of it. So that it is not lost, one that was only printed comes again, and who caught anything else asks
    whether it was one.
    """

    def __init__(self) -> None:
        self.asked = False
        self._leaving = self._in_hook = False
        self._lock = threading.Lock()
        self._main = threading.main_thread()
        self._lost: SimpleQueue[bool] = SimpleQueue()
        self._before: Any = sys.unraisablehook

    def heard(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """The handler of SIGINT."""
        self.asked = True
        if self._in_hook:
            # It would be lost once more.
            self._lost.put(True)
        elif not self._leaving:
            raise KeyboardInterrupt

    def unraisable(self, told: Any) -> None:
        """The hook of errors that nobody gets."""
        if not issubclass(told.exc_type, KeyboardInterrupt):
            self._before(told)
            return
        self._in_hook = True
        self._lost.put(True)
        self._in_hook = False

    def send_lost(self) -> None:
        """Let those that were lost come again, until it is left."""
        while self._lost.get():
            threading.Event().wait(_AGAIN_S)
            with self._lock:
                if not self._leaving:
                    self._send()

    def _send(self) -> None:
        if hasattr(signal, "pthread_kill") and self._main.ident is not None:
            # Also what it waits for ends by that.
            signal.pthread_kill(self._main.ident, signal.SIGINT)
        else:
            import _thread

            _thread.interrupt_main()

    def leave(self) -> None:
        """Raise no more."""
        self._leaving = True
        # None is being sent when this is left.
        with self._lock:
            self._lost.put(False)


@contextlib.contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Tells whether an interrupt came within. Where another handler is in force, or on another thread, that
    is left as it is."""
    made = Interrupts()
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield made
        return
    before = sys.unraisablehook
    threading.Thread(target=made.send_lost, name="bqsim-interrupts", daemon=True).start()
    try:
        signal.signal(signal.SIGINT, made.heard)
        sys.unraisablehook = made.unraisable
        yield made
    finally:
        made.leave()
        sys.unraisablehook = before
        signal.signal(signal.SIGINT, signal.default_int_handler)
