"""RESERVATIONS_TIMELINE: a row for each minute of each reservation.

Of the time in which jobs shared a capacity it tells what that had; of the rest, what statements made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from bqsim.catalog.administration import Capacity, Reservation
from bqsim.catalog.names import project_number
from bqsim.sql.in_force import InForce, Past, commitments, entries
from bqsim.types import INT64, TIMESTAMP, array_of, struct_of

from .reservations import AUTOSCALE, LABELS
from .view import REGIONAL, Scope, View, each

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
class _Span:
    """A reservation as it was for some time (epoch microseconds). ``most`` slots it might use."""

    reservation: Reservation
    since_us: float
    until_us: float
    most: int


class _Figures:
    """What a reservation had over time; nothing where no capacity was in force."""

    def __init__(self, past: Past | None, name: str, minutes: Sequence[int], now_us: int) -> None:
        self._steps = past.memory.place(name) if past is not None else None
        self._minutes = minutes
        self.now_us = now_us

    def at(self, moments: Sequence[float], column: int) -> list[int]:
        """What held at these moments, in whole slots; 0 after now."""
        if self._steps is None:
            return [0] * len(moments)
        found = self._steps.at(moments, column)
        return [round(one) if at <= self.now_us else 0 for at, one in zip(moments, found, strict=True)]

    @cached_property
    def scaled_s(self) -> Mapping[int, int]:
        """Slot-seconds that autoscaling had, by minute."""
        if self._steps is None:
            return dict.fromkeys(self._minutes, 0)
        bounds = sorted({min(m + by, self.now_us) for m in self._minutes for by in (0, _MINUTE)})
        sums = dict(zip(bounds, self._steps.sums(bounds, 0), strict=True))
        return {
            m: round((sums[min(m + _MINUTE, self.now_us)] - sums[min(m, self.now_us)]) / _SECOND)
            for m in self._minutes
        }


@dataclass(slots=True)
class _Period:
    """A minute (epoch microseconds) of a reservation: as it was within it, in turn."""

    start_us: int
    figures: _Figures
    spans: list[_Span] = field(default_factory=list)

    @property
    def last(self) -> _Span:
        return self.spans[-1]

    @property
    def reservation(self) -> Reservation:
        return self.last.reservation


def _spans(scope: Scope, past: Past | None, now_us: int) -> Iterator[_Span]:
    """All reservations of the scope's project and region as they were, ascending by time."""
    eras = past.memory.eras if past is not None else []
    shared = [(e.since_us, nxt.since_us, e) for e, nxt in pairwise(eras)]
    if eras:
        shared.append((eras[-1].since_us, now_us + 1.0, eras[-1]))
    administration = scope.catalog.administration
    reached = 0.0
    for since_us, until_us, era in shared:
        found = past.in_force(era) if past is not None else None
        if found is None:
            continue
        yield from _kept(scope, reached, since_us)
        reached = until_us
        for entry in entries(found, Reservation, lambda key: administration.find(Reservation, key)):
            one = entry.resource
            if one.project == scope.project and scope.region in (None, one.location):
                yield _Span(one, since_us, until_us, _most(one, _committed(found, one)))
    yield from _kept(scope, reached, now_us + 1.0)


def _kept(scope: Scope, since_us: float, until_us: float) -> Iterator[_Span]:
    """Those of statements while no capacity was in force: nothing runs by them."""
    if until_us <= since_us:
        return
    committed: dict[str, int] = {}
    for capacity in scope.catalog.administration.all(Capacity, scope.project):
        committed[capacity.location] = committed.get(capacity.location, 0) + capacity.slot_count
    for one in scope.catalog.administration.all(Reservation, scope.project, scope.region):
        begun_us = max(since_us, one.created_ms * 1000.0)
        if begun_us < until_us:
            yield _Span(one, begun_us, until_us, _most(one, committed.get(one.location, 0)))


def _committed(found: InForce, reservation: Reservation) -> int:
    return sum(
        one.resource.slot_count
        for one in commitments(found)
        if (one.resource.project, one.resource.location) == (reservation.project, reservation.location)
    )


