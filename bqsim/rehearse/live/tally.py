"""What a live rehearsal saw: counts, errors and histograms by group, and what happened in each second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from bqsim.rehearse.histogram import Histogram

# From when to when: how much later than meant a job was sent; from the intended start to the answer of the
# insert; as the service tells, from the creation of the last attempt to its start, and on to its end; from
# the intended start to that start; from it until the client knew of a good end, or of a bad one.
LATE, ACCEPTED, QUEUED, RUN, WAITED, TOTAL, FAILED = PHASES = (
    "late",
    "accepted",
    "queued",
    "run",
    "waited",
    "total",
    "failed",
)
# Values are kept until there are so many: histograms take arrays.
_BATCH = 2048


@dataclass(slots=True)
class Second:
    """A second of the wall's time: jobs sent, ended well, failed, sent again, left out since too many ran;
    the most in flight, and how late the latest was."""

    sent: int = 0
    done: int = 0
    failed: int = 0
    retried: int = 0
    shed: int = 0
    in_flight: int = 0
    late_s: float = 0.0

    def add(self, other: Second) -> None:
        """What another driver saw in the same second."""
        for one in fields(self)[:-1]:
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        self.late_s = max(self.late_s, other.late_s)


@dataclass(slots=True)
class Group:
    """What became of the jobs of a group. ``errors`` counts each failure of an attempt by its reason,
    ``failed`` the jobs that ended so; ``late_s`` and all other phases have histograms."""

    name: str
    sent: int = 0
    done: int = 0
    failed: int = 0
    retried: int = 0
    stopped: int = 0
    slot_ms: float = 0.0
    bytes_billed: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    phases: dict[str, Histogram] = field(default_factory=lambda: {name: Histogram() for name in PHASES})
    _kept: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PHASES})

    def record(self, phase: str, seconds: float) -> None:
        """Count a duration. What clocks that differ make negative counts as none."""
        kept = self._kept[phase]
        kept.append(seconds if seconds > 0 else 0.0)
        if len(kept) >= _BATCH:
            self.phases[phase].record(kept)
            kept.clear()

    def settled(self) -> Group:
        """Itself, with all values in the histograms."""
        for phase, kept in self._kept.items():
            if kept:
                self.phases[phase].record(kept)
                kept.clear()
        return self

    def add(self, other: Group) -> None:
        """What another driver saw of the same group."""
        self.settled()
        other.settled()
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.errors.update(other.errors)
        for phase, histogram in other.phases.items():
            self.phases[phase].merge(histogram)


_COUNTS = ("sent", "done", "failed", "retried", "stopped", "slot_ms", "bytes_billed")


class Tally:
    """All that a driver, or several together, saw.

    ``late_sends`` … are of the whole run; ``shed`` counts jobs that were not sent since too many were in
    flight, ``capped`` those that caps left out, ``warm`` those of the warm-up, which are not in ``groups``,
    ``cancelled`` those whose cancellation was accepted, ``as_one`` those with more stages than could be told.
    ``open`` names jobs that may still run: nobody has told of their end.
    """

    def __init__(self, groups: Sequence[str]) -> None:
        self.groups = [Group(name) for name in groups]
        self.seconds: dict[int, Second] = {}
        self.in_flight = 0
        self.shed = self.capped = self.warm = self.unfinished = self.requests = 0
        self.cancelled = self.as_one = 0
        self.spent_bytes = 0
        self.spent_slot_ms = 0.0
        self.open: list[str] = []
        self.seconds_taken = 0.0
        self.messages: dict[str, str] = {}
        self._recent: list[float] = []

    def second(self, number: int) -> Second:
        """What happened in a second, counted from the begin."""
        found = self.seconds.get(number)
        if found is None:
            found = self.seconds[number] = Second()
        return found

    def recent(self, seconds: float) -> None:
        """A total, for who watches."""
        if len(self._recent) < _MOST_RECENT:
            self._recent.append(seconds)

    def take_recent(self) -> list[float]:
        """The totals since the last call."""
        taken, self._recent = self._recent, []
        return taken

    @property
    def sent(self) -> int:
        return sum(one.sent for one in self.groups) + self.warm

    @property
    def errors(self) -> Counter[str]:
        return sum((one.errors for one in self.groups), Counter())

    def whole(self, name: str = "all") -> Group:
        """All groups together."""
        made = Group(name)
        for one in self.groups:
            made.add(one)
        return made

    def add(self, other: Tally) -> None:
        """What another driver saw of the same workload."""
        for mine, theirs in zip(self.groups, other.groups, strict=True):
            mine.add(theirs)
        for number, second in other.seconds.items():
            self.second(number).add(second)
        for name in _TOTALS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.seconds_taken = max(self.seconds_taken, other.seconds_taken)
        self.messages = {**other.messages, **self.messages}
        self.open += other.open

    @classmethod
    def merged(cls, groups: Sequence[str], tallies: Iterable[Tally]) -> Self:
        """One of all."""
        made = cls(groups)
        for one in tallies:
            made.add(one)
        return made

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            "groups": [
                {
                    "name": one.name,
                    **{name: getattr(one, name) for name in _COUNTS},
                    "errors": dict(sorted(one.errors.items())),
                    "phases": {phase: h.to_dict() for phase, h in one.settled().phases.items()},
                }
                for one in self.groups
            ],
            "seconds": [
                [number, *(getattr(second, one.name) for one in fields(second))]
                for number, second in sorted(self.seconds.items())
            ],
            **{name: getattr(self, name) for name in _TOTALS},
            "seconds_taken": self.seconds_taken,
            "messages": dict(sorted(self.messages.items())),
            "open": self.open,
        }

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> Self:
        """What :meth:`to_dict` gave."""
        made = cls([one["name"] for one in written["groups"]])
        for group, one in zip(made.groups, written["groups"], strict=True):
            for name in _COUNTS:
                setattr(group, name, one[name])
            group.errors = Counter(one["errors"])
            group.phases = {phase: Histogram.from_dict(h) for phase, h in one["phases"].items()}
        for number, *values in written["seconds"]:
            made.seconds[number] = Second(*values)
        for name in _TOTALS:
            setattr(made, name, written[name])
        made.seconds_taken = written["seconds_taken"]
        made.messages = dict(written["messages"])
        made.open = list(written["open"])
        return made


_TOTALS = (
    "shed",
    "capped",
    "warm",
    "unfinished",
    "requests",
    "cancelled",
    "as_one",
    "spent_bytes",
    "spent_slot_ms",
)
_MOST_RECENT = 100_000
