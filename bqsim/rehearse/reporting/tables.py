"""The tables of a setting that is looked at closely: its groups, places and bill. Cells are text."""

from __future__ import annotations

from bqsim.cost.units import shown_bytes, shown_money
from bqsim.rehearse.results import Charge, PlaceResult, SettingResult

from .words import NONE, number, seconds, share


def quantity(one: Charge) -> str:
    """What is charged for: ``1,200 slot-h``."""
    return f"{number(one.quantity)} {one.unit}"


CHARGE_HEADS = ("charge", "place", "quantity", "price", "amount", "a day", "source of price")


def charge_rows(setting: SettingResult, currency: str) -> list[list[str]]:
    """The bill, line by line."""
    return [
        [
            one.what,
            one.place,
            quantity(one),
            f"{shown_money(one.price, currency)} / {one.unit}",
            shown_money(one.amount, currency),
            shown_money(one.amount / (setting.days or 1.0), currency),
            one.status,
        ]
        for one in setting.charges
    ]


GROUP_HEADS = (
    "group",
    "jobs",
    "p50",
    "p95",
    "p99",
    "p95 wait",
    "failed",
    "slot-hours",
    "billed",
    "cost a day",
)


# More groups than these are told by the slots that they used, not as they come.
MANY_GROUPS = 30


def group_rows(setting: SettingResult, currency: str) -> list[list[str]]:
    """The groups, all jobs first; of many those that used the most slots."""
    groups = list(setting.groups)
    if len(groups) > MANY_GROUPS:
        groups[1:] = sorted(groups[1:], key=lambda one: -one.slot_hours)
    return [
        [
            one.group,
            f"{one.jobs:,}",
            *(seconds(one.duration.at(p)) for p in (50.0, 95.0, 99.0)),
            seconds(one.wait.at(95.0)),
            share(1 - one.states.get("DONE", 0) / one.jobs) if one.jobs else NONE,
            number(one.slot_hours),
            shown_bytes(one.bytes_billed),
            shown_money(one.cost / (setting.days or 1.0), currency),
        ]
        for one in groups
    ]


PLACE_HEADS = (
    "place", "edition", "used", "borrowed", "autoscaled", "baseline", "utilisation", "most autoscaled",
    "running", "waiting", "most waiting",
)  # fmt: skip


def place_rows(setting: SettingResult) -> list[list[str]]:
    """Reservations and projects on demand; hours are slot-hours."""
    return [_place(one) for one in setting.places]


def _place(one: PlaceResult) -> list[str]:
    reserved = bool(one.edition)
    hours = (one.used_hours, one.borrowed_hours, one.scaled_hours, one.baseline_hours)
    return [
        one.place,
        edition(one.edition),
        *(f"{number(value)} h" if reserved or not at else NONE for at, value in enumerate(hours)),
        share(one.utilisation) if reserved else NONE,
        number(one.peak_scaled) if reserved else NONE,
        number(one.mean_running),
        number(one.mean_queued),
        number(one.peak_queued),
    ]


def edition(name: str) -> str:
    """``ENTERPRISE_PLUS`` as people say it; without an edition, what the place is."""
    return name.replace("_", " ").capitalize() if name else "on demand"
