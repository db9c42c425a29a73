"""Lines that tell how far something is."""

from __future__ import annotations

import io

from bqsim.reports.status_line import StatusLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(stream: io.StringIO, *, plain: bool = False) -> str:
    line = StatusLine(stream, plain=plain)
    line.show("one")
    line.show("two")
    line.end()
    line.end()
    return stream.getvalue()


def test_lines_where_no_terminal_is() -> None:
    assert told(io.StringIO()) == told(Terminal(), plain=True) == "one\ntwo\n"


def test_one_line_on_a_terminal() -> None:
    assert told(Terminal()) == "\rone\x1b[K\rtwo\x1b[K\n"
