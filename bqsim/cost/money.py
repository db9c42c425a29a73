"""Money: what a month of a query costs, on demand or by slots, with what is not known left open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from .baseline import Entry
from .capacity import Allocation, Capacity, Demand, Told, UsedSlots
from .policy import Pricing
from .pricing import ON_DEMAND, SLOTS, Prices, Tariff
from .robust import spread
from .units import shown_bytes


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
        told = f"{told}; {t.source}; {t.status})"
        if self._free and (self.pricing.model == "on-demand" or self.by_allocation):
            told += f"; of a month of all queries {shown_bytes(self._free)} are free"
        if self.by_allocation and isinstance(self.capacity, Told):
            return f"{told}; slots as {self.capacity.told}"
        return told

    @property
    def _free(self) -> float:
        """The bytes of a month that are not paid for."""
        if not self.pricing.free:
            return 0.0
        return self._bytes().free * self.pricing.free

    def _bytes(self) -> Tariff:
        return self.prices.tariff(ON_DEMAND, region=self.pricing.region, on=self.on)

    @property
    def by_allocation(self) -> bool:
        """Whether slots are paid as reservations are allocated them, not as queries use them."""
        return self.pricing.model != "on-demand" and not isinstance(self.capacity, UsedSlots)

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
        """What a month of a whole workload costs: on demand, after what is free a month where the policy says
        so; by slots, as the capacity model allocates them. None when slot time of none is known."""
        if self.pricing.model == "on-demand":
            return self._after_free(self._listed(entries))
        found = self.allocated(entries)
        return None if found is None else self.paid(found)

    def _listed(self, entries: Sequence[Entry]) -> float:
        return sum((self.month(e) or Amount(0, 0, 0)).expected for e in entries)

    def _after_free(self, listed: float) -> float:
        return max(0.0, listed - self._bytes().of(self._free)) if self._free else listed

    def allocated(self, entries: Sequence[Entry]) -> Allocation | None:
        """The slots of a month of a whole workload; None when slot time of none is known."""
        demands = [demand(e) for e in entries if e.slot_ms]
        return self.capacity.allocated(demands) if demands else None

    def paid(self, found: Allocation) -> float:
        """What slots cost: those of reservations at the prices of their editions and commitments."""
        if not found.parts:
            slots = float(self.tariff.amount) * found.slot_hours
        else:
            slots = sum(
                part.hours * float(self._slots(part.edition, part.commitment).amount) for part in found.parts
            )
        return slots + self.on_demand(found.on_demand_bytes)

    def on_demand(self, billed: float) -> float:
        """What bytes cost of projects without a reservation."""
        if not billed:
            return 0.0
        return self._after_free(self._bytes().of(billed))

    def _slots(self, edition: str, commitment: str) -> Tariff:
        return self.prices.tariff(
            SLOTS, region=self.pricing.region, on=self.on, edition=edition, commitment=commitment
        )

    def part(self, entries: Sequence[Entry], whole: Sequence[Entry]) -> float | None:
        """What a month costs of some queries of a workload: of reservations, and of what is free a month,
        which they share with the others, their share by slot time and by bytes."""
        if not self.by_allocation:
            if self.pricing.model != "on-demand" or not self._free:
                return self.workload(entries)
            every = self._listed(whole)
            return self._listed(entries) * self._after_free(every) / every if every else 0.0
        month, used = self.workload(whole), _slot_time(whole)
        return month * _slot_time(entries) / used if month is not None and used else None


def _slot_time(entries: Sequence[Entry]) -> float:
    return sum(d.runs * d.slot_ms for d in map(demand, (e for e in entries if e.slot_ms)))


def demand(entry: Entry) -> Demand:
    """What an entry asks of a reservation."""
    query = entry.measured.query
    runs = query.rate.per_month * (1 - entry.cache_hits)
    starts = tuple(r.started_us for r in query.runs if r.started_us)
    billed = entry.measured.estimate.bytes_billed
    slot_ms, duration_ms = spread(entry.slot_ms).median, spread(entry.duration_ms).median
    return Demand(query.name, runs, slot_ms, duration_ms, starts, query.project, billed)
