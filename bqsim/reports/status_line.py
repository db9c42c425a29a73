"""How far something is, on a stream: lines, or on a terminal one line that changes."""

from __future__ import annotations

from typing import TextIO


class StatusLine:
    """``changing``: the stream is a terminal, and lines are not asked for (``plain``)."""

    def __init__(self, stream: TextIO, *, plain: bool = False) -> None:
        self._stream = stream
        self.changing = stream.isatty() and not plain
        self._open = False

    def show(self, text: str) -> None:
        """Tell this now: in place of what was told before where the line changes."""
        self._stream.write(f"\r{text}\x1b[K" if self.changing else f"{text}\n")
        self._open = self.changing
        self._stream.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._open:
            self._stream.write("\n")
            self._open = False
