"""Money: what a month of a query costs, on demand or by slots, with what is not known left open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from .baseline import Entry
from .capacity import Capacity, Demand, UsedSlots
from .policy import Pricing
from .pricing import ON_DEMAND, SLOTS, Prices, Tariff
from .robust import spread


@dataclass(frozen=True, slots=True)
class Amount:
    """Money in a month: expected, and from and to by how often the query may run."""

    expected: float
    low: float
    high: float

    def minus(self, other: Amount) -> Amount:
        """The difference: its bounds are the least and the largest of either."""
        bounds = sorted((self.low - other.low, self.high - other.high, self.expected - other.expected))
        return Amount(self.expected - other.expected, bounds[0], bounds[-1])


@dataclass(slots=True)
class Till:
    """Makes money of entries. ``capacity`` tells what slots are allocated."""

    pricing: Pricing
    prices: Prices
    on: dt.date
    capacity: Capacity = field(default_factory=UsedSlots)
    tariff: Tariff = field(init=False)

    def __post_init__(self) -> None:
        self.tariff = (
            self.prices.tariff(ON_DEMAND, region=self.pricing.region, on=self.on)
            if self.pricing.model == "on-demand"
            else self.prices.tariff(
                SLOTS,
                region=self.pricing.region,
                on=self.on,
                edition=self.pricing.edition,
                commitment=self.pricing.commitment,
            )
        )

    @property
    def currency(self) -> str:
        return self.prices.currency

    @property
    def basis(self) -> str:
        """What the money is of, in words."""
        t = self.tariff
        told = f"{float(t.amount):g} {t.currency} a {t.per} ({t.item}, {self.pricing.region}, {self.on}"
        return f"{told}; {t.source}; {t.status})"

    def run(self, entry: Entry) -> float | None:
        """What one run costs that the cache does not answer; None when it is not known."""
        if self.pricing.model == "on-demand":
            return self.tariff.of(entry.measured.estimate.bytes_billed)
        if not entry.slot_ms:
            return None
        return self.tariff.of(spread(entry.slot_ms).median)

    def month(self, entry: Entry) -> Amount | None:
        """What a month costs: of the runs that the cache does not answer."""
        one = self.run(entry)
        if one is None:
            return None
        rate, worked = entry.measured.query.rate, 1.0
        if entry.measured.estimate.cacheable:
            worked = 1 - entry.cache_hits
        return Amount(one * rate.per_month * worked, one * rate.low * worked, one * rate.high * worked)

    def workload(self, entries: Sequence[Entry]) -> float | None:
        """What a month of a whole workload costs; on demand without what is free, by slots as the capacity
        model allocates them. None when slot time of none is known."""
        if self.pricing.model == "on-demand":
            return sum((self.month(e) or Amount(0, 0, 0)).expected for e in entries)
        demands = [demand(e) for e in entries if e.slot_ms]
        if not demands:
            return None
        hours = self.capacity.allocated(demands).slot_hours
        return float(self.tariff.amount) * hours


def demand(entry: Entry) -> Demand:
    """What an entry asks of a reservation."""
    query = entry.measured.query
    runs = query.rate.per_month * (1 - entry.cache_hits)
    starts = tuple(r.started_us for r in query.runs if r.started_us)
    return Demand(query.name, runs, spread(entry.slot_ms).median, spread(entry.duration_ms).median, starts)
