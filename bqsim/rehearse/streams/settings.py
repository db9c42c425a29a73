"""Streams in the result of a setting: beside its jobs, or alone."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from bqsim.rehearse.money import tariffs
from bqsim.rehearse.plan.grid import Setting
from bqsim.rehearse.plan.model import Plan
from bqsim.rehearse.results import ALL, PERCENTILES, GroupResult, SettingResult, Spread
from bqsim.rehearse.times import DAY_MS
from bqsim.sim.slots.jobs import Usage

from . import money
from .measure import measured
from .rates import seconds_of
from .results import StreamingResult


def without_jobs(setting: Setting) -> SettingResult:
    """The result of a setting that has no jobs."""
    plan = setting.plan
    duration_ms = (plan.days or 1.0) * DAY_MS
    nothing = Spread(0, math.nan, math.nan, (math.nan,) * len(PERCENTILES))
    none = np.zeros((0, 0))
    return SettingResult(
        name=setting.name,
        values=setting.values,
        days=(duration_ms - plan.warm_up_s * 1e3) / DAY_MS,
        groups=(GroupResult(ALL, 0, {}, 0, nothing, nothing, 0.0, 0.0),),
        places=(),
        charges=(),
        objectives=(),
        cost_per_day=0.0,
        usage=Usage((), DAY_MS, duration_ms, *[none] * 7),
    )


class Streams:
    """Measures the streams of settings. The last is kept, for settings with the same streams."""

    def __init__(self) -> None:
        self._last: tuple[object, StreamingResult] | None = None

    def measured(self, plan: Plan, seconds: int, week_ms: float) -> StreamingResult:
        """What the streams of a plan ask of quotas."""
        key = (plan.streams, plan.quotas, plan.seed, plan.warm_up_s, plan.money.region, seconds, week_ms)
        if self._last is None or self._last[0] != key:
            self._last = None
            self._last = key, measured(plan, seconds, week_ms=week_ms)
        return self._last[1]

    def added(
        self, result: SettingResult, plan: Plan, folder: Path, duration_ms: float, week_ms: float
    ) -> SettingResult:
        """A result with what became of the plan's streams, and what they cost."""
        if not plan.streams:
            return result
        found = self.measured(plan, seconds_of(duration_ms), week_ms)
        lines = money.charges(plan, found, tariffs(plan.money, folder), result.days)
        cost = math.fsum(line.amount for line in lines) / result.days
        return replace(
            result,
            charges=(*result.charges, *lines),
            cost_per_day=result.cost_per_day + cost,
            bounds={name: _moved(name, pair, cost) for name, pair in result.bounds.items()},
            streaming=found,
        )


def _moved(name: str, pair: tuple[float, float], cost: float) -> tuple[float, float]:
    """Bounds of costs with what streams cost, which days do not change."""
    return (pair[0] + cost, pair[1] + cost) if name == "cost_per_day" else pair
