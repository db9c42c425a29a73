"""The model of slots against a history: the same jobs, the capacity that they had, and how far off it is.

What is judged is not what was fitted: the part of a run that slots do not explain is taken from other runs of
the same query, never from the run itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bqsim.history import HistoryError, JobRecord, merged, read
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.errors import CassetteError
from bqsim.record.jobs_of import job_records
from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.slots.jobs import Floats, Ints, Outcomes, Source, State, Usage
from bqsim.sim.slots.routing import reservation_of
from bqsim.sim.slots.world import simulate

from .errors import RehearsalError
from .plan.model import Generated, History, Plan, Recorded, WorkloadPart
from .results import ALL, Calibration
from .timeline_exports import MINUTE_US, Minutes, Timelines, read_timelines
from .times import HOUR_MS, MINUTE_MS
from .workloads.building import build
from .workloads.floors import Runs
from .workloads.imported import Imported, part_of, read_history


@dataclass(frozen=True, slots=True)
class Off:
    """How far durations of a group are off: the median of the relative errors without their signs, and with
    them; ``jobs`` compared."""

    group: str
    jobs: int
    error: float
    bias: float


@dataclass(frozen=True, slots=True)
class SlotsOff:
    """Slot-hours of a reservation, or of a project on demand, as they were and as the model has them, and the
    error by minutes as a share; ``scaled`` ones where a timeline tells them."""

    place: str
    used: float
    model_used: float
    error: float
    scaled: float | None
    model_scaled: float | None


@dataclass(frozen=True, slots=True)
class Validation:
    """How far the model is off, in all, by groups of the plan and by place. ``notes`` are sentences."""

    calibration: Calibration
    groups: tuple[Off, ...]
    places: tuple[SlotsOff, ...]
    notes: tuple[str, ...] = ()


def validated(
    plan: Plan,
    folder: Path,
    files: Sequence[str | Path] = (),
    timelines: Sequence[str | Path] = (),
) -> Validation:
    """A plan's capacity against exports of JOBS (without any: against the histories of the plan itself), and
    against exports of RESERVATIONS_TIMELINE and JOBS_TIMELINE. Raises RehearsalError."""
    try:
        if files:
            history = read_history([Path(one) for one in files])
            source = ", ".join(Path(one).name for one in files)
        else:
            history, source = _own_history(plan, folder)
    except (HistoryError, CassetteError) as error:
        raise RehearsalError(str(error)) from None
    seen = read_timelines(timelines) if timelines else None
    if seen is not None:
        source = f"{source}; {', '.join(seen.files)}"
    return validate(plan, history, seen, source=source)


def _own_history(plan: Plan, folder: Path) -> tuple[Imported, str]:
    origins = [part.origin for part in plan.workload if not isinstance(part.origin, Generated)]
    names = [name for one in origins for name in (one.files if isinstance(one, History) else (one.path,))]
    if not names:
        raise RehearsalError("the plan has no history to validate with; name exports of JOBS")
    if all(isinstance(one, History) for one in origins):
        return read_history([folder / one for one in names]), ", ".join(names)

    def records(one: History | Recorded) -> Iterator[JobRecord]:
        if isinstance(one, Recorded):
            return iter(job_records(Cassette.open(folder / one.path)))
        return read([folder / name for name in one.files])

    return part_of(merged(chain.from_iterable(map(records, origins)))), ", ".join(names)


def validate(
    plan: Plan, history: Imported, timelines: Timelines | None = None, *, source: str = "the history"
) -> Validation:
    """Replay ``history`` under the plan's capacity and compare slots by minute, autoscaled slots and
    durations. Jobs of the warm-up, those without slot time and those without a known end are not compared."""
    part = replace(history, jobs=history.jobs.with_columns(floor_ms=held_out_floors(history)))
    plain = replace(plan, workload=(WorkloadPart(History(())),), days=None)
    workload = build(plain, histories={0: part})
    floor = part.jobs.floor_ms
    starts, ends = np.full((2, len(part.jobs)), np.nan)
    states = np.zeros(len(part.jobs), np.uint8)
    groups = np.zeros(len(part.jobs), np.int32)

    def sink(outcomes: Outcomes) -> None:
        starts[outcomes.row] = outcomes.start_ms
        ends[outcomes.row] = outcomes.end_ms
        states[outcomes.row] = outcomes.state
        groups[outcomes.row] = outcomes.group

    usage = simulate(plan.capacity, workload, sink, seed=plan.seed, bucket_ms=MINUTE_MS)
    runs, warm_ms = history.runs, plan.warm_up_s * 1000.0
    actual, model = runs.end_ms - runs.at_ms, ends - runs.at_ms
    ran = np.isin(states, (State.DONE, State.FAILED)) & ~np.isnan(ends)
    compared = ran & (actual > 0) & (runs.slot_ms > 0) & (runs.at_ms >= warm_ms)
    if not compared.any():
        raise RehearsalError(f"{source}: no job has slot time, a creation time and an end to compare")
    relative = (model[compared] - actual[compared]) / actual[compared]
    whole = _off(ALL, relative)
    numbers = groups[compared]
    by_group = tuple(
        _off(name, relative[numbers == number])
        for number, name in enumerate(workload.groups)
        if bool((numbers == number).any())
    )
    # Both as an export tells them: their slots by minute are spread in the same way.
    outside = np.where(np.isnan(runs.outside_ms), np.nan, floor)
    ours = replace(runs, start_ms=starts, end_ms=ends, outside_ms=outside)
    places, notes = _places(plan.capacity, history, ours, usage, timelines, warm_ms)
    rejected = int((~ran & (runs.at_ms >= warm_ms)).sum())
    if rejected:
        notes.append(f"{rejected} jobs of the history do not end in the model: its queues were full.")
    scaled = [one for one in places if one.scaled is not None]
    calibration = Calibration(
        jobs=int(compared.sum()),
        slots_error=_share(sum(one.error * one.used for one in places), sum(one.used for one in places)),
        scaled_error=_share(
            sum(abs((one.model_scaled or 0.0) - (one.scaled or 0.0)) for one in scaled),
            sum(one.scaled or 0.0 for one in scaled),
        )
        if scaled
        else None,
        duration_error=whole.error,
        duration_bias=whole.bias,
        source=source,
    )
    return Validation(calibration, by_group, places, tuple(notes))


def _off(group: str, relative: Floats) -> Off:
    return Off(group, len(relative), float(np.median(np.abs(relative))), float(np.median(relative)))


def _share(off: float, of: float) -> float:
    """An error as a share of what was; all of it where there was nothing."""
    return off / of if of > 0 else float(off > 0)


def held_out_floors(history: Imported) -> Floats:
    """For each job the floor that other runs suggest: every second run of its query for the others and the
    other way round; without such, those of its pool. It is their median, or their median as a share of what
    their stages take, whichever tells these runs better."""
    runs, floor = history.runs, history.jobs.floor_ms
    ideal = np.maximum(runs.ideal_ms, 1e-3)
    rows = np.flatnonzero(runs.slot_ms > 0)
    out = floor.copy()
    found = np.zeros(len(floor), np.bool_)
    for key, usable in ((runs.kind, runs.kind >= 0), (runs.pool, runs.pool >= 0)):
        own = rows[usable[rows]]
        half = _turn(key[own])
        for side in (0, 1):
            told, to = own[half != side], own[half == side]
            median = partial(_medians, key[told], size=int(key.max(initial=0)) + 1)
            fixed, share = median(floor[told]), median(floor[told] / ideal[told])
            of = key[told]
            fixed_off = median(np.abs(floor[told] - fixed[of]))
            share_off = median(np.abs(floor[told] - share[of] * ideal[told]))
            to = to[~found[to] & ~np.isnan(fixed[key[to]])]
            of = key[to]
            out[to] = np.where(share_off[of] < fixed_off[of], share[of] * ideal[to], fixed[of])
            found[to] = True
    return out


def _turn(key: NDArray[np.int32]) -> Ints:
    """Whether each is an even or an odd one of its key."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else np.zeros(0, int)
    out = np.empty(len(key), np.int64)
    out[order] = (np.arange(len(key)) - np.repeat(begins, np.diff(np.r_[begins, len(key)]))) % 2
    return out


