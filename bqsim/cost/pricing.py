"""Prices: dated tables by region and edition, read from data files, and what they make of bytes and slots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated

from bqsim.sim.scenario import kinds as k

from .documents import DAY, QUANTITY, SHARE, SIZE, read_document, read_text, share_of
from .errors import CostError, NoPrice
from .units import SLOT_TIME, bytes_of

ON_DEMAND, SLOTS = "query.on_demand", "slots"
EDITIONS = ("STANDARD", "ENTERPRISE", "ENTERPRISE_PLUS")
COMMITMENTS = ("none", "1y", "3y")
TERMS = COMMITMENTS[1:]
# What a price file may say of a figure; users' own are theirs.
STATUSES = ("verified", "secondary", "unverified", "own")

Text = Annotated[str, k.TEXT]
Name = Annotated[str, k.NAME]
Number = Annotated[float, k.AMOUNT]


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures come from: a page, and the day on which it was read."""

    page: Text = ""
    read: Text = ""
    note: Text = ""


@dataclass(frozen=True, slots=True)
class Price:
    """``price`` for one ``per`` (``TiB``, ``200 MiB``, ``slot-h``) from ``since`` on, before ``until``.

    No ``regions``: everywhere. ``free`` is what is free a month, in bytes.
    """

    item: Name
    price: Number
    per: Annotated[str, QUANTITY]
    regions: tuple[Name, ...] = ()
    since: Annotated[dt.date, DAY] = dt.date(2011, 11, 14)
    until: Annotated[dt.date, DAY] | None = None
    edition: Annotated[str, k.word("edition", EDITIONS)] | None = None
    commitment: Annotated[str, k.word("commitment", COMMITMENTS)] = "none"
    free: Annotated[int, SIZE] = 0
    source: Text = ""
    status: Annotated[str, k.word("status", STATUSES)] = "own"

    def holds(self, on: dt.date) -> bool:
        """Whether it is the price of a day."""
        return self.since <= on and (self.until is None or on < self.until)

    @property
    def unit(self) -> int:
        """How many bytes, or milliseconds of a slot, the price is for."""
        return SLOT_TIME.get(self.per) or bytes_of(self.per)


@dataclass(frozen=True, slots=True)
class Discount:
    """A share off the prices of items that match a pattern: ``{items: slots, percent: 20 %}``."""

    items: Name
    share: Annotated[str, SHARE]


@dataclass(frozen=True, slots=True)
class SpendDiscount:
    """The share off slots paid as they go that a commitment to spend covers: ``{term: 1y, share: 10 %}``.

    No ``regions``: everywhere. It holds from ``since`` on, before ``until``.
    """

    term: Annotated[str, k.word("term", TERMS)]
    share: Annotated[str, SHARE]
    regions: tuple[Name, ...] = ()
    since: Annotated[dt.date, DAY] = dt.date(2011, 11, 14)
    until: Annotated[dt.date, DAY] | None = None
    source: Text = ""
    status: Annotated[str, k.word("status", STATUSES)] = "own"

    def holds(self, on: dt.date) -> bool:
        """Whether it is that of a day."""
        return self.since <= on and (self.until is None or on < self.until)


