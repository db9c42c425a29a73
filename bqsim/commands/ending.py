"""How commands that serve a command of the user's end."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any


class End:
    """What SIGTERM and SIGINT do while this context is entered: they end what runs, and what it needs.

    ``asked`` is set by them; ``say`` is told what cannot be run. On the main thread.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.asked = threading.Event()
        self._say = say
        self._child: subprocess.Popen[bytes] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> End:
        self._before = {s: signal.signal(s, self._ask) for s in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *error: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _ask(self, signum: int, frame: FrameType | None) -> None:
        self.asked.set()
        child = self._child
        # A terminal's interrupt has come to the command, too.
        if child is not None and signum == signal.SIGTERM and child.poll() is None:
            child.send_signal(signum)

    def run(self, words: list[str], environment: Mapping[str, str]) -> int:
        """Run a command to its end, with ``environment`` besides this process's; its exit code as shells
        have it."""
        if self.asked.is_set():
            return 128 + signal.SIGTERM
        try:
            self._child = subprocess.Popen(words, env={**os.environ, **environment})
        except OSError as error:
            self._say(f"cannot run {words[0]}: {error.strerror}")
            return 127 if isinstance(error, FileNotFoundError) else 126
        code = self._child.wait()
        return 128 - code if code < 0 else code
