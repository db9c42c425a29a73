"""How many rows come in each second: blocks of seconds, from the rates that a plan writes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from bqsim.rehearse.plan import model as m
from bqsim.rehearse.plan.streams import BurstRate, ConstantRate, DiurnalRate, MmppRate, Stream
from bqsim.rehearse.workloads.arrivals import Cells, grown, intensities
from bqsim.rehearse.workloads.kinds import Chance
from bqsim.sim.slots.jobs import Floats

_HOUR_S = 3_600.0


def rows_by_second(
    stream: Stream, chance: Chance, seconds: int, block_s: int, *, week_ms: float = 0.0, times: float = 1.0
) -> Iterator[Floats]:
    """The rows of each second, in blocks of ``block_s`` (the last one is shorter). ``chance`` gives the
    generator of a purpose, ``week_ms`` is the first moment in the week, ``times`` as many rows come."""
    rate = stream.rate
    assert rate is not None
    scale = stream.scale * times
    if isinstance(rate, BurstRate):
        return _bursts(rate, chance, _blocks(seconds, block_s), scale, stream.growth)
    cells = intensities(
        _AS_ARRIVALS[type(rate)](rate),
        chance,
        seconds * 1e3,
        growth=stream.growth,
        scale=scale,
        week_ms=week_ms,
    )
    return _sampled(cells, _blocks(seconds, block_s))


def _diurnal(rate: DiurnalRate) -> m.Diurnal:
    return m.Diurnal(rate.per_s * _HOUR_S, rate.hours, rate.days, rate.peak_hour, rate.night_share)


def _mmpp(rate: MmppRate) -> m.Mmpp:
    return m.Mmpp(tuple(m.Phase(one.per_s * _HOUR_S, one.lasts_s) for one in rate.phases))


_AS_ARRIVALS: dict[type, Any] = {
    ConstantRate: lambda rate: m.Poisson(rate.per_s * _HOUR_S),
    DiurnalRate: _diurnal,
    MmppRate: _mmpp,
}


def _blocks(seconds: int, block_s: int) -> Iterator[tuple[int, int]]:
    return ((at, min(at + block_s, seconds)) for at in range(0, seconds, block_s))


def _sampled(cells: Iterator[Cells], blocks: Iterable[tuple[int, int]]) -> Iterator[Floats]:
    """What cells of time hold, by the second."""
    begins, lengths, rates = (np.empty(0) for _ in range(3))
    for at, until in blocks:
        while not len(begins) or begins[-1] + lengths[-1] < until * 1e3 - 1e-6:
            more = next(cells)
            begins, lengths, rates = (
                np.concatenate(pair) for pair in zip((begins, lengths, rates), more, strict=True)
            )
        if not (begins % 1e3).any() and not (lengths % 1e3).any():
            yield _repeated(begins, lengths, rates, at, until)
            later = begins + lengths > until * 1e3
            begins, lengths, rates = begins[later], lengths[later], rates[later]
            continue
        edges = np.concatenate((begins, [begins[-1] + lengths[-1]])) / 1e3
        held = np.concatenate(([0.0], np.cumsum(lengths * rates)))
        yield np.maximum(np.diff(np.interp(np.arange(at, until + 1), edges, held)), 0.0)
        later = begins + lengths > until * 1e3
        begins, lengths, rates = begins[later], lengths[later], rates[later]


def _repeated(begins: Floats, lengths: Floats, rates: Floats, at: int, until: int) -> Floats:
    """The same of cells of whole seconds: their rates themselves, exact to the last digit."""
    first = np.maximum(begins / 1e3, at)
    last = np.minimum((begins + lengths) / 1e3, until)
    return np.repeat(rates * 1e3, np.maximum(last - first, 0.0).astype(np.int64))


def _bursts(
    rate: BurstRate, chance: Chance, blocks: Iterable[tuple[int, int]], scale: float, growth: float
) -> Iterator[Floats]:
    """Bursts as even rates within their spread; those that reach into the next block are kept."""
    starts = _starts(rate, chance)
    some = next(starts)
    begun, sizes = np.empty(0), np.empty(0)
    spread = rate.spread_s
    for at, until in blocks:
        while some[-1] < until:
            some = np.concatenate((some, next(starts)))
        count = int(np.searchsorted(some, until))
        begun = np.concatenate((begun, some[:count]))
        sizes = np.concatenate((sizes, rate.size * scale * grown(some[:count] * 1e3, growth)))
        some = some[count:]
        if spread <= 1.0:
            # Within a second is the finest that is told.
            yield np.bincount((begun - at).astype(np.int64), sizes, until - at).astype(np.float64)
            begun, sizes = np.empty(0), np.empty(0)
            continue
        yield _evenly(begun, sizes, spread, at, until)
        later = begun + spread > until
        begun, sizes = begun[later], sizes[later]


def _evenly(begun: Floats, sizes: Floats, spread: float, at: int, until: int) -> Floats:
    """What bursts bring in each second from ``at`` to ``until``."""
    edges = np.concatenate((begun, begun + spread, [float(at), float(until)]))
    slopes = np.concatenate((sizes, -sizes, [0.0, 0.0])) / spread
    order = np.argsort(edges, kind="stable")
    edges, slopes = edges[order], np.cumsum(slopes[order])
    held = np.concatenate(([0.0], np.cumsum(np.diff(edges) * slopes[:-1])))
    return np.maximum(np.diff(np.interp(np.arange(at, until + 1), edges, held)), 0.0)


def _starts(rate: BurstRate, chance: Chance) -> Iterator[Floats]:
    """When bursts begin (seconds), in blocks without an end."""
    at = rate.first_s
    waits = chance("bursts")
    number, count = 0, 1 << 10
    while True:
        if rate.random:
            starts = at + np.cumsum(waits.standard_exponential(count)) * rate.every_s
            at = float(starts[-1])
        else:
            starts = at + rate.every_s * np.arange(number, number + count, dtype=np.float64)
        yield starts
        number += count


def is_drawn(stream: Stream) -> bool:
    """Whether another seed changes what comes."""
    rate = stream.rate
    return isinstance(rate, MmppRate) or (isinstance(rate, BurstRate) and rate.random)


def seconds_of(duration_ms: float) -> int:
    """The seconds of a time; one that is begun counts as whole."""
    return max(1, math.ceil(duration_ms / 1e3 - 1e-9))
