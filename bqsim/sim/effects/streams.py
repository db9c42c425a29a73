"""What befalls the messages of a stream: where it breaks, how slow it is, who is asked about each message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

# What a stream brings in a second when nothing slows it: the base of throttling (bytes).
FULL_BYTES_PER_S = 64 * 1024 * 1024
# A stream that is throttled entirely still moves, at a hundredth of its speed.
MAX_THROTTLE_PERCENT = 99.0


def _none() -> float:
    return 0.0


def _no_page(rows: int, size: int) -> float:
    return 0.0


def _no_event(offset_rows: int, rows: int, offset_bytes: int, size: int) -> Exception | None:
    return None


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What befalls one ReadRows call, or the connection of one message of AppendRows.

    ``breaks``: the stream ends with a failure once it has carried so many rows, counted from where the call
    began. ``throttle_percent`` (0 to 100) is told in the answers of ReadRows and slows them. ``cuts`` are
    rows of the whole stream at which a message must begin, so that ``events`` is asked there.

    Delays in seconds of the clock: ``first_byte`` before the first message, ``page(rows, bytes)`` before
    each, ``ack`` from an append's arrival to its answer. ``events(offset_rows, rows, offset_bytes, bytes)``
    is asked about each message before it goes; the failure that it gives takes the message's place and ends
    the stream.
    """

    breaks: tuple[int, Exception] | None = None
    throttle_percent: float | None = None
    first_byte: Callable[[], float] = _none
    page: Callable[[int, int], float] = _no_page
    ack: Callable[[], float] = _none
    events: Callable[[int, int, int, int], Exception | None] = _no_event
    cuts: Sequence[int] = ()

    def broken(self, carried: int) -> Exception | None:
        """What ends a stream that has carried so many rows; None while it goes on."""
        if self.breaks is None or carried < self.breaks[0]:
            return None
        return self.breaks[1]

    def parts(self, offset: int, carried: int, rows: int) -> Iterator[int]:
        """The rows of the messages that carry the next ``rows`` rows, in order; less in all at a break.

        ``offset`` is the row of the whole stream that comes next, ``carried`` how many the call has brought.
        """
        end = offset + rows
        if self.breaks is not None:
            end = min(end, offset + max(self.breaks[0] - carried, 0))
        borders = sorted({cut for cut in self.cuts if offset < cut < end})
        for border in (*borders, end):
            if border > offset:
                yield border - offset
                offset = border

    def delay_s(self, first: bool, rows: int, size: int) -> float:
        """How long the next message waits: its own delays, made longer by throttling."""
        seconds = self.page(rows, size)
        if self.throttle_percent:
            share = min(self.throttle_percent, MAX_THROTTLE_PERCENT) / 100
            seconds += max(seconds, size / FULL_BYTES_PER_S) * share / (1 - share)
        return seconds + (self.first_byte() if first else 0.0)