def _most(reservation: Reservation, committed: int) -> int:
    own = reservation.slot_capacity
    return own if reservation.ignore_idle_slots else max(own, committed)


def _periods(scope: Scope) -> Sequence[Any]:
    past = scope.sources.past()
    asked, now = scope.asked("period_start"), scope.now_us
    low = max(now - _HISTORY_US, asked.low or 0)
    high = min(now, asked.high if asked.high is not None else now)
    rows: dict[str, dict[int, _Period]] = {}
    minutes: dict[str, list[int]] = {}
    for span in scope.only(_spans(scope, past, now), reservation_name=lambda s: s.reservation.name):
        if span.until_us <= span.since_us:
            continue
        key = span.reservation.key
        own, known = rows.setdefault(key, {}), minutes.setdefault(key, [])
        first = int(max(span.since_us, low)) // _MINUTE
        # What ends with a minute has nothing of the next.
        last = int(min(span.until_us - 1, high)) // _MINUTE
        figures = next(iter(own.values())).figures if own else None
        for minute in range(first, last + 1):
            start_us = minute * _MINUTE
            period = own.get(start_us)
            if period is None:
                figures = figures or _Figures(past, span.reservation.name, known, now)
                period = own[start_us] = _Period(start_us, figures)
                known.append(start_us)
            period.spans.append(span)
    return [period for found in rows.values() for period in found.values()]


def _details(period: _Period) -> list[Mapping[str, int]]:
    """The seconds of the minute, each as it began."""
    starts = [period.start_us + second * _SECOND for second in range(60)]
    scaled, borrowed, lent = (period.figures.at(starts, column) for column in range(3))
    made: list[Mapping[str, int]] = []
    for at, start_us in enumerate(starts):
        span = _span_at(period, start_us)
        made.append(
            {
                "start_time": start_us,
                "autoscale_current_slots": scaled[at],
                "autoscale_max_slots": span.reservation.autoscale_max_slots if span is not None else 0,
                "slots_assigned": span.reservation.slot_capacity if span is not None else 0,
                "slots_max_assigned": span.most if span is not None else 0,
                "borrowed_slots": borrowed[at],
                "lent_slots": lent[at],
            }
        )
    return made


def _span_at(period: _Period, start_us: int) -> _Span | None:
    """How the reservation was in a second, as far as it was there; as it is now in seconds to come."""
    for span in reversed(period.spans):
        lasts = span.until_us > min(start_us, period.figures.now_us)
        if lasts and span.since_us < start_us + _SECOND:
            return span
    return None


def _autoscale(period: _Period) -> Mapping[str, int] | None:
    """What is scaled at the end of the minute, or now; None for a reservation that does not scale."""
    most = period.reservation.autoscale_max_slots
    until_us = min(period.last.until_us, period.start_us + _MINUTE) - 1
    current = period.figures.at([until_us], 0)[0]
    return {"current_slots": current, "max_slots": most} if most else None


def _shown(location: str) -> str:
    return location.upper() if location in ("us", "eu") else location


def _labels(period: _Period) -> list[Mapping[str, str]]:
    return [{"key": key, "value": value} for key, value in period.reservation.labels.items()]


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
            each("slots_max_assigned", lambda p: p.last.most, "I"),
            each("autoscale", _autoscale, AUTOSCALE),
            each(
                "reservation_id",
                lambda p: f"{p.reservation.project}:{_shown(p.reservation.location)}.{p.reservation.name}",
            ),
            each("edition", lambda p: p.reservation.edition),
            each("per_second_details", _details, _DETAILS),
            each("period_autoscale_slot_seconds", lambda p: p.figures.scaled_s[p.start_us], "I"),
            each("labels", _labels, LABELS),
        ),
        _periods,
        REGIONAL,
        ("bigquery.reservations.list",),
    )
    for name in ("RESERVATIONS_TIMELINE", "RESERVATIONS_TIMELINE_BY_PROJECT")
)
