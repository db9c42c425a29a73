"""Reports of made-up figures that hang together: more slots cost more and are quicker."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np

from bqsim.rehearse.results import (
    ALL,
    PERCENTILES,
    Advice,
    Assumed,
    Broken,
    Calibration,
    Charge,
    GroupResult,
    Headroom,
    Missed,
    PlaceResult,
    Report,
    SettingResult,
    Spread,
)
from bqsim.sim.slots.jobs import Place, Usage

_NOTHING = float("nan")


def spread(count: int, scale: float) -> Spread:
    """Durations of an exponential distribution."""
    if not count:
        return Spread(0, _NOTHING, _NOTHING, (_NOTHING,) * len(PERCENTILES))
    at = tuple(scale * -math.log(1 - p / 100) for p in PERCENTILES)
    return Spread(count, scale, scale * math.log(count + 1), at)


@cache
def usage(days: float = 1.0, places: int = 3) -> Usage:
    """Slots by the minute: a day's curve, with a queue at its peak."""
    names = [f"team-{n}" for n in range(places - 1)]
    reserved = [Place(name, "ENTERPRISE", "US", "", 100 * n, 200) for n, name in enumerate(names)]
    every = (*reserved, Place("adhoc-project", "", "", "", 0, 0))
    buckets = max(1, round(days * 1440))
    hours = np.arange(buckets) / 60
    day = 1 + np.sin(2 * np.pi * (hours - 8) / 24) + 0.3 * np.sin(hours * 7)
    wanted = np.maximum(0, np.array([[40 + 60 * (n + 1)] for n in range(places)]) * day)
    baseline = np.array([[place.baseline] for place in every], float)
    borrowed = np.clip(wanted - baseline, 0, 50) * (baseline > 0)
    held = np.ceil(np.clip(wanted - baseline - borrowed, 0, 200) / 50) * 50 * (baseline > 0)
    minute = 60_000.0
    queued = np.maximum(0, wanted - 250) / 10
    return Usage(
        every,
        minute,
        buckets * minute,
        wanted * minute,
        borrowed * minute,
        held * minute,
        wanted / 8 * minute,
        queued * minute,
        held,
        np.ceil(queued * 1.5),
    )


def group(name: str, jobs: int, scale: float, cost: float) -> GroupResult:
    failed = jobs // 40
    states = {"DONE": jobs - failed, "QUEUE_TIMEOUT": failed} if failed else {"DONE": jobs}
    return GroupResult(
        name,
        jobs,
        states,
        jobs + failed,
        spread(jobs - failed, scale),
        spread(jobs - failed, scale / 9),
        jobs / 30,
        jobs * 2.0**31,
        cost,
    )


