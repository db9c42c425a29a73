"""What a rehearsed time costs: commitments, baselines, autoscaled slots and bytes, as they are charged.

Commitments are paid always. They cover the baselines of their edition, location and admin project; what these
have beyond is paid as it goes, used or not. Autoscaled slots are paid for as long as they are held. On demand
the bytes billed are paid, but for the share of those free a month that a plan says. Loads in the shared pool
are free. Of slots paid as they go commitments to spend cover a part (:mod:`.spend`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqsim.cost.errors import CostError
from bqsim.cost.pricing import ON_DEMAND, SLOTS, Prices, Tariff, load_prices, region_name
from bqsim.cost.units import BYTES, HOURS_PER_MONTH, SLOT_TIME
from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.slots.jobs import Place
from bqsim.sim.slots.layout import Pool, pool_of
from bqsim.sim.slots.routing import SHARED_POOL

from .errors import RehearsalError
from .plan.model import Money, SpendCommitment
from .results import Charge
from .spend import SPEND, PaidAsItGoes, Spend, covered

TERMS: Mapping[str, str] = {"ANNUAL": "1y", "THREE_YEAR": "3y"}
COMMITTED, BASELINE, SCALED, BYTES_BILLED = "commitment", "baseline", "autoscaled slots", "on demand"
FREE = "free a month"
# A reservation that names no location is priced where the plan says.
_ANYWHERE = "US"
_HOUR, _TIB = SLOT_TIME["slot-h"], BYTES["TiB"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class Tariffs:
    """Prices at the place and on the day that a plan names; without a day the newest ones. ``free`` is the
    share of the bytes that are free a month."""

    prices: Prices
    region: str = _ANYWHERE
    on: dt.date = dt.date.max
    free: float = 0.0
    commitments: tuple[SpendCommitment, ...] = ()
    _known: dict[tuple[str, str, str | None, str], Tariff] = field(default_factory=dict)

    @property
    def currency(self) -> str:
        return self.prices.currency

    def slots(self, edition: str, location: str, commitment: str = "none") -> Tariff:
        """The price of slots. Raises :class:`RehearsalError` when no table has it."""
        return self._tariff(SLOTS, location, edition, commitment)

    def bytes(self) -> Tariff:
        """The price of bytes on demand. Raises :class:`RehearsalError` when no table has it."""
        return self._tariff(ON_DEMAND, self.region, None, "none")

    def free_bytes(self, hours: float) -> float:
        """How many of the bytes on demand of so many hours are free: their part of a month's."""
        return self.bytes().free * self.free * hours / HOURS_PER_MONTH if self.free else 0.0

    def of_bytes(self, billed: Floats, hours: float) -> Floats:
        """What bytes on demand cost that are billed in so many hours, each amount by itself."""
        return np.maximum(billed - self.free_bytes(hours), 0.0) * self.bytes().of(1)

    def spends(self) -> tuple[Spend, ...]:
        """The commitments to spend. Raises :class:`RehearsalError` when no table has what one takes off."""
        found = []
        for one in self.commitments:
            if not one.per_hour:
                continue
            term, region = TERMS[one.plan], self.region_of(one.location)
            try:
                share, status = self.prices.spend_share(term, region=region, on=self.on)
            except CostError as error:
                raise RehearsalError(_told(error)) from None
            found.append(Spend(term, one.per_hour, region_name(region), share, status))
        return tuple(found)

    def region_of(self, location: str) -> str:
        """The region in which slots of a location are priced."""
        return priced_in(self.region, location)

    def _tariff(self, item: str, location: str, edition: str | None, commitment: str) -> Tariff:
        region = self.region_of(location)
        key = (item, region, edition, commitment)
        if key not in self._known:
            try:
                found = self.prices.tariff(
                    item, region=region, on=self.on, edition=edition, commitment=commitment
                )
            except CostError as error:
                raise RehearsalError(_told(error)) from None
            self._known[key] = found
        return self._known[key]


def priced_in(region: str, location: str) -> str:
    """The region whose prices slots of a location have, in a plan with prices of ``region``."""
    return region if location.upper() == _ANYWHERE else location


def _told(error: CostError) -> str:
    return str(error).replace("name that with --prices", "name that under money: files")


