"""What a rehearsed time costs: commitments, baselines, autoscaled slots and bytes, as they are charged.

Commitments are paid always. They cover the baselines of their edition, location and admin project; what these
have beyond is paid as it goes, used or not. Autoscaled slots are paid for as long as they are held. On demand
the bytes billed are paid; what is free a month is not taken off. Loads in the shared pool are free.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqsim.cost.errors import CostError
from bqsim.cost.pricing import ON_DEMAND, SLOTS, Prices, Tariff, load_prices
from bqsim.cost.units import BYTES, SLOT_TIME
from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.slots.jobs import Place
from bqsim.sim.slots.layout import Pool, pool_of
from bqsim.sim.slots.routing import SHARED_POOL

from .errors import RehearsalError
from .plan.model import Money
from .results import Charge

TERMS: Mapping[str, str] = {"ANNUAL": "1y", "THREE_YEAR": "3y"}
COMMITTED, BASELINE, SCALED, BYTES_BILLED = "commitment", "baseline", "autoscaled slots", "on demand"
# A reservation that names no location is priced where the plan says.
_ANYWHERE = "US"
_HOUR, _TIB = SLOT_TIME["slot-h"], BYTES["TiB"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class Tariffs:
    """Prices at the place and on the day that a plan names; without a day the newest ones."""

    prices: Prices
    region: str = _ANYWHERE
    on: dt.date = dt.date.max
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

    def _tariff(self, item: str, location: str, edition: str | None, commitment: str) -> Tariff:
        region = self.region if location.upper() == _ANYWHERE else location
        key = (item, region, edition, commitment)
        if key not in self._known:
            try:
                found = self.prices.tariff(
                    item, region=region, on=self.on, edition=edition, commitment=commitment
                )
            except CostError as error:
                raise RehearsalError(
                    str(error).replace("name that with --prices", "name that under money: files")
                ) from None
            self._known[key] = found
        return self._known[key]


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
    return Tariffs(prices, money.region, on)


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
    ``hours`` that all of it took."""

    places: tuple[Place, ...]
    hours: float
    scaled_hours: Sequence[float]
    bytes_billed: Sequence[float]


def charges(capacity: Capacity, used: Used, tariffs: Tariffs) -> tuple[Charge, ...]:
    """The lines of the bill: what is paid always first, then what goes by use."""
    return (*fixed(capacity, used.places, used.hours, tariffs), *variable(used, tariffs))


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
    """What is paid by use."""
    found = []
    for place, scaled, billed in zip(used.places, used.scaled_hours, used.bytes_billed, strict=True):
        if scaled > 0 and place.edition:
            tariff = tariffs.slots(place.edition, place.location)
            found.append(_line(SCALED, place.name, scaled, "slot-h", tariff, _HOUR))
        if billed > 0 and on_demand(place):
            found.append(_line(BYTES_BILLED, place.name, billed / _TIB, "TiB", tariffs.bytes(), _TIB))
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
        names = [pool_name(pool_of(one)) if one.edition else "" for one in self.places]
        pools: dict[str, Floats] = {}
        for name in dict.fromkeys(filter(None, names)):
            inside = np.asarray([one == name for one in names])[self.place]
            pools[name] = self.summed(self.slot_ms, inside)
        return pools

    def summed(self, column: Floats, rows: Any = slice(None)) -> Floats:
        """A column by group."""
        return np.bincount(self.group[rows], column[rows], self.groups).astype(np.float64)


def split(lines: Sequence[Charge], shares: Shares) -> Floats:
    """Each group's part of the bill, by what it used.

    Slots that scaled and bytes on demand are shared by who used the place; commitments and baselines, whose
    idle slots are for all of their pool, by who used the pool. What nobody used is shared by all use.
    """
    parts = np.zeros(shares.groups)
    rows, pools = shares.by_place(), shares.by_pool()
    pool_at = {one.name: pool_name(pool_of(one)) for one in shares.places if one.edition}
    rest = 0.0
    for line in lines:
        own = rows.get(line.place, slice(0, 0))
        column = {SCALED: shares.slot_ms, BYTES_BILLED: shares.bytes_billed}.get(line.what)
        if column is not None and (total := column[own].sum()) > 0:
            np.add.at(parts, shares.group[own], line.amount * column[own] / total)
            continue
        pool = pools.get(pool_at.get(line.place, line.place))
        if pool is not None and pool.sum() > 0:
            parts += line.amount * pool / pool.sum()
        else:
            rest += line.amount
    every = shares.summed(shares.slot_ms)
    if rest and every.sum() > 0:
        parts += rest * every / every.sum()
    return parts
