"""Results of settings with the figures that a test is about."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bqsim.rehearse.plan.grid import Setting
from bqsim.rehearse.plan.reading import LoadedPlan, parse
from bqsim.rehearse.results import ALL, PERCENTILES, GroupResult, Missed, SettingResult, Spread
from bqsim.sim.slots.jobs import Place, Usage

MINUTE_MS = 60_000.0
JOBS = "workload: [{origin: {generated: {arrivals: {poisson: 60}, mix: [{slot_time: 60s}]}}}]\n"


def plan(text: str = "") -> LoadedPlan:
    """A plan with one kind of job and ``text``."""
    return parse(JOBS + text, "plan.yaml")


def spread(p50: float, p95: float, count: int = 100) -> Spread:
    """Durations of two levels."""
    if not count:
        return Spread(0, math.nan, math.nan, (math.nan,) * len(PERCENTILES))
    return Spread(count, p50, p95, tuple(p50 if one < 95 else p95 for one in PERCENTILES))


def usage(
    places: Sequence[Place] = (),
    used: Sequence[ArrayLike] = (),
    scaled: Sequence[ArrayLike] | None = None,
    borrowed: Sequence[ArrayLike] | None = None,
) -> Usage:
    """Slots by the minute."""
    slots = np.asarray(used, float) if places else np.zeros((0, 0))
    nothing = np.zeros_like(slots)
    held = nothing if scaled is None else np.asarray(scaled, float)
    lent = nothing if borrowed is None else np.asarray(borrowed, float)
    return Usage(
        tuple(places),
        MINUTE_MS,
        slots.shape[1] * MINUTE_MS,
        slots * MINUTE_MS,
        lent * MINUTE_MS,
        held * MINUTE_MS,
        nothing,
        nothing,
        held,
        nothing,
    )


def result(
    setting: Setting,
    *,
    cost: float = 10.0,
    p95: float = 10.0,
    failed: int = 0,
    missed: int = 0,
    kept: bool = True,
    objective: str = "",
    groups: Sequence[tuple[str, float, float]] = (),
    used: Usage | None = None,
    hours: float = 5.0,
    **others: object,
) -> SettingResult:
    """A day of 100 jobs. ``groups`` are names, p95 and cost."""
    states = {"DONE": 100 - failed, "QUEUE_FULL": failed} if failed else {"DONE": 100}
    whole = GroupResult(
        ALL, 100, states, 100, spread(1, p95, 100 - failed), spread(0, p95 / 10), hours, 0.0, cost
    )
    parts = [
        GroupResult(name, 50, {"DONE": 50}, 50, spread(1, at, 50), spread(0, at / 10), 2.5, 0.0, part)
        for name, at, part in groups
    ]
    figures: dict[str, object] = {
        "name": setting.name,
        "values": setting.values,
        "days": 1.0,
        "groups": (whole, *parts),
        "places": (),
        "charges": (),
        "objectives": (Missed(objective, 100, missed, kept),) if objective else (),
        "cost_per_day": cost,
        "usage": usage() if used is None else used,
        **others,
    }
    return SettingResult(**figures)  # type: ignore[arg-type]
