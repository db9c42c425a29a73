"""When jobs arrive: blocks of ascending times, from intensities and from bursts.

A process whose rate changes is a Poisson process of rate 1 in its own time, which goes by as fast as jobs
arrive. The jobs of two plans that differ in the rate alone are therefore the same jobs at other times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import Bursts, Diurnal, Mmpp, Poisson
from bqsim.rehearse.times import DAY_MS, HOUR_MS, YEAR_MS
from bqsim.sim.slots.jobs import Floats, Ints

from .kinds import Chance

BLOCK = 1 << 14

_CELLS = 4096
_MINUTES = 24 * 60
# Begins, lengths and rates (jobs by millisecond) of cells of time, one after the other without gaps.
Cells = tuple[Floats, Floats, Floats]


def grown(at_ms: Floats, growth: float) -> Floats:
    """How many times as many jobs there are as at the begin: ``growth`` after a year, evenly."""
    return np.exp(at_ms * (math.log(growth) / YEAR_MS))


def arrival_times(
    arrivals: Poisson | Mmpp | Diurnal | Bursts,
    chance: Chance,
    duration_ms: float,
    *,
    growth: float = 1.0,
    scale: float = 1.0,
    week_ms: float = 0.0,
) -> Iterator[Floats]:
    """The times of all arrivals before ``duration_ms``, ascending, in blocks of :data:`BLOCK` (the last one
    is shorter). ``week_ms`` is the first moment as hours and days of the week see it, since midnight before
    Monday.

    ``scale`` times as many: rates are higher by it, bursts larger. Raises :class:`RehearsalError` for a
    process that stands still.
    """
    if scale <= 0.0:
        return iter(())
    if isinstance(arrivals, Bursts):
        found = _bursts(arrivals, chance, growth, scale)
    else:
        cells = _CELLS_OF[type(arrivals)](arrivals, chance, week_ms)
        found = _poisson(_cut(cells, duration_ms, growth, scale), chance)
    return _blocks(_before(found, duration_ms))


def intensities(
    arrivals: Poisson | Mmpp | Diurnal,
    chance: Chance,
    duration_ms: float,
    *,
    growth: float = 1.0,
    scale: float = 1.0,
    week_ms: float = 0.0,
) -> Iterator[Cells]:
    """The rates that arrivals are drawn from, for what comes so often that it is a fluid."""
    cells = _CELLS_OF[type(arrivals)](arrivals, chance, week_ms)
    return _cut(cells, duration_ms, growth, scale)


def _constant(arrivals: Poisson, chance: Chance, week_ms: float) -> Iterator[Cells]:
    rate = np.full(24, arrivals.per_hour / HOUR_MS)
    for begin in _days(0.0):
        yield begin + HOUR_MS * np.arange(24, dtype=np.float64), np.full(24, HOUR_MS), rate


def _diurnal(arrivals: Diurnal, chance: Chance, week_ms: float) -> Iterator[Cells]:
    length = DAY_MS / _MINUTES
    minutes = np.arange(_MINUTES, dtype=np.float64)
    if arrivals.hours is None:
        low = arrivals.night_share
        # The mean of a cosine over each minute, for which its rate is constant.
        angle = 2.0 * math.pi / _MINUTES
        waves = np.cos((minutes + 0.5 - arrivals.peak_hour * 60.0) * angle) * np.sinc(0.5 * angle / math.pi)
        factors = low + (1.0 - low) * 0.5 * (1.0 + waves)
    else:
        if len(arrivals.hours) != 24:
            raise RehearsalError(f"'hours' has {len(arrivals.hours)} factors; a day has 24 hours")
        factors = np.repeat(np.asarray(arrivals.hours, float), 60)
    if arrivals.days is not None and len(arrivals.days) != 7:
        raise RehearsalError(f"'days' has {len(arrivals.days)} factors; a week has 7 days")
    rates = factors * (arrivals.per_hour / HOUR_MS)
    lengths = np.full(_MINUTES, length)
    for day, begin in enumerate(_days(-(week_ms % DAY_MS)), int(week_ms // DAY_MS)):
        factor = 1.0 if arrivals.days is None else arrivals.days[day % 7]
        yield begin + length * minutes, lengths, rates * factor


def _mmpp(arrivals: Mmpp, chance: Chance, week_ms: float) -> Iterator[Cells]:
    phases = [phase for phase in arrivals.phases if phase.lasts_s > 0.0]
    if not phases:
        raise RehearsalError("the phases of an MMPP must last longer than 0")
    rounds = max(1, _CELLS // len(phases))
    rates = np.tile([phase.per_hour / HOUR_MS for phase in phases], rounds)
    means = np.tile([phase.lasts_s * 1e3 for phase in phases], rounds)
    lengths_of = chance("phases")
    end = 0.0
    while True:
        ends = end + np.cumsum(lengths_of.standard_exponential(len(means)) * means)
        begins = np.concatenate(([end], ends[:-1]))
        yield begins, ends - begins, rates
        end = float(ends[-1])


_CELLS_OF: dict[type, Callable[[Any, Chance, float], Iterator[Cells]]] = {
    Poisson: _constant,
    Diurnal: _diurnal,
    Mmpp: _mmpp,
}


def _days(begin: float) -> Iterator[float]:
    while True:
        yield begin
        begin += DAY_MS


def _cut(cells: Iterable[Cells], duration_ms: float, growth: float, scale: float) -> Iterator[Cells]:
    """The cells from 0 to ``duration_ms``, with the growth that there is in the middle of each."""
    for begins, lengths, rates in cells:
        if begins[0] >= duration_ms:
            return
        if begins[0] < 0.0 or begins[-1] + lengths[-1] > duration_ms:
            ends = np.minimum(begins + lengths, duration_ms)
            begins = np.maximum(begins, 0.0)
            within = ends > begins
            begins, lengths, rates = begins[within], (ends - begins)[within], rates[within]
        rates = rates * scale
        if growth != 1.0:
            rates = rates * grown(begins + 0.5 * lengths, growth)
        yield begins, lengths, rates


def _poisson(cells: Iterable[Cells], chance: Chance) -> Iterator[Floats]:
    """The process in its own time, brought back through the cells, a few of them at a time."""
    block = 0
    own = left = _own_times(chance, block, 0.0)
    found = np.empty(BLOCK)
    filled = 0
    passed = 0.0
    for begins, lengths, rates in cells:
        some = np.flatnonzero(rates > 0.0)
        if not len(some):
            continue
        begins, lengths, rates = begins[some], lengths[some], rates[some]
        ends = passed + np.cumsum(lengths * rates)
        starts = np.concatenate(([passed], ends[:-1]))
        passed = float(ends[-1])
        while True:
            here = int(np.searchsorted(left, passed))
            cell = np.searchsorted(ends, left[:here], side="right")
            into = (left[:here] - starts[cell]) / rates[cell]
            found[filled : filled + here] = begins[cell] + np.minimum(into, lengths[cell])
            filled += here
            left = left[here:]
            if len(left):
                break
            yield found
            block += 1
            own = left = _own_times(chance, block, float(own[-1]))
            found, filled = np.empty(BLOCK), 0
    yield found[:filled]


def _own_times(chance: Chance, block: int, since: float) -> Floats:
    return since + np.cumsum(chance("arrivals", block).standard_exponential(BLOCK))


def _bursts(arrivals: Bursts, chance: Chance, growth: float, scale: float) -> Iterator[Floats]:
    """Ascending times without an end. Those of one burst, and of bursts that overlap, are held at once."""
    size = arrivals.size * scale
    spread_ms = arrivals.spread_s * 1e3
    pending = np.empty(0)
    wanted = 0.0
    made = bursts = 0
    for starts in _starts(arrivals, chance, max(1, int(min(BLOCK, BLOCK / size)))):
        if growth == 1.0:
            totals = size * np.arange(bursts + 1, bursts + len(starts) + 1)
        else:
            totals = wanted + np.cumsum(size * grown(starts, growth))
        # What is left of a job goes to the bursts after it.
        sizes = np.diff(np.floor(totals * (1.0 + 1e-12)).astype(np.int64), prepend=made)
        if spread_ms:
            spread = chance("spread", bursts).random(int(sizes.sum())) * spread_ms
            pending = np.sort(np.concatenate((pending, np.repeat(starts, sizes) + spread)))
            # No later burst begins before the last of these.
            ready = int(np.searchsorted(pending, starts[-1]))
            yield pending[:ready]
            pending = pending[ready:]
        else:
            yield from _repeated(starts, sizes)
        wanted = float(totals[-1])
        made += int(sizes.sum())
        bursts += len(starts)


def _starts(arrivals: Bursts, chance: Chance, count: int) -> Iterator[Floats]:
    """When bursts begin, ``count`` at a time, without an end."""
    every_ms = arrivals.every_s * 1e3
    if every_ms <= 0.0:
        raise RehearsalError("bursts need an 'every' above 0")
    at = arrivals.first_s * 1e3
    waits = chance("bursts")
    number = 0
    while True:
        if arrivals.random:
            starts = at + np.cumsum(waits.standard_exponential(count)) * every_ms
            at = float(starts[-1])
        else:
            starts = at + every_ms * np.arange(number, number + count, dtype=np.float64)
        yield starts
        number += count


def _repeated(starts: Floats, sizes: Ints) -> Iterator[Floats]:
    if int(sizes.sum()) <= 2 * BLOCK:
        yield np.repeat(starts, sizes)
        return
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        for piece in range(0, size, BLOCK):
            yield np.full(min(BLOCK, size - piece), start)


def _before(found: Iterable[Floats], duration_ms: float) -> Iterator[Floats]:
    """Those before ``duration_ms``; ``found`` need not end."""
    for some in found:
        count = int(np.searchsorted(some, duration_ms))
        yield some[:count]
        if count < len(some):
            return


def _blocks(found: Iterable[Floats]) -> Iterator[Floats]:
    """The same times in blocks of :data:`BLOCK`, never descending by a rounding."""
    waiting: list[Floats] = []
    count = 0
    last = 0.0
    for some in found:
        waiting.append(some)
        count += len(some)
        while count >= BLOCK:
            together = np.concatenate(waiting)
            block = np.maximum.accumulate(np.maximum(together[:BLOCK], last))
            last = float(block[-1])
            waiting = [together[BLOCK:]]
            count -= BLOCK
            yield block
    if count:
        yield np.maximum.accumulate(np.maximum(np.concatenate(waiting), last))
