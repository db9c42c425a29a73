"""What a live rehearsal does now: a line a second."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TextIO

from bqsim.rehearse.histogram import Histogram
from bqsim.reports.status_line import StatusLine

from .tally import Tally


@dataclass(frozen=True, slots=True)
class Now:
    """So far: ``seconds`` since the begin, jobs ``sent``, in flight, ended well, attempts that failed; and of
    the last second: how late the latest send was, and the totals of the jobs that ended."""

    seconds: float
    sent: int
    in_flight: int
    done: int
    errors: int
    retried: int
    late_s: float
    totals: Histogram

    @classmethod
    def of(cls, tally: Tally, seconds: float) -> Now:
        """What a driver has seen; the totals since this was asked last."""
        totals = Histogram()
        totals.record(tally.take_recent())
        last = [tally.seconds[n] for n in (int(seconds) - 1, int(seconds)) if n in tally.seconds]
        return cls(
            seconds,
            tally.sent,
            tally.in_flight,
            sum(one.done for one in tally.groups),
            sum(sum(one.errors.values()) for one in tally.groups),
            sum(one.retried for one in tally.groups),
            max((one.late_s for one in last), default=0.0),
            totals,
        )

    @classmethod
    def together(cls, several: Iterable[Now]) -> Now:
        """What several drivers do."""
        found = list(several)

        def total(name: str) -> int:
            return sum(getattr(one, name) for one in found)

        return cls(
            max((one.seconds for one in found), default=0.0),
            total("sent"),
            total("in_flight"),
            total("done"),
            total("errors"),
            total("retried"),
            max((one.late_s for one in found), default=0.0),
            Histogram.merged(one.totals for one in found),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        return {"seconds": self.seconds, "late_s": self.late_s, **counts, "totals": self.totals.to_dict()}

    @classmethod
    def from_dict(cls, written: dict[str, Any]) -> Now:
        """What :meth:`to_dict` gave."""
        return cls(**{**written, "totals": Histogram.from_dict(written["totals"])})


_COUNTS = ("sent", "in_flight", "done", "errors", "retried")


def line(now: Now, before: Now | None) -> str:
    """What is shown."""
    span = now.seconds - (before.seconds if before else 0.0)
    rate = (now.sent - (before.sent if before else 0)) / span if span > 0 else 0.0
    parts = [
        f"{now.seconds:6.0f} s",
        f"sent {now.sent:,} ({rate:,.0f}/s)",
        f"in flight {now.in_flight:,}",
        f"done {now.done:,}",
        f"errors {now.errors:,}",
    ]
    if now.retried:
        parts.append(f"sent again {now.retried:,}")
    if now.totals.count:
        p50, p99 = now.totals.percentiles((50, 99))
        parts.append(f"p50 {p50:.3g} s p99 {p99:.3g} s")
    parts.append(f"late {now.late_s * 1000:,.0f} ms")
    return "  ".join(parts)


class Shown:
    """Lines on a stream; on a terminal one that changes, unless ``plain``."""

    def __init__(self, stream: TextIO, plain: bool = False) -> None:
        self._line = StatusLine(stream, plain=plain)
        self._before: Now | None = None

    def __call__(self, now: Now) -> None:
        self._line.show(line(now, self._before))
        self._before = now

    def end(self) -> None:
        """Leave the line."""
        self._line.end()