def tariffs(money: Money, folder: Path | None = None) -> Tariffs:
    """The prices that a plan wants; its files are relative to ``folder``. Raises :class:`RehearsalError`."""
    try:
        on = dt.date.fromisoformat(money.on) if money.on else dt.date.max
    except ValueError:
        raise RehearsalError(f"money: on: expected a day such as 2026-01-31, not {money.on!r}") from None
    files = [(folder or Path()) / name for name in money.files]
    try:
        prices = load_prices(files, money.currency)
    except CostError as error:
        raise RehearsalError(str(error)) from None
    return Tariffs(prices, money.region, on, money.free, money.spend_commitments)


def pool_name(pool: Pool) -> str:
    """A pool in bills: ``ENTERPRISE US``."""
    return " ".join(part for part in pool if part)


def on_demand(place: Place) -> bool:
    """Whether bytes are paid there."""
    return not place.edition and place.name != SHARED_POOL


@dataclass(frozen=True, slots=True)
class Beyond:
    """A pool's baselines: all slots, those committed, and what is paid as it goes."""

    pool: Pool
    baseline: float
    committed: float

    @property
    def slots(self) -> float:
        """Baseline slots beyond the commitments."""
        return max(0.0, self.baseline - self.committed)


def baselines(capacity: Capacity, places: Iterable[Place]) -> tuple[Beyond, ...]:
    """How far commitments cover the baselines of each pool."""
    slots: dict[Pool, list[float]] = {}
    for place in places:
        if place.edition:
            slots.setdefault(pool_of(place), [0.0, 0.0])[0] += place.baseline
    for one in capacity.commitments:
        slots.setdefault(pool_of(one), [0.0, 0.0])[1] += one.slots
    return tuple(Beyond(pool, *both) for pool, both in slots.items())


@dataclass(frozen=True, slots=True)
class Used:
    """What is charged by use, for each place: slot-hours that autoscaling held, bytes billed; and the
    ``hours`` that all of it took. ``by_hour`` are the slot-hours by place and hour, and ``lengths`` how much
    of each hour is meant; commitments to spend need both."""

    places: tuple[Place, ...]
    hours: float
    scaled_hours: Sequence[float]
    bytes_billed: Sequence[float]
    by_hour: Floats | None = None
    lengths: Floats | None = None


def charges(capacity: Capacity, used: Used, tariffs: Tariffs) -> tuple[Charge, ...]:
    """The lines of the bill: what is paid always first, then what goes by use."""
    lines = (*fixed(capacity, used.places, used.hours, tariffs), *variable(used, tariffs))
    spends = tariffs.spends()
    if not spends or used.by_hour is None or used.lengths is None:
        return lines
    numbers = {one.name: number for number, one in enumerate(used.places)}
    slots = {}
    for at, line in enumerate(lines):
        if line.what not in (BASELINE, SCALED):
            continue
        number = numbers[line.place]
        evenly = used.lengths / used.hours
        by_hour = used.by_hour[number] if line.what == SCALED else line.quantity * evenly
        slots[at] = PaidAsItGoes(region_name(tariffs.region_of(used.places[number].location)), by_hour)
    return covered(lines, slots, used.lengths, spends)


def fixed(capacity: Capacity, places: Sequence[Place], hours: float, tariffs: Tariffs) -> tuple[Charge, ...]:
    """What is paid whether it is used or not."""
    found = []
    for one in capacity.commitments:
        tariff = tariffs.slots(one.edition, one.location, TERMS[one.plan])
        what = f"{COMMITTED} {TERMS[one.plan]}"
        found.append(_line(what, pool_name(pool_of(one)), one.slots * hours, "slot-h", tariff, _HOUR))
    beyond = {one.pool: one for one in baselines(capacity, places)}
    for place in places:
        pool = beyond.get(pool_of(place))
        if pool is None or not pool.slots or not place.baseline:
            continue
        slots = pool.slots * place.baseline / pool.baseline
        tariff = tariffs.slots(place.edition, place.location)
        found.append(_line(BASELINE, place.name, slots * hours, "slot-h", tariff, _HOUR))
    return tuple(found)


