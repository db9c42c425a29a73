"""RESERVATIONS_TIMELINE: a row for each minute of each reservation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bqsim.catalog.administration import Capacity, Reservation
from bqsim.catalog.names import project_number
from bqsim.types import INT64, TIMESTAMP, array_of, struct_of

from .reservations import AUTOSCALE, LABELS, autoscale
from .view import REGIONAL, Scope, View, always, each

_MINUTE = 60_000_000
_SECOND = 1_000_000
# Page *RESERVATIONS_TIMELINE view*, data retention.
_HISTORY_US = 180 * 24 * 3600 * _SECOND

_DETAILS = array_of(
    struct_of(
        ("start_time", TIMESTAMP),
        ("autoscale_current_slots", INT64),
        ("autoscale_max_slots", INT64),
        ("slots_assigned", INT64),
        ("slots_max_assigned", INT64),
        ("borrowed_slots", INT64),
        ("lent_slots", INT64),
    )
)


@dataclass(frozen=True, slots=True)
class _Period:
    """A minute (epoch microseconds) of a reservation; ``most`` are the slots that it may use."""

    reservation: Reservation
    start_us: int
    most: int


def _periods(scope: Scope) -> Sequence[Any]:
    committed: dict[str, int] = {}
    for capacity in scope.catalog.administration.all(Capacity, scope.project):
        committed[capacity.location] = committed.get(capacity.location, 0) + capacity.slot_count
    # Those of statements: what a capacity in force did at each second is not kept.
    administered = scope.catalog.administration.all(Reservation, scope.project, scope.region)
    reservations = scope.only(administered, reservation_name=lambda r: r.name)
    asked = scope.asked("period_start")
    now = scope.now_us
    found = []
    for reservation in reservations:
        first = max(reservation.created_ms * 1000, now - _HISTORY_US, asked.low or 0) // _MINUTE
        last = min(now, asked.high if asked.high is not None else now) // _MINUTE
        own = reservation.slot_capacity
        most = own if reservation.ignore_idle_slots else max(own, committed.get(reservation.location, 0))
        found += [_Period(reservation, minute * _MINUTE, most) for minute in range(first, last + 1)]
    return found


def _details(period: _Period) -> list[Mapping[str, int]]:
    """The seconds of the minute."""
    reservation = period.reservation
    return [
        {
            "start_time": period.start_us + second * _SECOND,
            "autoscale_current_slots": 0,
            "autoscale_max_slots": reservation.autoscale_max_slots,
            "slots_assigned": reservation.slot_capacity,
            "slots_max_assigned": period.most,
            "borrowed_slots": 0,
            "lent_slots": 0,
        }
        for second in range(60)
    ]


VIEWS: tuple[View, ...] = tuple(
    View(
        name,
        (
            each("period_start", lambda p: p.start_us, "T"),
            each("project_id", lambda p: p.reservation.project),
            each("project_number", lambda p: project_number(p.reservation.project), "I"),
            each("reservation_name", lambda p: p.reservation.name),
            each("ignore_idle_slots", lambda p: p.reservation.ignore_idle_slots, "B"),
            each("slots_assigned", lambda p: p.reservation.slot_capacity, "I"),
            each("slots_max_assigned", lambda p: p.most, "I"),
            each("autoscale", lambda p: autoscale(p.reservation), AUTOSCALE),
            each(
                "reservation_id",
                lambda p: f"{p.reservation.project}:{_shown(p.reservation.location)}.{p.reservation.name}",
            ),
            each("edition", lambda p: p.reservation.edition),
            each("per_second_details", _details, _DETAILS),
            always("period_autoscale_slot_seconds", 0, "I"),
            each(
                "labels",
                lambda p: [{"key": k, "value": v} for k, v in p.reservation.labels.items()],
                LABELS,
            ),
        ),
        _periods,
        REGIONAL,
        ("bigquery.reservations.list",),
    )
    for name in ("RESERVATIONS_TIMELINE", "RESERVATIONS_TIMELINE_BY_PROJECT")
)


def _shown(location: str) -> str:
    return location.upper() if location in ("us", "eu") else location