def setting(
    number: int, *, days: float = 1.0, groups: int = 4, places: int = 3, named: bool = True
) -> SettingResult:
    """Setting ``number`` of a grid of baseline and largest size."""
    baseline, most = 100 * (number % 5), 100 * (1 + number // 5)
    name = f"setting {number + 1}" if named else f"slot_capacity={baseline}, autoscale_max_slots={most}"
    cost = baseline * 0.06 * 24 + math.sqrt(most) * 9
    scale = 4 + 4000 / (baseline + most)
    jobs = round(20_000 * days)
    parts = tuple(
        group(f"team-{n}", jobs // groups, scale * (0.5 + n / groups), cost / groups) for n in range(groups)
    )
    used = usage(days, places)
    results = tuple(
        PlaceResult(
            place.name,
            place.edition,
            90.5 * days,
            12.0 * days,
            300.0 * days,
            place.baseline * 24 * days,
            0.61 if place.edition else _NOTHING,
            150.0,
            12.5,
            0.75,
            36.0,
        )
        for place in used.places
    )
    charges = (
        Charge("baseline", "team-1", baseline * 24 * days, "slot-h", 0.06, baseline * 1.44 * days, "listed"),
        Charge("autoscaled", "team-1", 300 * days, "slot-h", 0.06, math.sqrt(most) * 9 * days, "listed"),
        Charge("on demand", "adhoc-project", 0.0, "TiB", 6.25, 0.0, "listed"),
    )
    missed = 0.3 / (1 + number)
    return SettingResult(
        name,
        {"reservations.etl.slot_capacity": baseline, "reservations.etl.autoscale_max_slots": most},
        days,
        (group(ALL, jobs, scale, cost), *parts),
        results,
        charges,
        (Missed("dashboards", jobs // 2, round(jobs / 2 * missed), missed < 0.05),),
        cost,
        used,
        {"cost_per_day": (cost * 0.9, cost * 1.2), "p95_duration_s": (scale * 2.5, scale * 3.4)}
        if days >= 3
        else {},
        jobs,
    )


def front(settings: tuple[SettingResult, ...]) -> tuple[str, ...]:
    """The names of those that no other beats in both cost and duration."""
    keys = {one.name: (one.cost_per_day, one.whole.duration.at(95.0)) for one in settings}
    return tuple(
        name
        for name, (cost, late) in keys.items()
        if not any(c <= cost and d <= late and (c, d) != (cost, late) for c, d in keys.values())
    )


def report(
    settings: int = 6,
    *,
    days: float = 1.0,
    calibrated: bool = False,
    groups: int = 4,
    places: int = 3,
    named: bool = True,
) -> Report:
    """A rehearsal of so many settings; the one in the middle of the front is recommended."""
    every = tuple(setting(n, days=days, groups=groups, places=places, named=named) for n in range(settings))
    pareto = front(every)
    best = pareto[len(pareto) // 2]
    return Report(
        "month end",
        7,
        "USD",
        every,
        pareto,
        Advice(
            best,
            (
                f"{best} is the cheapest setting that keeps all objectives.",
                "The next cheaper one misses dashboards by 12 %.",
            ),
            0.08 if calibrated else None,
        ),
        (Broken(every[0].name, "p95 of durations: 41.5 s, more than 20.0 s", 41.5, 20.0, "plan.yaml:31"),),
        Calibration(12_000, 0.031, 0.052, 0.11, -0.02, "jobs.jsonl") if calibrated else None,
        ("Jobs of the first 10 minutes are not measured.",),
    )


def uncertain(one: Report, *, validated: bool = False) -> Report:
    """The report with what else could be: the first setting is fragile, the last has no end."""
    last = len(one.settings) - 1
    settings = tuple(
        replace(
            s,
            envelope={
                "cost_per_day": {
                    "work": (s.cost_per_day * 0.8, s.cost_per_day * 1.3),
                    "together": (s.cost_per_day * 0.7, s.cost_per_day * 1.4),
                },
                "p95_duration_s": {
                    "work": (1.0, math.inf if at == last else 150.0),
                    "chance": (2.0, 90.0),
                    "together": (0.5, math.inf if at == last else 180.0),
                },
                "misses": {"chance": (0.1, 0.2), "together": (0.1, 0.2)},
            },
            fragile=("p95 of durations: 25.0 s, more than 20.0 s (with 20 % more slot time)",) * (at == 0),
        )
        for at, s in enumerate(one.settings)
    )
    found = Headroom(1.3, 1.31, "objective dashboards: 9 of 90 jobs miss it", 7)
    advice = one.advice and replace(one.advice, headroom=found)
    return replace(one, settings=settings, advice=advice, assumed=Assumed(0.2, 5, validated))


def empty() -> Report:
    """A rehearsal in which nothing arrived, and nothing is advised."""
    nothing = GroupResult(ALL, 0, {}, 0, spread(0, 1.0), spread(0, 1.0), 0.0, 0.0)
    none = np.zeros((0, 0))
    one = SettingResult(
        "as planned",
        {},
        0.0,
        (nothing,),
        (),
        (),
        (),
        0.0,
        Usage((), 60_000.0, 0.0, none, none, none, none, none, none, none),
    )
    return Report("nothing", 1, "EUR", (one,), (one.name,), None, ())


def renamed(one: Report, name: str) -> Report:
    """The report with ``name`` everywhere a user's text can be."""
    settings = tuple(
        replace(
            s,
            name=f"{name} {at}",
            groups=tuple(replace(g, group=f"{name} {g.group}") for g in s.groups),
            places=tuple(replace(p, place=f"{name} {p.place}") for p in s.places),
            objectives=tuple(replace(o, name=name) for o in s.objectives),
        )
        for at, s in enumerate(one.settings)
    )
    places = {s.name: t.name for s, t in zip(one.settings, settings, strict=True)}
    advice = one.advice and Advice(places[one.advice.setting], (name,), one.advice.error)
    return replace(
        one,
        name=name,
        settings=settings,
        pareto=tuple(places[n] for n in one.pareto),
        advice=advice,
        broken=tuple(replace(b, setting=places[b.setting], what=name, place=name) for b in one.broken),
        notes=(name,),
    )