def _medians(key: NDArray[np.int32], values: Floats, size: int) -> Floats:
    """The lower median of the values of each key; NaN without any."""
    out = np.full(size, np.nan)
    order = np.lexsort((values, key))
    ordered = key[order]
    if len(order):
        begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        counts = np.diff(np.r_[begins, len(order)])
        out[ordered[begins]] = values[order][begins + (counts - 1) // 2]
    return out


def _places(
    capacity: Capacity,
    history: Imported,
    ours: Runs,
    usage: Usage,
    timelines: Timelines | None,
    warm_ms: float,
) -> tuple[tuple[SlotsOff, ...], list[str]]:
    """Slots by place and minute, as they were and in the model, whose runs are ``ours``."""
    notes: list[str] = []
    number_of = {(one.name, bool(one.edition)): number for number, one in enumerate(usage.places)}
    place = np.asarray([number_of.get(_place(capacity, one.source), -1) for one in history.classes])
    place = place[history.jobs.source]
    rows = [np.flatnonzero(place == one) for one in range(len(usage.places))]
    first = int(np.ceil(warm_ms / MINUTE_MS))
    ended = float(np.nanmax(np.concatenate([history.runs.end_ms, ours.end_ms, [0.0]])))
    minutes = max(usage.used_ms.shape[1], int(ended // MINUTE_MS) + 1, first + 1)
    used = np.stack([by_minute(history.runs, one, minutes) for one in rows])
    model = np.stack([by_minute(ours, one, minutes) for one in rows])
    if timelines is not None and timelines.used:
        told = np.zeros_like(used)
        for source, values in timelines.used.items():
            number = number_of.get(_place(capacity, source))
            if number is not None:
                _add(told[number], values, history.begin_us)
        if told.any():
            used, model = told, _widened(usage.used_ms, minutes)
        else:
            notes.append("JOBS_TIMELINE is of other jobs or of another time: it was not compared.")
    charged_in_model = _widened(usage.scaled_ms, minutes)[:, first:]
    scaled = _scaled(timelines, number_of, charged_in_model, history.begin_us + first * MINUTE_US)
    out = []
    for number, one in enumerate(usage.places):
        was, has = used[number, first:], model[number, first:]
        charged = scaled.get(number)
        if charged is None and not was.any() and not has.any():
            continue
        out.append(
            SlotsOff(
                one.name,
                float(was.sum()) / HOUR_MS,
                float(has.sum()) / HOUR_MS,
                _share(float(np.abs(was - has).sum()), float(was.sum())),
                None if charged is None else charged[0] / HOUR_MS,
                None if charged is None else charged[1] / HOUR_MS,
            )
        )
    return tuple(out), notes


def _place(capacity: Capacity, source: Source) -> tuple[str, bool]:
    """Where the jobs of a source run: a name, and whether it is a reservation's."""
    name = reservation_of(capacity, source)
    return name or source.project, name in capacity.reservations


def _scaled(
    timelines: Timelines | None, number_of: Mapping[tuple[str, bool], int], model: Floats, begin_us: int
) -> dict[int, tuple[float, float]]:
    """Autoscaled slot-milliseconds by place, as charged and in the model, of the same minutes."""
    out: dict[int, tuple[float, float]] = {}
    if timelines is None or not timelines.scaled:
        return out
    for name, told in timelines.scaled.items():
        number = number_of.get((name, True))
        same = [at for minute in told if 0 <= (at := (minute - begin_us) // MINUTE_US) < model.shape[1]]
        if number is not None and same:
            charged = np.zeros(model.shape[1])
            _add(charged, told, begin_us)
            out[number] = (float(charged.sum()), float(model[number, same].sum()))
    if not out:
        names = ", ".join(sorted(timelines.scaled))
        raise RehearsalError(
            f"{', '.join(timelines.files)}: RESERVATIONS_TIMELINE tells of {names}, "
            "not of a reservation of the plan at the time of the history"
        )
    return out


def _widened(values: Floats, minutes: int) -> Floats:
    out = np.zeros((len(values), minutes))
    out[:, : values.shape[1]] = values
    return out


def _add(to: Floats, told: Minutes, begin_us: int) -> None:
    """Add the minutes that are there."""
    for minute_us, value in told.items():
        at = (minute_us - begin_us) // MINUTE_US
        if 0 <= at < len(to):
            to[at] += value


def by_minute(runs: Runs, rows: Ints, minutes: int) -> Floats:
    """Slot-milliseconds of each minute, the work of each run spread evenly over the time that its stages
    took: what is outside of them is before them."""
    start, end = runs.start_ms[rows] + np.nan_to_num(runs.outside_ms[rows]), runs.end_ms[rows]
    # A run that has not ended did its work up to now; when that is, is not known.
    end = np.where(np.isnan(end), start, end)
    slot_ms = runs.slot_ms[rows]
    out = np.zeros(minutes)
    at_once = end - start < 1.0
    np.add.at(out, np.clip((start[at_once] // MINUTE_MS).astype(int), 0, minutes - 1), slot_ms[at_once])
    start, end, slot_ms = start[~at_once], end[~at_once], slot_ms[~at_once]
    if not len(start):
        return out
    rate = slot_ms / (end - start)
    times = np.concatenate([start, end])
    order = np.argsort(times, kind="stable")
    times = times[order]
    level = np.cumsum(np.concatenate([rate, -rate])[order])
    done = np.concatenate([[0.0], np.cumsum(level[:-1] * np.diff(times))])
    out += np.diff(np.interp(np.arange(minutes + 1) * MINUTE_MS, times, done))
    return np.maximum(out, 0.0)
