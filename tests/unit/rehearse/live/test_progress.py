"""The line a second."""

from __future__ import annotations

import io

from bqsim.rehearse.live.progress import Now, Shown, line
from bqsim.rehearse.live.tally import TOTAL, Tally


def now(seconds: float, sent: int, done: int, retried: int = 0) -> Now:
    tally = Tally(("a",))
    group = tally.groups[0]
    group.sent, group.done, group.retried = sent, done, retried
    group.errors["quotaExceeded"] = retried
    tally.in_flight = sent - done
    tally.second(int(seconds) - 1).late_s = 0.25
    for n in range(done):
        tally.recent(n / 100)
        group.record(TOTAL, n / 100)
    return Now.of(tally, seconds)


def test_a_line_tells_what_is_done_and_how_fast() -> None:
    text = line(now(10, 2000, 1900, 7), now(9, 1800, 1700))
    assert text.strip().split("  ") == [
        "10 s",
        "sent 2,000 (200/s)",
        "in flight 100",
        "done 1,900",
        "errors 7",
        "sent again 7",
        "p50 9.49 s p99 18.8 s",
        "late 250 ms",
    ]


def test_what_several_drivers_tell_becomes_one() -> None:
    parts = [now(10, 100, 90), now(9.5, 200, 180)]
    again = [Now.from_dict(one.to_dict()) for one in parts]
    both = Now.together(again)
    assert (both.seconds, both.sent, both.in_flight, both.done) == (10, 300, 30, 270)
    assert both.totals.count == 270


def test_lines_where_no_terminal_is() -> None:
    stream = io.StringIO()
    shown = Shown(stream)
    shown(now(1, 10, 5))
    shown(now(2, 20, 15))
    shown.end()
    assert [one.strip().split("  ")[1] for one in stream.getvalue().splitlines()] == [
        "sent 10 (10/s)",
        "sent 20 (10/s)",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_one_line_that_changes_on_a_terminal() -> None:
    stream = Terminal()
    shown = Shown(stream)
    shown(now(1, 10, 5))
    shown(now(2, 20, 15))
    shown.end()
    assert stream.getvalue().count("\r") == 2
    assert stream.getvalue().count("\n") == 1
    plain = Terminal()
    Shown(plain, plain=True)(now(1, 10, 5))
    assert plain.getvalue().endswith("\n")
