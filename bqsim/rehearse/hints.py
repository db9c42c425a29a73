"""What else the figures of a setting say about money: commitments, idle baselines, slots held in vain."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bqsim.cost.units import shown_money
from bqsim.sim.scenario.capacity_checks import STEP
from bqsim.sim.slots.jobs import Place, Usage
from bqsim.sim.slots.layout import Pool, pool_of

from .errors import RehearsalError
from .money import BYTES_BILLED, Tariffs, baselines, pool_name, tariffs
from .plan.grid import Setting
from .plan.model import Generated, Plan
from .reporting.words import listed, share
from .results import SettingResult
from .times import DAY_MS, HOUR_MS

Floats = NDArray[np.float64]

TERMS = {"1y": "for a year", "3y": "for three years"}
# Commitments are not sold in this edition.
_NONE = "STANDARD"
# Below this share of the cost a day nothing is said.
WORTH_SAYING = 0.02
# A baseline that is used less than this, or scaled slots that are idle more than this, are told.
IDLE = 0.5
HELD = 0.2
# Means over longer buckets do not tell how long slots are held.
LONGEST_MS = 900_000.0
_DAY_HOURS = 24.0


def hints(plan: Plan, folder: Path, setting: Setting, result: SettingResult) -> list[str]:
    """Sentences about what would cost less than ``setting`` does. None where prices are not known."""
    usage = _measured(plan, result.usage, result.days)
    if not usage.used_ms.size:
        return []
    known = tariffs(setting.plan.money, folder)
    found: list[str] = []
    for told in (_commitments, _idle_commitments, _baselines, _held, _on_demand):
        try:
            found += told(plan, known, setting, result, usage)
        except RehearsalError:
            # What has no price is not compared.
            continue
    return found


def _measured(plan: Plan, usage: Usage, days: float) -> Usage:
    """The buckets in which jobs arrived and were measured."""
    begin = math.ceil(plan.warm_up_s * 1e3 / usage.bucket_ms - 1e-9)
    end = begin + max(1, math.floor(days * DAY_MS / usage.bucket_ms + 1e-9))
    rows = slice(begin, end)
    return Usage(
        usage.places,
        usage.bucket_ms,
        usage.end_ms,
        usage.used_ms[:, rows],
        usage.borrowed_ms[:, rows],
        usage.scaled_ms[:, rows],
        usage.running_ms[:, rows],
        usage.queued_ms[:, rows],
        usage.peak_scaled[:, rows],
        usage.peak_queued[:, rows],
    )


def as_it_goes(setting: Setting, usage: Usage) -> dict[Pool, Floats]:
    """By pool, the slots paid as they go in each bucket: baselines beyond commitments, and scaled ones."""
    found = {
        one.pool: np.full(usage.scaled_ms.shape[1], one.slots)
        for one in baselines(setting.capacity, usage.places)
    }
    for place, scaled in zip(usage.places, usage.scaled_ms, strict=True):
        if place.edition:
            found[pool_of(place)] = found[pool_of(place)] + scaled / usage.bucket_ms
    return found


def best_commitment(slots: Floats, as_it_goes: float, committed: float) -> tuple[int, float]:
    """How many slots to commit to, in steps of 50, and what that saves an hour.

    ``slots`` are those paid as they go at equal spaces of time. A commitment is paid always and spares the
    price of what it covers: it pays for those slots that are held for a larger share of the time than the
    ratio of the two prices.
    """
    most = math.ceil(float(slots.max(initial=0.0)) / STEP) * STEP
    sizes = np.arange(STEP, most + STEP, STEP)
    if not sizes.size:
        return 0, 0.0
    ordered = np.sort(slots)
    below = np.searchsorted(ordered, sizes)
    sums = np.concatenate(([0.0], np.cumsum(ordered)))[below]
    covered = (sums + sizes * (len(ordered) - below)) / len(ordered)
    saved = covered * as_it_goes - sizes * committed
    at = int(np.argmax(saved))
    return (int(sizes[at]), float(saved[at])) if saved[at] > 0 else (0, 0.0)


def _commitments(
    plan: Plan, known: Tariffs, setting: Setting, result: SettingResult, usage: Usage
) -> Iterator[str]:
    # Both kinds of commitments cover the same slots, and what they save cannot be added up.
    if usage.bucket_ms > LONGEST_MS or known.spends():
        return
    for pool, slots in as_it_goes(setting, usage).items():
        edition, location, _ = pool
        if edition == _NONE:
            continue
        price = known.slots(edition, location).of(HOUR_MS)
        told = []
        for term, words in TERMS.items():
            committed = known.slots(edition, location, term).of(HOUR_MS)
            size, saved = best_commitment(slots, price, committed)
            if saved * _DAY_HOURS > WORTH_SAYING * result.cost_per_day:
                saves = shown_money(saved * _DAY_HOURS, plan.money.currency)
                told.append(
                    f"{size:,} slots {words} save about {saves} a day (slots held more than "
                    f"{share(committed / price)} of the time are cheaper so)"
                )
        idle = [place.name for place, _ in _idle_baselines(setting, usage) if pool_of(place) == pool]
        # Slots of a baseline that nobody needs are no reason to commit to them.
        stay = f", as long as the baseline of {listed(idle)} stays" if idle else ""
        if told:
            yield f"Commitments in {pool_name(pool)}{stay}: {'; '.join(told)}"


def _idle_commitments(
    _plan: Plan, _known: Tariffs, setting: Setting, _result: SettingResult, usage: Usage
) -> Iterator[str]:
    for one in baselines(setting.capacity, usage.places):
        if not one.committed:
            continue
        mine = np.asarray([bool(p.edition) and pool_of(p) == one.pool for p in usage.places])
        used = (usage.used_ms[mine].sum(axis=0) / usage.bucket_ms).clip(0, one.committed)
        use = float(used.mean()) / one.committed
        if use < IDLE:
            yield (
                f"Of the {one.committed:,.0f} slots committed to in {pool_name(one.pool)}, {share(use)} are "
                "used on average"
            )


def _baselines(
    _plan: Plan, _known: Tariffs, setting: Setting, _result: SettingResult, usage: Usage
) -> Iterator[str]:
    for place, use in _idle_baselines(setting, usage):
        yield (
            f"The baseline of {place.name} is paid as it goes, {share(use)} of it is used on average; "
            "autoscaled slots have the same price and are paid only while they are held"
        )


def _idle_baselines(setting: Setting, usage: Usage) -> Iterator[tuple[Place, float]]:
    """Places whose baseline is paid as it goes and hardly used, and what share of it is."""
    beyond = {one.pool: one for one in baselines(setting.capacity, usage.places)}
    for at, place in enumerate(usage.places):
        pool = beyond.get(pool_of(place))
        if pool is None or not pool.slots or not place.baseline:
            continue
        own = (usage.used_ms[at] - usage.borrowed_ms[at]) / usage.bucket_ms
        use = float(own.clip(0, place.baseline).mean()) / place.baseline
        if use < IDLE:
            yield place, use


def _held(
    _plan: Plan, _known: Tariffs, _setting: Setting, _result: SettingResult, usage: Usage
) -> Iterator[str]:
    for at, place in enumerate(usage.places):
        scaled = usage.scaled_ms[at]
        if place.fluid or not scaled.sum():
            continue
        # Baseline slots come first, but when within a bucket is not known: all use may have been of scaled
        # ones, so that this is the least.
        own = usage.used_ms[at] - usage.borrowed_ms[at]
        idle = float((scaled - own.clip(0, scaled)).sum() / scaled.sum())
        if idle > HELD:
            yield (
                f"Of the slots that {place.name} scales up to, at least {share(idle)} are held without use; "
                "fluid scaling keeps them for a second instead of a minute"
            )


def _on_demand(
    plan: Plan, known: Tariffs, setting: Setting, result: SettingResult, usage: Usage
) -> Iterator[str]:
    reserved = math.fsum(one.amount for one in result.charges if one.unit == "slot-h")
    if not reserved or not result.whole.bytes_billed or _bytes_unknown(plan):
        return
    billed = np.asarray([result.whole.bytes_billed])
    cost = float(known.of_bytes(billed, result.days * _DAY_HOURS)[0]) / result.days
    paid_so = math.fsum(one.amount for one in result.charges if one.what == BYTES_BILLED) / result.days
    if math.isclose(cost, paid_so, rel_tol=1e-6):
        return
    paid = shown_money(cost, plan.money.currency)
    if cost < result.cost_per_day:
        slots = f"{setting.capacity.on_demand.project_slots:,} slots for each project"
        yield f"On demand the bytes of all jobs would cost less: {paid} a day, on {slots}"
    else:
        times = f"{cost / result.cost_per_day:.1f} times as much"
        yield f"On demand the bytes of all jobs would cost {paid} a day, {times}"


def _bytes_unknown(plan: Plan) -> bool:
    """Whether a plan leaves out what queries bill, so that a price of all bytes would be too low."""
    return any(
        kind.job_type == "QUERY" and not kind.bytes_billed
        for part in plan.workload
        if isinstance(part.origin, Generated)
        for kind in part.origin.mix
    )
