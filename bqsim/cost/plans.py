"""On demand or by slots: what a month of the same queries costs either way, and where the two meet.

Only queries whose slot time is recorded can be compared. Slots are charged as the capacity model allocates
them; the simplest one charges what is used, which is the least that slots can cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .baseline import Entry
from .capacity import UsedSlots
from .errors import NoPrice
from .money import Till
from .pricing import EDITIONS
from .units import BYTES, SLOT_TIME, shown_money

ON_DEMAND_PLAN = "on demand"
RESERVED_PLAN = "slots as reserved"


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to pay: ``month`` is what the compared queries cost; ``meets`` how many slot-hours for each TiB
    billed cost as much as the TiB on demand: queries that need fewer are cheaper by slots."""

    name: str
    month: float
    meets: float | None = None


@dataclass(frozen=True, slots=True)
class Plans:
    """The ways to pay, the cheapest first. ``compared`` of ``queries`` have slot time; ``slot_hours`` for
    each TiB billed is what they need, None when nothing is billed. ``allocated``: as reservations are
    allocated slots, with idle ones and steps of scaling."""

    plans: tuple[Plan, ...]
    compared: int
    queries: int
    slot_hours: float | None
    currency: str
    allocated: bool = False

    @property
    def advice(self) -> str:
        """What to do, in words; '' without anything to compare."""
        best = next(iter(self.plans), None)
        # Editions among each other differ in what they can do; what is asked is slots or not.
        slots = best is not None and best.name != ON_DEMAND_PLAN
        second = next((p for p in self.plans if (p.name == ON_DEMAND_PLAN) is slots), None)
        if best is None or second is None or not self.compared:
            return ""
        share = (second.month - best.month) / second.month if second.month else 0.0
        told = f"{best.name} is the cheapest for these queries, by {share:.0%} before {second.name}"
        months = [shown_money(p.month, self.currency) for p in (best, second)]
        told += f" ({months[0]} a month, not {months[1]})"
        if self.compared < self.queries:
            told += f"; {self.compared} of {self.queries} queries have slot time and are compared"
        if slots and not self.allocated:
            told += "; idle slots and steps of scaling come on top"
        return told


def plans(till: Till, entries: Sequence[Entry]) -> Plans:
    """Compare the ways to pay for queries at the till's place and day, without commitments."""
    known = [e for e in entries if e.slot_ms and not e.measured.estimate.error]
    slots = till.allocated(known)
    found: list[Plan] = []
    per_tib = 0.0
    for edition in ("", *EDITIONS):
        pricing = replace(till.pricing, model="editions" if edition else "on-demand", commitment="none")
        pricing = replace(pricing, edition=edition or pricing.edition)
        try:
            one = Till(pricing, till.prices, till.on, till.capacity)
        except NoPrice:
            continue
        if edition:
            month = one.paid(replace(slots, parts=())) if slots is not None else 0.0
        else:
            month = one.part(known, entries) or 0.0
        price = one.tariff.of(SLOT_TIME["slot-h"] if edition else BYTES["TiB"])
        if not edition:
            per_tib = price
        found.append(
            Plan(
                f"{edition} slots" if edition else ON_DEMAND_PLAN,
                month,
                per_tib / price if edition and per_tib and price else None,
            )
        )
    if slots is not None and slots.parts:
        found.append(Plan(RESERVED_PLAN, till.paid(slots)))
    billed = sum(e.measured.estimate.bytes_billed * _runs(e) for e in known)
    hours = slots.slot_hours if slots is not None else 0.0
    each = hours / (billed / BYTES["TiB"]) if billed else None
    shown = tuple(sorted(found, key=lambda p: p.month)) if known else ()
    return Plans(
        shown, len(known), len(entries), each, till.currency, not isinstance(till.capacity, UsedSlots)
    )


def _runs(entry: Entry) -> float:
    return entry.measured.query.rate.per_month * (1 - entry.cache_hits)