def variable(used: Used, tariffs: Tariffs) -> tuple[Charge, ...]:
    """What is paid by use. Of bytes that are free each place has the same share."""
    found = []
    total = sum(b for one, b in zip(used.places, used.bytes_billed, strict=True) if on_demand(one))
    free = min(tariffs.free_bytes(used.hours) / total, 1.0) if total and tariffs.free else 0.0
    for place, scaled, billed in zip(used.places, used.scaled_hours, used.bytes_billed, strict=True):
        if scaled > 0 and place.edition:
            tariff = tariffs.slots(place.edition, place.location)
            found.append(_line(SCALED, place.name, scaled, "slot-h", tariff, _HOUR))
        if billed > 0 and on_demand(place):
            tariff, quantity = tariffs.bytes(), billed / _TIB
            if free < 1:
                paid = quantity * (1 - free)
                found.append(_line(BYTES_BILLED, place.name, paid, "TiB", tariff, _TIB))
            if free:
                what = f"{BYTES_BILLED}, {FREE}"
                found.append(Charge(what, place.name, quantity * free, "TiB", 0.0, 0.0, tariff.status))
    return tuple(found)


def _line(what: str, place: str, quantity: float, unit: str, tariff: Tariff, size: int) -> Charge:
    price = tariff.of(size)
    return Charge(what, place, quantity, unit, price, quantity * price, tariff.status)


@dataclass(frozen=True, slots=True)
class Shares:
    """Who used what: for pairs of a place and a group, slot time and bytes that are paid on demand."""

    places: tuple[Place, ...]
    groups: int
    place: Ints
    group: Ints
    slot_ms: Floats
    bytes_billed: Floats

    def by_place(self) -> dict[str, slice]:
        """Where the pairs of each place are; they are in the order of places."""
        starts = [int(one) for one in np.searchsorted(self.place, np.arange(len(self.places) + 1))]
        return {one.name: slice(*starts[at : at + 2]) for at, one in enumerate(self.places)}

    def by_pool(self) -> dict[str, Floats]:
        """The slot time of each pool, by group."""
        return self._reserved(lambda one: pool_name(pool_of(one)))

    def by_region(self, region_of: Callable[[str], str]) -> dict[str, Floats]:
        """The slot time of the reservations of each region, by group."""
        return self._reserved(lambda one: region_name(region_of(one.location)))

    def _reserved(self, called: Callable[[Place], str]) -> dict[str, Floats]:
        names = [called(one) if one.edition else "" for one in self.places]
        found: dict[str, Floats] = {}
        for name in dict.fromkeys(filter(None, names)):
            inside = np.asarray([one == name for one in names])[self.place]
            found[name] = self.summed(self.slot_ms, inside)
        return found

    def summed(self, column: Floats, rows: Any = slice(None)) -> Floats:
        """A column by group."""
        return np.bincount(self.group[rows], column[rows], self.groups).astype(np.float64)


def split(
    lines: Sequence[Charge], shares: Shares, region_of: Callable[[str], str] = lambda location: location
) -> Floats:
    """Each group's part of the bill, by what it used.

    Slots that scaled and bytes on demand are shared by who used the place; commitments and baselines, whose
    idle slots are for all of their pool, by who used the pool; what is not used of a commitment to spend by
    who used the slots of its region (that of a location, by ``region_of``). What nobody used is shared by
    all use.
    """
    parts = np.zeros(shares.groups)
    rows, pools = shares.by_place(), shares.by_pool()
    pool_at = {one.name: pool_name(pool_of(one)) for one in shares.places if one.edition}
    regions = shares.by_region(region_of)
    rest = 0.0
    for line in lines:
        own = rows.get(line.place, slice(0, 0))
        kind = line.what.partition(",")[0]
        column = {SCALED: shares.slot_ms, BYTES_BILLED: shares.bytes_billed}.get(kind)
        if column is not None and (total := column[own].sum()) > 0:
            np.add.at(parts, shares.group[own], line.amount * column[own] / total)
            continue
        if kind.startswith(SPEND):
            pool = regions.get(line.place)
        else:
            pool = pools.get(pool_at.get(line.place, line.place))
        if pool is not None and pool.sum() > 0:
            parts += line.amount * pool / pool.sum()
        else:
            rest += line.amount
    every = shares.summed(shares.slot_ms)
    if rest and every.sum() > 0:
        parts += rest * every / every.sum()
    return parts
