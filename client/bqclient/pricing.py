"""What bytes and slots cost: dated prices as data, and models that make sums of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from .errors import UsageError

MIB = 1 << 20
TIB = 1 << 40
# What a query that reads a table is billed at least, for each table and in all.
LEAST_BILLED = 10 * MIB
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Price:
    """A list price in USD that holds from a day on: ``on_demand`` for a TiB, editions for a slot-hour."""

    item: str
    usd: float
    region: str = "US"
    since: date = date(2023, 7, 5)


# List prices. Regions that are not here are given to Pricing by hand.
PRICES: tuple[Price, ...] = (
    Price("on_demand", 5.0, since=date(2016, 1, 1)),
    Price("on_demand", 6.25),
    Price("STANDARD", 0.04),
    Price("ENTERPRISE", 0.06),
    Price("ENTERPRISE_PLUS", 0.10),
    Price("ENTERPRISE_1_YEAR", 0.048),
    Price("ENTERPRISE_3_YEARS", 0.036),
    Price("ENTERPRISE_PLUS_1_YEAR", 0.08),
    Price("ENTERPRISE_PLUS_3_YEARS", 0.06),
)


def list_price(item: str, *, region: str = "US", on: date | None = None) -> float:
    """The list price on a day, today's unless told. Raises UsageError where none is known."""
    held = [p for p in PRICES if p.item == item and p.region == region and (on is None or p.since <= on)]
    if not held:
        raise UsageError(f"No price of {item!r} in {region} is known: give it, as in Pricing.on_demand(7.5).")
    return max(held, key=lambda p: p.since).usd


@dataclass(frozen=True, slots=True)
class Pricing:
    """How queries are paid for.

    ``on_demand``: by bytes billed. ``capacity``: by slot-hours of an edition. ``flat``: by the month, so
    that a query costs nothing more.
    """

    model: str = "on_demand"
    usd_per_tib: float = 0.0
    usd_per_slot_hour: float = 0.0
    usd_per_month: float = 0.0

    @classmethod
    def on_demand(cls, usd_per_tib: float | None = None, *, region: str = "US") -> Pricing:
        """By bytes billed: the list price unless told."""
        return cls(
            "on_demand", list_price("on_demand", region=region) if usd_per_tib is None else usd_per_tib
        )

    @classmethod
    def capacity(
        cls, edition: str = "ENTERPRISE", *, usd_per_slot_hour: float | None = None, region: str = "US"
    ) -> Pricing:
        """By slot-hours: STANDARD, ENTERPRISE, ENTERPRISE_PLUS, also with _1_YEAR or _3_YEARS."""
        usd = list_price(edition.upper(), region=region) if usd_per_slot_hour is None else usd_per_slot_hour
        return cls("capacity", usd_per_slot_hour=usd)

    @classmethod
    def flat(cls, usd_per_month: float = 0.0) -> Pricing:
        """By the month, whatever is asked."""
        return cls("flat", usd_per_month=usd_per_month)

    def __post_init__(self) -> None:
        if self.model not in _MODELS:
            raise UsageError(f"{self.model!r} is no model of prices: {', '.join(_MODELS)}.")
        if min(self.usd_per_tib, self.usd_per_slot_hour, self.usd_per_month) < 0:
            raise UsageError("A price cannot be below 0.")

    @property
    def foreseeable(self) -> bool:
        """Whether the bytes that a query reads tell what it costs, before it runs."""
        return self.model != "capacity"

    def cost(self, *, bytes_billed: int = 0, slot_ms: int = 0) -> float:
        """USD for what was billed."""
        found: Mapping[str, float] = {
            "on_demand": bytes_billed / TIB * self.usd_per_tib,
            "capacity": slot_ms / _HOUR_MS * self.usd_per_slot_hour,
            "flat": 0.0,
        }
        return found[self.model]

    def bytes_for(self, usd: float) -> int | None:
        """How many bytes may be billed for that much; ``None`` where bytes cost nothing."""
        if self.model != "on_demand" or not self.usd_per_tib:
            return None
        return int(usd / self.usd_per_tib * TIB)


_MODELS = MappingProxyType({"on_demand": "bytes", "capacity": "slot-hours", "flat": "months"})


def billed_bytes(processed: int, tables: int = 1) -> int:
    """What is billed for bytes processed: whole MiB, and 10 MiB at least for each table that is read.

    Of several tables the exact sum needs the bytes of each; this is the least that it can be.
    """
    if tables <= 0 and processed <= 0:
        return 0
    whole = -(-processed // MIB) * MIB
    return max(whole, LEAST_BILLED * max(tables, 1))
