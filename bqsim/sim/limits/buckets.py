"""Counters: what is used of an amount, in whole numbers only.

A bucket holds what is *used*, not what is left: one that nobody uses is 0, equal to one that does not
exist, and a changed amount takes effect at once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """A token bucket of ``amount`` per ``period_us``; ``used`` is in tokens × ``period_us``.

    In one microsecond exactly ``amount`` of these units come back, so nothing is ever rounded.
    """

    amount: int
    period_us: int
    at_us: int
    used: int = 0

    def settle(self, amount: int, now_us: int) -> None:
        """Give back what refilled until ``now_us``; a time that has passed already changes nothing."""
        elapsed = now_us - self.at_us
        if elapsed > 0:
            self.used = max(0, self.used - amount * elapsed)
            self.at_us = now_us
        self.amount = amount

    def fits(self, cost: int, debt: bool = False) -> bool:
        """Whether ``cost`` tokens may be taken; with ``debt`` an unused bucket takes any cost."""
        return self.used <= self._room(cost) if cost <= self.amount or debt else False

    def wait_us(self, cost: int, debt: bool = False) -> int | None:
        """Microseconds until ``cost`` fits if nothing else is taken; None when it never will."""
        if cost > self.amount and not debt:
            return None
        return max(0, -(-(self.used - self._room(cost)) // self.amount))

    def full_us(self, now_us: int) -> int:
        """Microseconds until one token comes back when all are used."""
        return -(-self.period_us // self.amount)

    def take(self, cost: int) -> None:
        self.used += cost * self.period_us

    def fill(self, cost: int) -> None:
        """Take what is there, at most ``cost``."""
        self.used = max(self.used, min(self.used + cost * self.period_us, self.amount * self.period_us))

    @property
    def idle_us(self) -> int:
        """When nothing is used any more and the bucket can be dropped."""
        return self.at_us + -(-self.used // self.amount)

    @property
    def tokens(self) -> int:
        """What is used, in whole tokens, rounded up."""
        return -(-self.used // self.period_us)

    def _room(self, cost: int) -> int:
        return max(0, self.amount - cost) * self.period_us


@dataclass(slots=True)
class DayCount:
    """A count that is 0 again at ``end_us``, the end of its day."""

    amount: int
    end_us: int
    used: int = 0

    def settle(self, amount: int, now_us: int, end_us: int) -> None:
        if self.end_us <= now_us:
            self.used, self.end_us = 0, end_us
        self.amount = amount

    def fits(self, cost: int) -> bool:
        return self.used + cost <= self.amount

    def wait_us(self, cost: int, now_us: int) -> int | None:
        """Microseconds until ``cost`` fits: those of the day; None when it never will."""
        return None if cost > self.amount else self.end_us - now_us

    def full_us(self, now_us: int) -> int:
        """Microseconds until something comes back when all is used."""
        return self.end_us - now_us

    def take(self, cost: int) -> None:
        self.used += cost