@dataclass(frozen=True, slots=True)
class PriceFile:
    """What a file of prices says. ``rates`` are how much of another currency one of ``currency`` is."""

    currency: Name = "USD"
    sources: Mapping[Name, Source] = field(default_factory=dict)
    prices: tuple[Price, ...] = ()
    discounts: tuple[Discount, ...] = ()
    spend_commitments: tuple[SpendDiscount, ...] = ()
    rates: Mapping[Name, Number] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one item costs on a day at a place: ``amount`` of ``currency`` for one ``per``, after
    discounts."""

    item: str
    amount: Decimal
    per: str
    unit: int
    currency: str
    free: int
    status: str
    source: str
    list_price: Decimal

    def of(self, quantity: float) -> float:
        """What so many bytes, or milliseconds of a slot, cost. What is free a month is not taken off."""
        return float(self.amount) * quantity / self.unit

    def of_month(self, quantity: float, share: float = 1.0, months: float = 1.0) -> float:
        """The same of what whole ``months`` have, after the ``share`` of what is free is taken off."""
        return self.of(max(0.0, quantity - self.free * share * months))


@dataclass(frozen=True, slots=True)
class Prices:
    """Tables of prices; the first that has one tells it. ``currency`` is what money is shown in."""

    files: tuple[tuple[str, PriceFile], ...]
    currency: str = "USD"

    def tariff(
        self,
        item: str,
        *,
        region: str,
        on: dt.date,
        edition: str | None = None,
        commitment: str = "none",
    ) -> Tariff:
        """The price of an item on a day. Raises :class:`NoPrice`, which names what no table has."""
        place = region_name(region)
        for name, file in self.files:
            found = _newest(file.prices, item, place, on, edition, commitment)
            if found is not None:
                return self._tariff(name, file, found)
        raise NoPrice(self._missing(item, place, on, edition, commitment))

    def spend_share(self, term: str, *, region: str, on: dt.date) -> tuple[float, str]:
        """The share that a commitment to spend takes off what it covers, and the status of that figure.

        Raises :class:`NoPrice` when no table has it, :class:`CostError` when nothing would be left to pay.
        """
        place = region_name(region)
        for name, file in self.files:
            found = [
                one
                for one in file.spend_commitments
                if one.term == term
                and (not one.regions or place in map(region_name, one.regions))
                and one.holds(on)
            ]
            if not found:
                continue
            best = max(found, key=lambda one: (one.since, bool(one.regions)))
            share = share_of(best.share)
            if share >= 1:
                raise CostError(f"{name}: a commitment to spend for {term} takes off {best.share}, all of it")
            return share, best.status
        raise NoPrice(
            f"no table has what a commitment to spend for {term} takes off in {place!r} on {on}: add it to a "
            "file of your own, as spend_commitments, and name that with --prices"
        )

    def _tariff(self, name: str, file: PriceFile, price: Price) -> Tariff:
        listed = Decimal(str(price.price)) * self._rate(file)
        amount = listed
        for _, other in self.files:
            for discount in other.discounts:
                if fnmatchcase(price.item, discount.items):
                    amount *= 1 - Decimal(str(share_of(discount.share)))
        source = file.sources.get(price.source)
        told = f"{source.page}, read {source.read}" if source is not None else price.source or name
        return Tariff(
            price.item, amount, price.per, price.unit, self.currency, price.free, price.status, told, listed
        )

    def _rate(self, file: PriceFile) -> Decimal:
        if file.currency == self.currency:
            return Decimal(1)
        for _, other in self.files:
            if other.currency == file.currency and self.currency in other.rates:
                return Decimal(str(other.rates[self.currency]))
        raise CostError(
            f"no rate from {file.currency} to {self.currency} is known: write it in a file of prices, as "
            f"currency: {file.currency} and rates: {{{self.currency}: 1.0}}"
        )

    def _missing(self, item: str, region: str, on: dt.date, edition: str | None, commitment: str) -> str:
        every = [price for _, file in self.files for price in file.prices]
        of_item = [p for p in every if p.item == item]
        what = " ".join(
            filter(None, (item, edition, f"commitment {commitment}" if commitment != "none" else ""))
        )
        hint = "add it to a file of your own and name that with --prices"
        if not of_item:
            return f"no table has a price of {item!r}: items are {_list(p.item for p in every)}"
        of_edition = [p for p in of_item if (p.edition, p.commitment) == (edition, commitment)]
        if not of_edition:
            known = _list(_kind(p) for p in of_item)
            return f"no table has a price of {what}: there is {known}; {hint}"
        there = [p for p in of_edition if not p.regions or region in p.regions]
        if not there:
            regions = _list(r for p in of_edition for r in p.regions)
            return (
                f"no table has a price of {what} in the region {region!r}: there is one in {regions}; {hint}"
            )
        return (
            f"no table has a price of {what} in {region!r} on {on}: the first is of "
            f"{min(p.since for p in there)}; {hint}"
        )


def _newest(
    prices: Iterable[Price], item: str, region: str, on: dt.date, edition: str | None, commitment: str
) -> Price | None:
    found = [
        p
        for p in prices
        if (p.item, p.edition, p.commitment) == (item, edition, commitment)
        and (not p.regions or region in map(region_name, p.regions))
        and p.holds(on)
    ]
    return max(found, key=lambda p: (p.since, bool(p.regions)), default=None)


def _kind(price: Price) -> str:
    words = (price.item, price.edition, "" if price.commitment == "none" else price.commitment)
    return " ".join(word for word in words if word)


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none"


def region_name(text: str) -> str:
    """A region as tables name it: ``US``, ``region-us`` and ``us`` are the same."""
    return text.strip().lower().removeprefix("region-")


def load_prices(overrides: Sequence[str | Path] = (), currency: str = "") -> Prices:
    """The tables of this package, after those of users: the first file that has a price tells it.

    Without a ``currency`` that of the first file. Raises :class:`CostError` with file and line.
    """
    own = [(str(path), read_document(path, PriceFile, "file of prices")[0]) for path in overrides]
    files = (*own, *built_in())
    return Prices(files, currency or files[0][1].currency)


@cache
def built_in() -> tuple[tuple[str, PriceFile], ...]:
    """The tables that come with this package."""
    found = []
    for file in sorted(resources.files("bqsim.cost").joinpath("prices").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml"):
            text = file.read_text(encoding="utf-8")
            found.append((file.name, read_text(text, file.name, PriceFile, "file of prices")[0]))
    return tuple(found)
