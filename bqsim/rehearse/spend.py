"""Commitments to spend: so much money is paid each hour, and covers slots paid as they go at a lower price.

What of an hour is not used is lost, it does not go over to the next one; what goes beyond is paid as it goes.
Baselines beyond the commitments of slots and autoscaled slots are covered, in one location, of all editions;
commitments of slots and bytes on demand are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .results import Charge

Floats = NDArray[np.float64]

SPEND, UNUSED = "spend commitment", "unused"
# What is less than that part of a line is no line of its own.
_HAIR = 1e-9


@dataclass(frozen=True, slots=True)
class Spend:
    """A commitment for ``term`` (``1y``) to spend ``per_hour`` in a ``region``, with ``share`` off."""

    term: str
    per_hour: float
    region: str
    share: float
    status: str = ""

    @property
    def covers(self) -> float:
        """What it covers in an hour, at prices without it."""
        return self.per_hour / (1 - self.share)

    @property
    def name(self) -> str:
        return f"{SPEND} {self.term}"


@dataclass(frozen=True, slots=True)
class PaidAsItGoes:
    """Slot-hours of a line of the bill in each hour, and the region that they are in."""

    region: str
    by_hour: Floats


def covered(
    lines: Sequence[Charge], slots: Mapping[int, PaidAsItGoes], lengths: Floats, spends: Sequence[Spend]
) -> tuple[Charge, ...]:
    """The lines of a bill, with what commitments to spend cover of them on lines of their own at the lower
    price, and what of the commitments is not used.

    ``slots`` are those of the lines, by number, that can be covered; ``lengths`` (hours) is how much of each
    hour is rehearsed. Where there are several commitments, the one that takes off most is used first.
    """
    parts: dict[int, list[Charge]] = {}
    unused: list[Charge] = []
    for region in dict.fromkeys(one.region for one in spends):
        mine = [at for at, one in slots.items() if one.region == region]
        left = np.asarray([slots[at].by_hour for at in mine]).reshape(len(mine), len(lengths))
        prices = np.asarray([lines[at].price for at in mine], np.float64).reshape(-1, 1)
        for one in sorted((each for each in spends if each.region == region), key=lambda one: -one.share):
            taken, idle = _taken(one, left, prices, lengths)
            left = left - taken
            for at, hours in zip(mine, taken.sum(axis=1).tolist(), strict=True):
                parts.setdefault(at, []).append(_covered(lines[at], one, hours))
            unused += _unused(one, idle)
    return (*_parted(lines, parts), *unused)


def _taken(one: Spend, left: Floats, prices: Floats, lengths: Floats) -> tuple[Floats, float]:
    """The slot-hours that a commitment covers, and the money of it that is not used."""
    spent = (left * prices).sum(axis=0)
    most = one.covers * lengths
    larger = np.maximum(most, spent)
    part = np.divide(most, larger, out=np.zeros_like(most), where=larger > 0)
    taken = left * part
    idle = (most - spent * part).clip(0).sum() * (1 - one.share)
    return taken, float(idle)


def _covered(line: Charge, one: Spend, hours: float) -> Charge:
    price = line.price * (1 - one.share)
    status = one.status if one.status == "unverified" else line.status
    what = f"{line.what}, {one.name}"
    return replace(line, what=what, quantity=hours, price=price, amount=hours * price, status=status)


def _unused(one: Spend, idle: float) -> Iterator[Charge]:
    if idle > _HAIR * one.per_hour:
        yield Charge(
            f"{one.name}, {UNUSED}", one.region, idle / one.per_hour, "h", one.per_hour, idle, one.status
        )


def _parted(lines: Sequence[Charge], parts: Mapping[int, Sequence[Charge]]) -> Iterator[Charge]:
    """Each line without what is covered, then that; no line of nothing."""
    for at, line in enumerate(lines):
        some = [one for one in parts.get(at, ()) if one.quantity > _HAIR * line.quantity]
        if not some:
            yield line
            continue
        rest = line.quantity - sum(one.quantity for one in some)
        if rest > _HAIR * line.quantity:
            yield replace(line, quantity=rest, amount=rest * line.price)
        yield from some
