"""Waiting for what other threads and processes do."""

from __future__ import annotations

import time
from collections.abc import Callable

# Never met where something comes at all: a slow machine takes seconds, a loaded one tens of them.
PATIENCE_S = 60


def until(holds: Callable[[], object]) -> None:
    """Ask again and again until it holds; a failure if it does not within a minute."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"not so within {PATIENCE_S} seconds"
        time.sleep(0.005)
