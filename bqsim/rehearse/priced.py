"""What is to be said of what settings were charged: prices that nobody has verified, jobs on demand that seem
to be free, and hours of commitments to spend that were not told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bqsim.sim.slots.layout import pool_of
from bqsim.sim.slots.routing import SHARED_POOL

from .money import pool_name, priced_in
from .plan.grid import Setting
from .reporting.words import listed, stretch
from .results import Charge, SettingResult
from .spend import SPEND
from .streams.money import NAMES
from .times import HOUR_MS

UNVERIFIED = "unverified"
STREAMED = frozenset(NAMES.values())


def notes(settings: Mapping[str, Setting], results: Sequence[SettingResult]) -> Iterator[str]:
    """Sentences about prices; none where all of them are as good as can be."""
    yield from _seems_free(results)
    found: dict[str, dict[str, None]] = {}
    for result in results:
        setting = settings[result.name]
        for charge in result.charges:
            if charge.status == UNVERIFIED and charge.amount:
                what = charge.what.partition(",")[0]
                found.setdefault(_region(setting, charge).lower(), {}).setdefault(what)
    for region, kinds in found.items():
        yield (
            f"prices in {region} are unverified ({listed(tuple(kinds))}): no price list was seen for them, "
            "they may be old or wrong; check them, or give your own under money: files"
        )
    longest = max(
        (one.usage.bucket_ms for one in results if settings[one.name].plan.money.spend_commitments),
        default=0.0,
    )
    if longest > HOUR_MS:
        yield (
            f"commitments to spend are reckoned by {stretch(longest / 1e3)} instead of by the hour, so that "
            "they seem to cover more than they do: rehearse fewer days, places or settings"
        )


def _seems_free(results: Sequence[SettingResult]) -> Iterator[str]:
    """Where jobs ran on demand and billed no bytes at all."""
    places: dict[str, None] = {}
    for result in results:
        paid = {one.place for one in result.charges}
        for one in result.places:
            if not one.edition and one.place != SHARED_POOL and one.used_hours > 0 and one.place not in paid:
                places.setdefault(one.place)
    if places:
        yield (
            f"what runs on demand in {listed(tuple(places))} seems to cost nothing: its jobs bill no bytes "
            "('bytes_billed' of their kinds)"
        )


def _region(setting: Setting, charge: Charge) -> str:
    """Where a charge has its price."""
    capacity, money = setting.capacity, setting.plan.money
    if charge.what.startswith(SPEND):
        return charge.place
    if charge.what in STREAMED:
        written = {one.name: one.location for one in setting.plan.streams}
        return written.get(charge.place) or money.region
    locations = {pool_name(pool_of(one)): one.location for one in capacity.commitments}
    locations |= {name: one.location for name, one in capacity.reservations.items()}
    return priced_in(money.region, locations.get(charge.place, money.region))
