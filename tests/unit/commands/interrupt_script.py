"""Interrupts at many points of a command that has workers: prints what became of each.

The points are lines that the main thread runs, so that they are the same on every machine.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import sys
from types import FrameType
from typing import Any

from bqsim.commands.interrupts import interrupts
from bqsim.rehearse.spreading import over_processes

POINTS = 30
NEVER = 1 << 62


def work(shared: int, item: int, tell: Any) -> int:
    tell(item)
    return item + shared


class At:
    """Raises SIGINT at the line with this number."""

    def __init__(self, line: int) -> None:
        self.line, self.lines = line, 0

    def __call__(self, frame: FrameType, event: str, _what: object) -> At:
        if event == "line":
            self.lines += 1
            if self.lines == self.line:
                sys.settrace(None)
                signal.raise_signal(signal.SIGINT)
        return self


def interrupted(line: int) -> tuple[str, int]:
    """How a sweep over three items ends that is interrupted at a line, and how many lines it has run."""
    at, said = At(line), "done"
    with interrupts() as heard:
        try:
            sys.settrace(at)
            found = dict(over_processes(work, 1, [1, 2, 3], 2, lambda number, what: None))
            assert found == {0: 2, 1: 3, 2: 4}
        except KeyboardInterrupt:
            said = "interrupted"
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        finally:
            sys.settrace(None)
    if said == "done":
        # It came too late for anything but to be told, or this run had fewer lines.
        said = "told" if heard.asked else "lost" if at.lines >= line else "none"
    for process in multiprocessing.active_children():
        # None of them runs for long by itself.
        process.join()
    return said, at.lines


def main() -> None:
    interrupted(NEVER)
    said, lines = interrupted(NEVER)
    assert said == "none"
    ends = [interrupted(1 + lines * point // POINTS)[0] for point in range(POINTS)]
    print(
        json.dumps({"ends": ends, "handler": signal.getsignal(signal.SIGINT) is signal.default_int_handler})
    )


if __name__ == "__main__":
    main()
