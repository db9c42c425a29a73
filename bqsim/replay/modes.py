"""Modes of a replay: what becomes of requests that were not recorded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.record.cassette.cassette import Cassette

if TYPE_CHECKING:
    from .server import ReplayServer

NONE, ONCE, NEW_EPISODES, ALL, REWRITE, VERIFY_LIVE = MODES = (
    "none",
    "once",
    "new_episodes",
    "all",
    "rewrite",
    "verify-live",
)
UNKNOWN = ("refuse", "simulator", "upstream")


class Live:
    """What answers besides the cassettes: nothing, a simulator, or the service."""

    def __init__(
        self, given: Sequence[str | Path | Cassette], *, mode: str, unknown: str, upstream: Any
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"the mode of a replay is one of {', '.join(MODES)}, not {mode!r}")
        if unknown not in UNKNOWN:
            raise ValueError(f"unknown is one of {', '.join(UNKNOWN)}, not {unknown!r}")
        self.mode, self.unknown, self.upstream = mode, unknown, upstream
        self.opened = [c if isinstance(c, Cassette) else Cassette.open(c) for c in given]

    async def begin(self, server: ReplayServer) -> None:
        """The server begins."""

    async def end(self, server: ReplayServer) -> None:
        """The server has ended."""
