"""Workloads and chances of tests."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from bqsim.rehearse.plan.model import Arrivals, Generated, JobKind
from bqsim.rehearse.times import DAY_MS
from bqsim.rehearse.workloads.generate import GeneratedPart
from bqsim.rehearse.workloads.kinds import Chance
from bqsim.sim.scenario.latency import Exponential, Fixed
from bqsim.sim.slots.jobs import Jobs
from bqsim.sim.slots.seeds import generator

SEED = 20260808
PLAIN = JobKind(Exponential(10.0))
FIXED = JobKind(Fixed(10.0))


def chance(*purpose: object, seed: int = SEED) -> Chance:
    return partial(generator, seed, *purpose)


def together(chunks: Iterable[Jobs]) -> Jobs:
    """All jobs of chunks; none without chunks."""
    return Jobs.concatenated([Jobs.of(0), *chunks])


def part(
    arrivals: Arrivals,
    *mix: JobKind,
    days: float = 1.0,
    growth: float = 1.0,
    scale: float = 1.0,
    seed: int = SEED,
) -> GeneratedPart:
    origin = Generated(arrivals, mix or (FIXED,), growth)
    return GeneratedPart(origin, "made", chance("made", seed=seed), days * DAY_MS, scale)


def same(one: Jobs, other: Jobs) -> bool:
    """Whether all columns are the same, to the last bit."""
    return all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in Jobs.__dataclass_fields__
    )


def ascends(times: np.ndarray) -> bool:
    return bool((times[1:] >= times[:-1]).all())
