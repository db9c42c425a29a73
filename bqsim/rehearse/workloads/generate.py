"""Jobs that are made up: a block of arrivals at a time, and closed users with what they submit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import Closed, Generated
from bqsim.rehearse.times import YEAR_MS
from bqsim.sim.slots.jobs import Floats, Jobs, Shapes, Users

from .arrivals import BLOCK, arrival_times
from .kinds import Chance, Mix, sampler
from .model import JobClass

# How many jobs closed users choose from: so many together, at least so many each (a user who has few jobs has
# short ones more often than all together), at most so many together, but so many each whatever comes.
_POOL, _POOL_EACH, _POOL_MOST, _POOL_LEAST = 1 << 17, 256, 1 << 20, 8


class GeneratedPart:
    """Jobs of a description for ``duration_ms``, ``scale`` times as many, from a moment of the week on: a
    part of a workload.

    ``chance`` gives the generator of each purpose. A block of jobs follows from its number alone, so that
    the jobs of a day are the same however long the workload goes on. Raises :class:`RehearsalError` for
    what cannot be.
    """

    def __init__(
        self,
        origin: Generated,
        name: str,
        chance: Chance,
        duration_ms: float,
        scale: float = 1.0,
        week_ms: float = 0.0,
    ) -> None:
        self._origin = origin
        self._chance = chance
        self._mix = Mix(origin.mix, name)
        self._scale = scale
        self._week_ms = week_ms
        self.duration_ms = duration_ms
        closed = isinstance(origin.arrivals, Closed)
        if closed and origin.growth < 1.0:
            raise RehearsalError(f"the closed users of {name!r} cannot become fewer; their growth is below 1")

    @property
    def classes(self) -> Sequence[JobClass]:
        return self._mix.classes

    @property
    def shapes(self) -> Shapes:
        return self._mix.shapes

    def chunks(self) -> Iterator[Jobs]:
        arrivals = self._origin.arrivals
        if isinstance(arrivals, Closed):
            return
        blocks = arrival_times(
            arrivals,
            self._chance,
            self.duration_ms,
            growth=self._origin.growth,
            scale=self._scale,
            week_ms=self._week_ms,
        )
        counters = self._mix.counters()
        for number, at_ms in enumerate(blocks):
            yield self._mix.jobs(at_ms, self._of_block(number), counters)

    @cached_property
    def users(self) -> Users | None:
        """Closed users, each with a pool of jobs of its own. Each begins within the first time it thinks;
        with growth, more come later."""
        arrivals = self._origin.arrivals
        if not isinstance(arrivals, Closed):
            return None
        try:
            think = sampler(arrivals.think)
        except ValueError as error:
            raise RehearsalError(f"the thinking time of closed users: {error}") from None
        joined = self._joined(arrivals)
        if not len(joined):
            return None
        each = _pool_of_each(len(joined))
        counters = self._mix.counters()
        count = each * len(joined)
        blocks = [
            self._mix.jobs(np.zeros(min(BLOCK, count - at)), self._of_block(at // BLOCK), counters)
            for at in range(0, count, BLOCK)
        ]
        think_ms = think(self._chance("think"), np.arange(count)) * 1e3
        begun = self._chance("begin").random(len(joined)) * think_ms[::each]
        return Users(
            first_ms=joined + begun,
            pool=np.arange(0, count + 1, each, dtype=np.int64),
            jobs=Jobs.concatenated(blocks),
            think_ms=think_ms,
            until_ms=self.duration_ms,
        )

    def _joined(self, arrivals: Closed) -> Floats:
        """When each user is there: the first ones at once, the others as they grow."""
        users = arrivals.users * self._scale
        first = round(users)
        if self._origin.growth == 1.0 or not users:
            return np.zeros(first)
        last = math.floor(users * self._origin.growth ** (self.duration_ms / YEAR_MS))
        later = np.log(np.arange(first + 1, last + 1) / users) / math.log(self._origin.growth)
        return np.concatenate((np.zeros(first), np.maximum(later, 0.0) * YEAR_MS))

    def _of_block(self, number: int) -> Chance:
        return lambda *purpose: self._chance("jobs", number, *purpose)


def _pool_of_each(users: int) -> int:
    wanted = max(_POOL_EACH, math.ceil(_POOL / users))
    return max(_POOL_LEAST, min(wanted, _POOL_MOST // users))
