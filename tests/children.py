"""Python programs in processes of their own, which end with the test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Python with ``arguments`` in a session of its own, its output kept. All of the session is killed when
    the block ends: what the program started, and the program if it still runs."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def output(module: str, timeout_s: float = 120) -> str:
    """What a module prints that runs as a program; an error if it fails."""
    with child("-W", "ignore", "-m", module) as process:
        told, errors = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, errors
    return told
